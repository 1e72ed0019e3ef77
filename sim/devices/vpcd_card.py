"""A patron card as the virtual reader vpcd speaks to it: two bytes of length, an APDU or a control byte.

vpcd polls for a card's ATR every 0.4 s; closing the socket takes the card away. Answers are acknowledged
at once (TCP_QUICKACK), or each APDU would wait 44 ms for the kernel.
"""

import asyncio
import socket
from contextlib import suppress

from firmware_bridge.apdu import GET_UID

POWER_OFF, POWER_ON, RESET, GET_ATR = 0, 1, 2, 4
ATR_ISO14443A = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")
"""PC/SC storage card, ISO 14443 A part 3, MIFARE Classic 1K."""

ATR_ICODE = bytes.fromhex("3B8F8001804F0CA0000003060B00140000000077")
"""PC/SC storage card, ISO 15693 part 3, ICODE SLI, as an ACR1552U tells it."""


class VpcdCard:
    """One card that can be laid on a virtual reader and taken away."""

    def __init__(self, uid: str, *, memory: bytes = b"", atr: bytes = ATR_ISO14443A) -> None:
        self.uid = bytes.fromhex(uid)
        self.memory = memory
        self.atr = atr
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def insert(self, port: int, *, host: str = "127.0.0.1", timeout_s: float = 5.0) -> None:
        """Lay the card on the reader at vpcd's port; returns when the reader has seen it."""
        await self.eject()
        self._ready = asyncio.Event()
        self._task = asyncio.create_task(self._serve(host, port), name="vpcd-card")
        async with asyncio.timeout(timeout_s):
            await self._ready.wait()

    async def eject(self) -> None:
        """Take the card away."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @property
    def inserted(self) -> bool:
        """Whether the card lies on a reader."""
        return self._task is not None and not self._task.done()

    async def _serve(self, host: str, port: int) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            try:
                await self._talk(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.1)
            finally:
                writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock: socket.socket = writer.get_extra_info("socket")
        while True:
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            length = int.from_bytes(await reader.readexactly(2), "big")
            body = await reader.readexactly(length)
            if length == 1 and body[0] in (POWER_OFF, POWER_ON, RESET):
                continue
            answer = self.atr if length == 1 and body[0] == GET_ATR else self.respond(body)
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
            self._ready.set()

    def respond(self, command: bytes) -> bytes:
        """Return the response to one command APDU."""
        if command == GET_UID:
            return self.uid + b"\x90\x00"
        if command[:2] == b"\xff\xb0" and len(command) == 5:
            start = int.from_bytes(command[2:4], "big") * 4
            data = self.memory[start : start + command[4]]
            if not data:
                return b"\x6a\x82"
            return data + (b"\x90\x00" if len(data) == command[4] else b"\x62\x82")
        return b"\x6a\x81"
