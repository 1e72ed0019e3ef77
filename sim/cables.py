"""Bad cables: a TCP proxy that chops, loses, delays, repeats and cuts, by a seed.

A TCP connection that loses bytes does not exist; a serial line behind a converter does. "Loses" drops
whole packets in one direction, as such a converter does when its buffer is full.
"""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """How bad a cable is."""

    chop: bool = False
    """One byte at a time."""
    lose: float = 0.0
    """Share of packets that never arrive."""
    delay_s: float = 0.0
    """Up to so many seconds for each packet."""
    cut: float = 0.0
    """Chance, for each packet, that the connection is cut in the middle of it."""
    repeat: float = 0.0
    """Chance, for each packet, that it arrives twice."""
    garbage: float = 0.0
    """Chance, for each packet, that one bit is flipped."""


class Cable:
    """A proxy on loopback between a driver and a device."""

    def __init__(self, host: str, port: int, fault: Fault, *, seed: int = 0) -> None:
        self._target = (host, port)
        self._fault = fault
        self._rng = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def mend(self) -> None:
        """Put a good cable in its place, for what goes over it from now on."""
        self._fault = Fault()

    async def __aenter__(self) -> "Cable":
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        pair = (writer, far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._carry(source, sink, pair))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
    ) -> None:
        with suppress(OSError):
            while data := await source.read(4096):
                if not await self._spoil(data, sink):
                    break
        for writer in pair:
            writer.close()

    async def _spoil(self, data: bytes, sink: asyncio.StreamWriter) -> bool:
        """Pass `data` on as the fault has it; False when the cable is cut."""
        fault = self._fault
        if self._rng.random() < fault.lose:
            return True
        if fault.delay_s:
            await asyncio.sleep(self._rng.uniform(0, fault.delay_s))
        if self._rng.random() < fault.cut:
            sink.write(data[: self._rng.randrange(len(data))])
            return False
        if self._rng.random() < fault.garbage:
            spoiled = bytearray(data)
            spoiled[self._rng.randrange(len(data))] ^= 1 << self._rng.randrange(8)
            data = bytes(spoiled)
        if self._rng.random() < fault.repeat:
            data += data
        for piece in (data[at : at + 1] for at in range(len(data))) if fault.chop else (data,):
            sink.write(piece)
            await sink.drain()
            if fault.chop:
                await asyncio.sleep(0)
        return True
