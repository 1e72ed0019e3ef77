"""The network between the processes: a proxy for each, which can be cut, go deaf or slow.

*cut*: every connection is reset and new ones are refused. *half-open*: connections stay, nothing passes
either way, and nobody is told. *slow*: each portion waits.
"""

import asyncio
from contextlib import suppress
from typing import Literal

Mode = Literal["open", "cut", "half-open", "slow"]
PORTION = 16384
SLOW_S = 0.15


class Cable:
    """One TCP proxy on loopback, to one port."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._target = port
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        self._mode: Mode = "open"
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port, or, after `stop`, on the same one."""
        self._server = await asyncio.start_server(self._serve, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self.set("open")

    async def stop(self) -> None:
        """Close everything."""
        self.set("cut")
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def set(self, mode: Mode) -> None:
        """Be so from now on."""
        self._mode = mode
        if mode in ("open", "slow"):
            self._passing.set()
        else:
            self._passing.clear()
        if mode == "cut":
            for line in tuple(self._lines):
                line.transport.abort()
            self._passing.set()  # whoever waits finds its line closed

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "cut":
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._target)
        except OSError:
            writer.transport.abort()
            return
        self._lines |= {writer, far_writer}
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass(reader, far_writer))
                tasks.create_task(self._pass(far_reader, writer))
        finally:
            self._lines -= {writer, far_writer}
            for line in (writer, far_writer):
                line.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(PORTION):
                await self._passing.wait()
                if self._mode == "slow":
                    await asyncio.sleep(SLOW_S)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
