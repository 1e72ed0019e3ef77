"""A connection to a library system that speaks SIP2: opened, logged in, asked one thing at a time.

Whether a peer acted on a question that was given up is not known, and is never guessed: the caller gets
`Unheard` and settles it by asking (17, 63). A connection that broke is of no more use; the next question
opens another. Nothing here retries a transaction over two connections.
"""

import asyncio
import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from central.sip2 import conversation
from central.sip2.codec import PLAIN, Dialect, Frame
from central.sip2.conversation import Answered, Send, Talk, Unanswered
from central.sip2.framing import Framer
from central.sip2.messages import AcsStatus, Login, LoginResponse, Message, ScStatus
from wire.errors import ConfigError, LinkError

log = logging.getLogger("turnleaf.central.sip2")

PROMPTS = (b"login:", b"user", b"password:")
"""What some systems ask, as a terminal would, before SIP2 begins."""


ALLOWED = {"11": "checkout", "09": "checkin"}
"""Code of a request -> the flag of 98 that says whether it may be made. That of renewals is not believed:
some systems that renew say no there."""


class Unheard(LinkError):
    """A question was sent and not answered; whether the peer acted on it is not known."""


class Unreachable(LinkError):
    """The peer cannot be reached; it got nothing."""


class LoginRefused(ConfigError):
    """The peer does not take the account."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a library system is, and as whom to come."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    location: str = ""
    dialect: Dialect = PLAIN
    timeout_s: float = 5.0
    retries: int = 2
    tls: bool = False
    ca: Path | None = None
    """PEM file of the authority that signed the peer's certificate; None takes the system's."""
    prompts: bool = False
    """Whether the peer asks for user and password as a terminal does, before SIP2."""

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return f"{self.host}:{self.port}"


class Connection:
    """One connection; use `open`, and `close` at the end."""

    def __init__(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peer = peer
        self.status: AcsStatus | None = None
        """What the peer said that it can do."""
        self.talk = Talk(peer.dialect, peer.retries)
        self._reader = reader
        self._writer = writer
        self._framer = Framer(utf8=False)  # titles hold bytes of other encodings, also FF
        self._lock = asyncio.Lock()
        self._waiting: list[bytes] = []
        self.broken = False
        self._unread: set[str] = set()

    @classmethod
    async def open(cls, peer: Peer) -> "Connection":
        """Connect, log in and ask for the status; raises Unreachable, LoginRefused or Unheard."""
        try:
            async with asyncio.timeout(peer.timeout_s):
                reader, writer = await asyncio.open_connection(
                    peer.host, peer.port, ssl=_context(peer), limit=1 << 17
                )
        except (OSError, TimeoutError, ValueError, OverflowError) as error:
            raise Unreachable(
                f"{peer.name}: cannot connect ({str(error) or 'no answer'})",
                why="The library system was asked nothing.",
                do="Look at address, port and TLS of the library system's SIP2 service.",
            ) from error
        found = cls(peer, reader, writer)
        try:
            await found._begin()
        except BaseException:
            await found.close()
            raise
        return found

    async def _begin(self) -> None:
        if self.peer.prompts:
            await self._answer_prompts()
        elif self.peer.user:
            said = await self.request(
                Login(user=self.peer.user, password=self.peer.password, location=self.peer.location)
            )
            if not isinstance(said.message, LoginResponse) or not said.message.ok:
                raise LoginRefused(
                    f"{self.peer.name}: the login of {self.peer.user} was refused",
                    why="Nothing can be asked of the library system.",
                    do="Look at user, password and location of the SIP2 account.",
                )
        await self.ask_status()

    async def ask_status(self) -> None:
        """Ask what the peer can do now (99); raises Unheard."""
        said = await self.request(ScStatus())
        self.status = said.message if isinstance(said.message, AcsStatus) else None
        self._unread = {problem.partition(":")[0] for problem in said.problems}

    async def allows(self, code: str) -> bool:
        """Say whether the peer lets us make a request now; one that said no in 98 is asked once more.

        What it did not say, or said so that it cannot be read, is allowed: then the request finds out.
        """
        flag = ALLOWED.get(code)
        if flag is None or not self._says_no(flag):
            return True
        await self.ask_status()
        return not self._says_no(flag)

    def _says_no(self, flag: str) -> bool:
        return self.status is not None and flag not in self._unread and not getattr(self.status, flag)

    async def _answer_prompts(self) -> None:
        for word in (self.peer.user, self.peer.password):
            try:
                await self._read_until_prompt()
                self._writer.write(word.encode(self.peer.dialect.encoding) + b"\r\n")
                await self._writer.drain()
            except OSError as error:
                raise self._unheard(f"the connection broke at the login ({error})") from error

    async def _read_until_prompt(self) -> None:
        seen = b""
        try:
            async with asyncio.timeout(self.peer.timeout_s):
                while not any(prompt in seen.lower() for prompt in PROMPTS):
                    data = await self._reader.read(4096)
                    if not data:
                        raise self._unheard("it hung up at the login")
                    self._framer.feed(data)
                    seen += data
        except TimeoutError as error:
            raise self._unheard("it asked for no login") from error

    async def request(self, message: Message) -> Frame:
        """Ask one thing and return its answer; raises Unheard when none came, whatever was sent."""
        async with self._lock:
            if self.broken:
                raise Unreachable(
                    f"{self.peer.name}: the connection is gone", do="It is opened anew by itself."
                )
            self._waiting.clear()  # whatever came since answers nothing that is asked now
            self.broken = True  # until the answer is there, also when the caller is cancelled meanwhile
            try:
                async with asyncio.timeout(self.peer.timeout_s * (self.peer.retries + 2) * 2):
                    found = await self._until_answered(message)
            except TimeoutError as error:
                raise self._unheard("it says other things than the answer") from error
            self.broken = False
            return found

    async def _until_answered(self, message: Message) -> Frame:
        self.talk, effects = conversation.ask(self.talk, message)
        while True:
            for effect in effects:
                match effect:
                    case Send(data):
                        await self._send(data)
                    case Answered(frame):
                        return frame
                    case Unanswered(why):
                        raise self._unheard(why)
            self.talk, effects = await self._listen()

    async def _send(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise self._unheard(f"the connection broke ({error})") from error

    async def _listen(self) -> tuple[Talk, tuple[conversation.Effect, ...]]:
        if self._waiting:
            return conversation.heard(self.talk, self._waiting.pop(0))
        try:
            async with asyncio.timeout(self.peer.timeout_s):
                data = await self._reader.read(16_384)
        except TimeoutError:
            return conversation.silence(self.talk)
        except OSError as error:
            raise self._unheard(f"the connection broke ({error})") from error
        if not data:
            raise self._unheard("it hung up without an answer")
        self._waiting += self._framer.feed(data)
        return self.talk, ()

    def _unheard(self, why: str) -> Unheard:
        return Unheard(
            f"{self.peer.name}: {why}",
            why="Whether the library system acted on the question is not known.",
            do="It is settled by asking for item and patron; if this stays, look at the library system.",
        )

    @property
    def gone(self) -> bool:
        """Whether the peer has hung up meanwhile, as many do with idle connections."""
        return self.broken or self._reader.at_eof()

    async def close(self) -> None:
        """Hang up; never raises."""
        self.broken = True
        self._writer.close()
        try:
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()
        except (OSError, TimeoutError, ssl.SSLError):
            return


def _context(peer: Peer) -> ssl.SSLContext | None:
    if not peer.tls:
        return None
    context = ssl.create_default_context(cafile=str(peer.ca) if peer.ca else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
