"""A library that speaks SIP2 on a free port, with a real ledger and desk, and a terminal that speaks with it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from central_kit import REGISTRY, settings_in
from pysip2.codec import decode_message

from central.authority import OwnLedger
from central.config import CentralSettings, Sip2ServerSettings
from central.desk import Desk
from central.ledger import pins
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.ledger.seed import Registry, load
from central.pin_tries import PinTries
from central.sip2.codec import Dialect, Frame, Unreadable, checksum, decode
from central.sip2.messages import Message
from central.sip2.serve import serve
from circulation.policy import Policy
from wire.clock import Clock, SystemClock

CHEAP = 16
"""Cost of secrets in tests: what takes 40 ms in earnest takes none here."""
SECRET = "terminal-password"
AT = "20261121    093000"
POLICY = Policy.model_validate(
    {"fees": {"currency": "EUR", "fine_per_day": "0.20"}, "defaults": {"renewals": 2}}
)


def account(user: str = "selfcheck-1", **more: Any) -> dict[str, Any]:
    sealed = pins.seal(SECRET, n=CHEAP)
    return {"user": user, "secret": sealed, "branch": "main", "institution": "harbour"} | more


def told(folder: Path, **more: Any) -> Sip2ServerSettings:
    asked = {"port": 0, "accounts": [account()]} | more
    settings: CentralSettings = settings_in(folder, sip2_server=asked)
    assert settings.sip2_server is not None
    return settings.sip2_server


@dataclass
class Library:
    """What runs."""

    port: int
    ledger: Ledger
    desk: Desk


def registry() -> Registry:
    more = {
        "patron": "patron-88", "card": "CARD0888", "first_name": "Otto", "class": "adult", "home": "main",
        "language": "de", "expires": "2020-01-31",
    }  # fmt: skip
    return Registry.model_validate_json(json.dumps(REGISTRY | {"patrons": [*REGISTRY["patrons"], more]}))


@contextlib.asynccontextmanager
async def library(
    folder: Path, policy: Policy = POLICY, clock: Clock | None = None, **more: Any
) -> AsyncIterator[Library]:
    """Run the server on a ledger in `folder`, which is made when it is not there."""
    clock = clock or SystemClock()
    settings = told(folder, **more)
    fresh = not (folder / "ledger.db").exists()
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}", policy=policy, clock=clock)
    if fresh:
        load(ledger.hot, registry(), millis(clock.now()))
        ledger.hot.connection.execute(
            "UPDATE patron SET pin = ? WHERE patron = 'patron-77'", (pins.seal("8642", n=CHEAP),)
        )
    desk = Desk(ledger, OwnLedger(policy), policy, clock, b"k" * 32)
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    tries = PinTries()
    tasks = [
        asyncio.create_task(desk.run()),
        asyncio.create_task(serve(settings, ledger, desk, policy, clock, tries, ready=listening.set_result)),
    ]
    try:
        await asyncio.wait([listening, *tasks], return_when=asyncio.FIRST_COMPLETED, timeout=20)
        for task in tasks:
            if task.done():
                task.result()
        yield Library(listening.result(), ledger, desk)
    finally:
        for task in reversed(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        ledger.close()


def framed(text: str, digit: int | None, encoding: str = "utf-8") -> bytes:
    """Return a frame with error detection, or without it."""
    data = text.encode(encoding)
    if digit is not None:
        data += b"AY%dAZ" % digit
        data += checksum(data)
    return data + b"\r"


class Terminal:
    """A terminal by script: every reply is read by a strict codec that others wrote, then by ours."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, encoding: str) -> None:
        self.reader, self.writer, self.encoding = reader, writer, encoding
        self.digit = -1
        self.raw = b""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self) -> bytes:
        async with asyncio.timeout(20):
            return await self.reader.readuntil(b"\r")

    async def exchange(self, data: bytes) -> bytes:
        await self.send(data)
        return await self.reply()

    async def ask(self, text: str, *, checked: bool = True) -> Frame:
        self.digit = (self.digit + 1) % 10
        digit = self.digit if checked else None
        self.raw = await self.exchange(framed(text, digit, self.encoding))
        theirs = decode_message(self.raw, encoding=self.encoding)
        assert theirs.sequence_number == digit
        found = decode(self.raw, Dialect(encoding=self.encoding))
        assert isinstance(found, Frame), found
        assert found.check == ("right" if checked else "none")
        assert found.problems == ()
        return found

    async def say(self, text: str, *, checked: bool = True) -> Any:
        """Ask and return the message."""
        return (await self.ask(text, checked=checked)).message

    async def gone(self) -> bool:
        """Wait until the other side has hung up."""
        async with asyncio.timeout(20):
            try:
                return await self.reader.read() == b""
            except OSError:
                return True


async def _connected(port: int, tls: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    name = "localhost" if tls else None
    async with asyncio.timeout(20):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name)
            except ConnectionRefusedError:  # it is about to listen
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def terminal(
    port: int,
    user: str | None = "selfcheck-1",
    secret: str = SECRET,
    encoding: str = "utf-8",
    tls: Any = None,
) -> AsyncIterator[Terminal]:
    """Connect, and log in as `user` unless that is None."""
    reader, writer = await _connected(port, tls)
    who = Terminal(reader, writer, encoding)
    try:
        if user is not None:
            assert (await who.say(f"9300CN{user}|CO{secret}|CPdoor|")).ok
        yield who
    finally:
        writer.close()
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            await writer.wait_closed()


def read(data: bytes) -> Message | Unreadable:
    found = decode(data)
    return found.message if isinstance(found, Frame) else found
