"""Transports over TCP, with every wait bounded.

The protocol below is one of ours, and not asyncio's streams, because a stream does not tell whether bytes
wait in it: `quiet` would cost two turns of the loop and a timer before each question to a reader.
"""

import asyncio
import select
import socket
import ssl
from contextlib import suppress

from firmware_bridge.errors import DeviceLost

CHUNK = 4096
HIGH_WATER = 65_536
"""Bytes that nobody has read yet, at which no more are taken from the machine."""


class _Line(asyncio.Protocol):
    """Both directions of one connection: what came and was not read, and whether more can be sent."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.ended = False
        self.fault: Exception | None = None
        self.news = asyncio.Event()
        """Set while there is something to read, or the end."""
        self.room = asyncio.Event()
        self.room.set()
        self.closed = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.news.set()
        if len(self.heard) > HIGH_WATER and not self._paused:
            self._paused = True
            self._open.pause_reading()

    def eof_received(self) -> bool:
        """Stay open for what is still to be sent: who says no more may listen; TLS ends both directions."""
        self._end()
        return self._open.get_extra_info("sslcontext") is None

    def connection_lost(self, exc: Exception | None) -> None:
        self.fault = exc
        self._end()
        self.room.set()
        self.closed.set()

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def take(self) -> bytes:
        """Return bytes that came; empty at the end of the connection."""
        data = bytes(self.heard[:CHUNK])
        del self.heard[:CHUNK]
        if self._paused and len(self.heard) <= HIGH_WATER // 2:
            self._paused = False
            self._open.resume_reading()
        if not self.heard and not self.ended:
            self.news.clear()
        return data

    def _end(self) -> None:
        self.ended = True
        self.news.set()

    @property
    def _open(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport


class TcpTransport:
    """Bytes over one TCP connection, without Nagle's delay (a frame is one packet, now)."""

    def __init__(self, transport: asyncio.Transport, line: _Line, name: str) -> None:
        self._transport = transport
        self._line = line
        self._name = name
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLIN)

    async def read(self) -> bytes:
        """Return the next bytes; raises DeviceLost at the end of the connection."""
        await self._line.news.wait()
        data = self._line.take()
        if not data:
            raise self._lost(str(self._line.fault or "the device closed the connection"))
        return data

    async def write(self, data: bytes) -> None:
        """Send bytes; raises DeviceLost."""
        self._check()
        self._transport.write(data)
        await self._line.room.wait()
        self._check()

    async def close(self) -> None:
        """End the connection; never raises."""
        self._transport.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._line.closed.wait()

    def quiet(self) -> bool:
        """Whether surely no byte waits to be read, neither here nor at the machine's door."""
        return not self._line.news.is_set() and not self._poll.poll(0)

    def _check(self) -> None:
        if self._transport.is_closing():
            raise self._lost(str(self._line.fault or "the connection was closed"))

    def _lost(self, seen: str) -> DeviceLost:
        return DeviceLost(
            f"{self._name}: connection lost ({seen})",
            why="No tag can be read or written.",
            do="Look at the device's power and its network cable.",
        )


async def connected(host: str, port: int, *, tls: ssl.SSLContext | None = None) -> TcpTransport:
    """Connect; raises OSError. The caller bounds the wait, and says what a failure means."""
    loop = asyncio.get_running_loop()
    transport, line = await loop.create_connection(_Line, host, port, ssl=tls)
    return TcpTransport(transport, line, f"{host}:{port}")


async def open_tcp(host: str, port: int, *, timeout_s: float = 3.0) -> TcpTransport:
    """Connect to a device; raises DeviceLost."""
    try:
        async with asyncio.timeout(timeout_s):
            return await connected(host, port)
    except (OSError, TimeoutError) as error:
        raise DeviceLost(
            f"{host}:{port}: cannot connect ({str(error) or 'no answer'})",
            why="No tag can be read or written.",
            do="Look at power, cable and address; some readers take one connection at a time.",
        ) from error
