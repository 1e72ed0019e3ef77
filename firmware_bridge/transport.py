"""Transports over TCP, with every wait bounded."""

import asyncio
import socket
from contextlib import suppress

from firmware_bridge.errors import DeviceLost


class TcpTransport:
    """Bytes over one TCP connection, without Nagle's delay (a frame is one packet, now)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
        self._reader = reader
        self._writer = writer
        self._name = name

    async def read(self) -> bytes:
        """Return the next bytes; raises DeviceLost at the end of the connection."""
        try:
            data = await self._reader.read(4096)
        except OSError as error:
            raise self._lost(str(error)) from error
        if not data:
            raise self._lost("the device closed the connection")
        return data

    async def write(self, data: bytes) -> None:
        """Send bytes; raises DeviceLost."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise self._lost(str(error)) from error

    async def close(self) -> None:
        """End the connection; never raises."""
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    def _lost(self, seen: str) -> DeviceLost:
        return DeviceLost(
            f"{self._name}: connection lost ({seen})",
            why="No tag can be read or written.",
            do="Look at the device's power and its network cable.",
        )


async def open_tcp(host: str, port: int, *, timeout_s: float = 3.0) -> TcpTransport:
    """Connect to a device; raises DeviceLost."""
    name = f"{host}:{port}"
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        raise DeviceLost(
            f"{name}: cannot connect ({str(error) or 'no answer'})",
            why="No tag can be read or written.",
            do="Look at power, cable and address; some readers take one connection at a time.",
        ) from error
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return TcpTransport(reader, writer, name)
