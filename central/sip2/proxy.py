"""The inline proxy: bytes between kiosks of other makes and the library system, unchanged both ways.

It stands in the way of people who borrow, so it must not be noticed. Each piece is handed on as it came,
before anybody looks at it; whoever is slow to take them slows the other side (back-pressure); one side that
says no more leaves the other its say (half-close). Nothing is parsed on the way, nothing waits for the
mirror, nothing is retried: what the proxy does not know, a prompt or a message of another age, passes too.

A `Tap` hears what has passed. One that fails is taken off its connection, and the talk goes on.

TLS may end here on either side. asyncio cannot half-close TLS: there the end of one side is the end of both.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from wire.errors import ConfigError

log = logging.getLogger("turnleaf.central.sip2.proxy")

PIECE = 16_384
"""Bytes that are handed on at once."""
CONNECT_S = 10.0
"""How long the library system may take to accept; a kiosk waits about as long."""
LINGER_S = 60.0
"""How long one side may go on after the other has said its last."""


class Tap(Protocol):
    """Hears one connection. Called after the bytes were handed on; must be quick."""

    def from_terminal(self, data: bytes) -> None:
        """Take what the kiosk said."""

    def from_system(self, data: bytes) -> None:
        """Take what the library system said."""

    def ended(self) -> None:
        """The connection is over."""


class Deaf:
    """The tap that hears nothing."""

    def from_terminal(self, data: bytes) -> None:
        """Hear nothing."""

    def from_system(self, data: bytes) -> None:
        """Hear nothing."""

    def ended(self) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Side:
    """One end of the proxy: an address, and TLS where it is wanted."""

    host: str
    port: int
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return f"{self.host}:{self.port}"


@dataclass(slots=True)
class Passed:
    """What passed so far."""

    connections: int = 0
    open: int = 0
    unreachable: int = 0
    """Connections that were given up, because the library system was not to be reached."""
    crowded: int = 0
    """Connections that were not taken, because there were too many."""
    broken: int = 0
    """Connections that broke."""
    bytes_up: int = 0
    bytes_down: int = 0
    taps_failed: int = 0


class Proxy:
    """Listens at one side and connects to the other; `run()` lives until cancelled."""

    def __init__(
        self, listen: Side, system: Side, tap: Callable[[], Tap] = Deaf, *, connections: int = 256
    ) -> None:
        self.passed = Passed()
        self.port = 0
        """Where it listens, once it does."""
        self._listen = listen
        self._system = system
        self._tap = tap
        self._connections = connections
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Pass everything on until cancelled; raises ConfigError when it cannot listen."""
        server = await self._open()
        self.port = server.sockets[0].getsockname()[1]
        log.info("the proxy listens on %s:%s for %s", self._listen.host, self.port, self._system.name)
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                ready()
                await asyncio.Event().wait()
            finally:
                self._tasks = None
                server.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._tasks is None or self.passed.open >= self._connections:
            self.passed.crowded += 1
            writer.transport.abort()
            return
        self.passed.open += 1
        self.passed.connections += 1
        self._tasks.create_task(self._serve(reader, writer), name="sip2 proxy connection")

    async def _open(self) -> asyncio.Server:
        try:
            return await asyncio.start_server(
                self._accept, self._listen.host, self._listen.port, ssl=self._listen.tls
            )
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"{self._listen.name}: cannot listen ({error})",
                why="The kiosks would find nobody there.",
                do="Give an address of this machine and a port that nothing else uses.",
            ) from error

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its last; its faults are its own."""
        try:
            async with asyncio.timeout(CONNECT_S):
                up_reader, up_writer = await asyncio.open_connection(
                    self._system.host, self._system.port, ssl=self._system.tls
                )
        except (OSError, TimeoutError) as error:
            self.passed.unreachable += 1
            self.passed.open -= 1
            log.warning("%s: cannot connect (%s)", self._system.name, str(error) or "no answer")
            writer.transport.abort()
            return
        for one in (writer, up_writer):  # a kiosk that was switched off says nothing; the network finds out
            one.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        tap = _Careful(self._tap(), self.passed)
        try:
            await self._both(reader, writer, up_reader, up_writer, tap)
        finally:
            self.passed.open -= 1
            tap.ended()
            for one in (writer, up_writer):
                one.close()

    async def _both(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
        tap: "_Careful",
    ) -> None:
        """Pass both ways until both sides have said their last, or the connection breaks."""
        try:
            async with asyncio.TaskGroup() as ways:
                up = ways.create_task(_pass(reader, up_writer, tap.from_terminal), name="up")
                down = ways.create_task(_pass(up_reader, writer, tap.from_system), name="down")
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.wait({up, down}, timeout=LINGER_S)
                up.cancel()
                down.cancel()
        except* OSError:
            self.passed.broken += 1
            for one in (writer, up_writer):  # who was cut off learns of it at once
                one.transport.abort()


async def _pass(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, heard: Callable[[bytes], None]
) -> None:
    """Hand on what comes until its end; then say the end, where that can be said."""
    while data := await source.read(PIECE):
        sink.write(data)
        heard(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()
    else:
        sink.close()


class _Careful:
    """Keeps a tap from ever disturbing what it hears, and counts what passed."""

    def __init__(self, tap: Tap, passed: Passed) -> None:
        self._tap = tap
        self._passed = passed

    def from_terminal(self, data: bytes) -> None:
        self._passed.bytes_up += len(data)
        self._hear(lambda: self._tap.from_terminal(data))

    def from_system(self, data: bytes) -> None:
        self._passed.bytes_down += len(data)
        self._hear(lambda: self._tap.from_system(data))

    def ended(self) -> None:
        self._hear(self._tap.ended)

    def _hear(self, listen: Callable[[], None]) -> None:
        try:
            listen()
        except Exception as error:
            self._tap = Deaf()
            self._passed.taps_failed += 1
            log.error("a tap is taken off its connection: %s", type(error).__name__)
