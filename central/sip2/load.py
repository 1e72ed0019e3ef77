"""How many questions a second a SIP2 server answers, and how long each takes: a closed loop over connections.

Every connection asks its next question when it has its answer, as a terminal does. The frames are written
before the clock starts, and sockets are served by one `select.epoll` without asyncio: what is measured is to
be the server, so the asking must cost less than the answering. How much it cost is told with the figures
(`asker_cpu_us`), so that a reader can see whether it did. Not for talking with a library system: `client` is.
"""

import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from central.sip2.codec import PLAIN, Dialect, encode
from central.sip2.conversation import ANSWERS
from central.sip2.messages import Login, Message, PatronInformation, PatronStatusRequest, ScStatus
from central.sip2.messages_items import Checkin, Checkout, ItemInformation
from wire.errors import ConfigError, LinkError

READING = ("99", "23", "63", "17")
"""Requests that change nothing."""
CHANGING = ("11", "09")
"""Requests that lend and take back."""
WELL = {"11": b"121", "09": b"101"}
"""How the answer to a request begins when it was carried out; others begin with their code alone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked, by how many."""

    host: str
    port: int
    messages: tuple[str, ...] = ("63",)
    """Codes in turn, e.g. ("11", "09")."""
    connections: int = 1
    count: int = 1000
    """Questions of all connections together."""
    patron: str = ""
    """`{n}` in it stands for the number of the connection, from 0."""
    item: str = ""
    institution: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    dialect: Dialect = PLAIN
    timeout_s: float = 30.0
    """So long no answer may be missing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it."""

    answers: int
    seconds: float
    took_ms: dict[str, list[float]]
    """Code of the request -> how long each took, sorted."""
    others: int
    """Answers of another kind than was asked for, or that say no."""
    asker_cpu_us: float
    """Processor time of the asking, a question."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    def part(self, code: str, share: float) -> float:
        """Return the time within which `share` of the answers to a request came, ms."""
        times = self.took_ms[code]
        return times[min(len(times) - 1, int(len(times) * share))]


@dataclass(slots=True)
class _Line:
    socket: socket.socket
    todo: Iterator[tuple[str, bytes, bytes]]
    code: str = ""
    well: bytes = b""
    sent: float = 0.0
    held: bytes = b""


def question(code: str, plan: Plan, n: int, at: datetime) -> Message:
    """Return a question of connection `n`; raises ConfigError for a code that is not measured."""
    patron, item = plan.patron.replace("{n}", str(n)), plan.item.replace("{n}", str(n))
    match code:
        case "99":
            return ScStatus()
        case "23":
            return PatronStatusRequest(at=at, institution=plan.institution, patron=patron)
        case "63":
            return PatronInformation(at=at, institution=plan.institution, patron=patron)
        case "17":
            return ItemInformation(at=at, institution=plan.institution, item=item)
        case "11":
            return Checkout(at=at, no_block_due=at, institution=plan.institution, patron=patron, item=item)
        case "09":
            return Checkin(at=at, returned=at, institution=plan.institution, item=item)
        case _:
            raise ConfigError(
                f"{code} is not measured", do=f"Take some of {', '.join((*READING, *CHANGING))}, e.g. 11,09."
            )


def frames(plan: Plan, n: int, count: int, at: datetime) -> list[tuple[str, bytes, bytes]]:
    """Return `count` questions of connection `n`: code, frame, how a good answer begins.

    No two are the same bytes: each has its own second, so none is taken for a repeated one.
    """
    made = []
    for k in range(count):
        code = plan.messages[k % len(plan.messages)]
        asked = question(code, plan, n, at + timedelta(seconds=k))
        well = WELL.get(code, ANSWERS[code].encode())
        made.append((code, encode(asked, plan.dialect, str((k + 1) % 10)), well))
    return made


def load(plan: Plan, at: datetime) -> Load:
    """Ask, and measure; `at` is told as the time of the first question. Raises LinkError or ConfigError."""
    shares = [
        plan.count // plan.connections + (n < plan.count % plan.connections) for n in range(plan.connections)
    ]
    todo = [frames(plan, n, share, at) for n, share in enumerate(shares)]
    lines: list[_Line] = []
    try:
        for made in todo:
            lines.append(_Line(_connected(plan), iter(made)))
            if plan.user:
                _log_in(lines[-1].socket, plan)
        return _measured(plan, lines)
    except OSError as error:
        raise LinkError(
            f"{plan.host}:{plan.port}: {error}",
            why="The figures would be of something else.",
            do="Look whether the SIP2 service is there, and takes so many connections from one address.",
        ) from error
    finally:
        for line in lines:
            line.socket.close()


def _connected(plan: Plan) -> socket.socket:
    found = socket.create_connection((plan.host, plan.port), timeout=plan.timeout_s)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def _log_in(one: socket.socket, plan: Plan) -> None:
    one.sendall(encode(Login(user=plan.user, password=plan.password), plan.dialect, "0"))
    said = b""
    while not said.endswith(b"\r"):
        data = one.recv(4096)
        said += data
        if not data or said[:3] == b"940":
            raise ConfigError(
                f"{plan.host}:{plan.port}: the login of {plan.user} was refused",
                why="Nothing can be measured without it.",
                do="Look at --user and --password-file.",
            )


def _measured(plan: Plan, lines: Sequence[_Line]) -> Load:
    took: dict[str, list[float]] = {code: [] for code in plan.messages}
    others = 0
    waiting = {line.socket.fileno(): line for line in lines}
    poll = select.epoll()
    clock = time.perf_counter
    try:
        for number in waiting:
            poll.register(number, select.EPOLLIN)
        used, began = time.process_time(), clock()
        for line in lines:
            _next(line, waiting)
        while waiting:
            found = poll.poll(plan.timeout_s)
            if not found:
                raise TimeoutError(f"no answer for {plan.timeout_s:g} s")
            for number, _ in found:
                line = waiting[number]
                data = line.socket.recv(65_536)
                if not data:
                    raise ConnectionError("it hung up in the middle")
                line.held += data
                if b"\r" not in data:
                    continue
                took[line.code].append((clock() - line.sent) * 1000)
                others += not line.held.startswith(line.well)
                line.held = b""
                _next(line, waiting)
        seconds, used = clock() - began, time.process_time() - used
    finally:
        poll.close()
    answers = sum(map(len, took.values()))
    return Load(
        answers, seconds, {code: sorted(times) for code, times in took.items()}, others,
        used / max(1, answers) * 1e6,
    )  # fmt: skip


def _next(line: _Line, waiting: dict[int, _Line]) -> None:
    """Ask the next question; with none left the line is done."""
    following = next(line.todo, None)
    if following is None:
        del waiting[line.socket.fileno()]
        return
    line.code, frame, line.well = following
    line.sent = time.perf_counter()
    line.socket.sendall(frame)
