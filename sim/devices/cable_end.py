"""The far end of the cable to a pad, whatever it speaks: a TCP server with a cable that can be pulled.

It serves one connection at a time, as a small reader's firmware does: who comes second is connected and
waits, unanswered, until the first has hung up. Its answers can be late, lost, doubled or broken.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sim.devices.field import Field
from sim.devices.tags import SimTag


class CableEnd(Field, ABC):
    """A reader's field, and the socket through which it is spoken to."""

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__(seed=seed)
        self.unknown: set[int] = set()
        """Commands that this firmware does not have."""
        self.late: list[float] = []
        """Seconds by which the next answers come late."""
        self.lost_answers = self.twice = self.wrong_crcs = 0
        """So many next answers are never sent, sent twice, sent with a broken CRC."""
        self.on_write: Callable[[SimTag], None] = lambda _tag: None
        """Called after each AFI that was really written."""
        self.host = "127.0.0.1"
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._line = asyncio.Lock()

    @abstractmethod
    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes, until the far end hangs up."""

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, self.host, port or self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and hang up; `plug` comes back at the same address."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in list(self._open):
            writer.close()
        if server is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await server.wait_closed()

    async def unplug(self) -> None:
        """Pull the cable: the connection ends, a new one is refused."""
        await self.stop()

    async def plug(self) -> None:
        """Plug the cable in again, at the same address."""
        if self._server is None:
            await self.start(self.port)

    @property
    def plugged(self) -> bool:
        """Whether the cable is in."""
        return self._server is not None

    @property
    def clients(self) -> int:
        """How many are connected, those included that wait for their turn."""
        return len(self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async with self._line:
                await self.talk(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    @contextmanager
    def _telling_writes(self) -> Iterator[None]:
        """Tell `on_write` of each AFI that is written in this block."""
        before = {tag.uid: len(tag.afi_log) for tag in self.tags.values()}
        yield
        for tag in list(self.tags.values()):
            if len(tag.afi_log) > before.get(tag.uid, 0):
                self.on_write(tag)

    def _spoilt(self, raw: bytes) -> bytes:
        """Return an answer as it goes out, after what the cable does to it."""
        if self.lost_answers:
            self.lost_answers -= 1
            return b""
        if self.wrong_crcs:
            self.wrong_crcs -= 1
            return raw[:-1] + bytes((raw[-1] ^ 0xFF,))
        if self.twice:
            self.twice -= 1
            return raw + raw
        return raw
