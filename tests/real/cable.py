"""A TCP cable between a client and a server that a test can cut, hold still, or leave dead."""

import asyncio
import contextlib


class Cable:
    """Forwards bytes from a port of its own to `port`."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._flows: set[asyncio.Task[None]] = set()
        self.dead = False
        self.still = asyncio.Event()
        self.still.set()
        self.port = 0

    async def plug(self) -> "Cable":
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def cut(self, *, for_good: bool = False) -> None:
        """Break what is connected, without a goodbye; `for_good` lets nothing through afterwards."""
        self.dead = for_good
        for end in list(self._ends):
            end.transport.abort()

    def hold(self) -> None:
        """Let nothing through and keep the connections open: a half-open line."""
        self.still.clear()

    def let_go(self) -> None:
        self.still.set()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut(for_good=True)
        self.let_go()
        for flow in list(self._flows):
            flow.cancel()
        await asyncio.gather(*self._flows, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.dead:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            flow = asyncio.create_task(self._flow(source, sink))
            self._flows.add(flow)
            flow.add_done_callback(self._flows.discard)

    async def _flow(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self.still.wait()
                sink.write(data)
                await sink.drain()
        self._ends.discard(sink)
        sink.close()
