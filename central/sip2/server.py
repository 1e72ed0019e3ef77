"""The listener for terminals of other makes: its socket, its limits, its end. `line` is one connection."""

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from central.sip2.effects import Silent
from central.sip2.house import House
from central.sip2.line import GOODBYE_S, Line
from wire.errors import LinkError

log = logging.getLogger("turnleaf.central.sip2.server")

REPORT_S = 60.0
"""How often the log says who is connected, if that has changed or anybody was answered."""


@dataclass(frozen=True, slots=True)
class Report:
    """How the listener stands, for whoever is on call: accounts are named, patrons never."""

    connections: int
    accounts: dict[str, int]
    """Connections by account; `` are those that have not logged in."""
    answered: int
    """Frames that were sent since it listens."""
    turned_away: int

    def __str__(self) -> str:
        each = ", ".join(
            f"{name or 'not logged in'} {count}" for name, count in sorted(self.accounts.items())
        )
        return (
            f"SIP2: {self.connections} connections{f' ({each})' if each else ''}, {self.answered} answers,"
            f" {self.turned_away} turned away"
        )


class Sip2Server:
    """Listens, and lives until it is cancelled."""

    def __init__(
        self,
        house: House,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        *,
        report_s: float = REPORT_S,
    ) -> None:
        self.house = house
        self.port = port
        self.lines: set[Line] = set()
        self.by_address: Counter[str] = Counter()
        self.turned_away = 0
        """Connections that were one too many."""
        self.answered = 0
        """Frames that were sent."""
        self._host = host
        self._tls = tls
        self._report_s = report_s

    async def run(self, ready: Callable[[int], None] = lambda port: None) -> None:
        """Listen until cancelled; `ready` is told the port. Raises LinkError when it cannot."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: Line(self, self.house),
                self._host,
                self.port,
                ssl=self._tls,
                ssl_handshake_timeout=self.house.limits.login_s if self._tls else None,
                backlog=512,
            )
        except OSError as error:
            raise LinkError(
                f"{self._host}:{self.port}: cannot listen: {error.strerror or error}",
                why="Terminals that speak SIP2 cannot come in.",
                do="Look at sip2_server.host and port, and who has that port already.",
            ) from error
        self.port = server.sockets[0].getsockname()[1]
        try:
            ready(self.port)
            before, told = self.report(), loop.time()
            while True:
                await asyncio.sleep(
                    min(1.0, self._report_s, self.house.limits.idle_s / 4, self.house.limits.login_s / 4)
                )
                self._sweep(loop.time())
                if loop.time() - told >= self._report_s:
                    now, told = self.report(), loop.time()
                    if now != before:
                        log.info("%s", now)
                    before = now
        finally:
            server.close()
            await self._close_all()
            self.house.close()

    def report(self) -> Report:
        """Say who is connected."""
        accounts = Counter(
            "" if one.session.account is None else one.session.account.name for one in self.lines
        )
        return Report(len(self.lines), dict(accounts), self.answered, self.turned_away)

    def _sweep(self, now: float) -> None:
        """Hang up where nothing came for too long, or nobody logged in."""
        for line in list(self.lines):
            if now > line.deadline():
                line.take(Silent())

    async def _close_all(self) -> None:
        tasks = [line.task for line in self.lines if line.task is not None]
        for line in list(self.lines):
            line.hang_up("we stop")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        deadline = asyncio.get_running_loop().time() + GOODBYE_S
        while self.lines and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        for line in list(self.lines):
            line.abort()

    def admit(self, line: Line) -> bool:
        """Take a connection in, if there is room."""
        limits = self.house.limits
        room = len(self.lines) < limits.connections
        if not room or self.by_address[line.address] >= limits.connections_per_address:
            self.turned_away += 1
            if self.turned_away & (self.turned_away - 1) == 0:  # the first, second, fourth, eighth ...
                log.warning("a terminal at %s was turned away (%d so far)", line.address, self.turned_away)
            return False
        self.lines.add(line)
        self.by_address[line.address] += 1
        return True

    def leave(self, line: Line) -> None:
        """Let a connection go."""
        if line in self.lines:
            self.lines.discard(line)
            self.by_address[line.address] -= 1
            if not self.by_address[line.address]:
                del self.by_address[line.address]
