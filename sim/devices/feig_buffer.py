"""What a FEIG reader reads by itself and keeps, or pushes: buffered read mode and notification mode."""

import asyncio
from contextlib import suppress

from firmware_bridge.feig import buffer, words
from firmware_bridge.feig.frames import Frame, Parser, encode
from sim.devices.tags import SimTag

SIZE = 300
"""Records that fit."""


class ReadBuffer:
    """The records of a reader; `fields` are the bits of TR-DATA1 that its configuration selects."""

    def __init__(self, *, fields: int = buffer.IDD | buffer.ANT | buffer.TIME) -> None:
        self.on = False
        self.fields = fields
        self.records: list[bytes] = []
        self._read = 0

    def passes(self, tag: SimTag, *, antennas: tuple[int, ...] = (1,), time_ms: int = 0) -> None:
        """Keep a tag that passed; what does not fit is lost, as in the reader."""
        parts = []
        if self.fields & buffer.IDD:
            uid = bytes.fromhex(tag.uid)
            parts.append(bytes((words.TAG_TYPE_ISO15693, 0, len(uid))) + uid)
        if self.fields & buffer.DB:
            turned = 1 if self.fields & buffer.LSB_FIRST else -1
            block = tag.read(0, 1)[::turned]
            parts.append((1).to_bytes(2, "big") + bytes((len(block),)) + block)
        if self.fields & buffer.TIME:
            minutes, millis = divmod(time_ms, 60_000)
            parts.append(bytes((minutes // 60, minutes % 60)) + millis.to_bytes(2, "big"))
        if self.fields & buffer.ANT:
            parts.append(bytes((sum(1 << (number - 1) for number in antennas),)))
        record = b"".join(parts)
        if len(self.records) < SIZE:
            self.records.append((len(record) + 2).to_bytes(2, "big") + record)

    def answer(self, command: int, payload: bytes) -> tuple[int, bytes]:
        """Answer 22, 31, 32 and 33."""
        match command:
            case words.READ_BUFFER if len(payload) == 2:
                return self.take(int.from_bytes(payload, "big"))
            case words.BUFFER_INFO:
                numbers = (SIZE, 0, len(self.records))
                return words.OK, b"".join(number.to_bytes(2, "big") for number in numbers)
            case words.CLEAR_BUFFER:
                self.forget()
                return words.OK, b""
            case words.INITIALIZE_BUFFER:
                self.records.clear()
                self._read = 0
                return words.OK, b""
        return 0x81, b""

    def take(self, most: int) -> tuple[int, bytes]:
        """Return status and data of an answer with up to `most` records."""
        if not self.records:
            return words.NO_VALID_DATA, b""
        now = self.records[:most]
        self._read = len(now)
        status = words.MORE_DATA if len(self.records) > len(now) else words.OK
        return status, bytes((self.fields,)) + len(now).to_bytes(2, "big") + b"".join(now)

    def forget(self) -> None:
        """Drop what was read last."""
        del self.records[: self._read]
        self._read = 0


class Notifier:
    """A reader in notification mode: it calls the host and pushes what it has read."""

    def __init__(self, host: str, port: int, *, acknowledged: bool = False) -> None:
        self.buffer = ReadBuffer()
        self._target = (host, port)
        self._acknowledged = acknowledged
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> "Notifier":
        self._reader, self._writer = await asyncio.open_connection(*self._target)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._writer is not None
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def push(self, *, most: int = 255) -> bool:
        """Push what is kept; whether it was acknowledged, when that is configured."""
        status, data = self.buffer.take(most)
        await self.send(encode(Frame(words.READ_BUFFER, bytes((status,)) + data, 0)))
        if not self._acknowledged:
            self.buffer.forget()
            return True
        assert self._reader is not None
        parser = Parser()
        while raw := await self._reader.read(4096):
            if any(frame.command == words.CLEAR_BUFFER for frame in parser.feed(raw)):
                self.buffer.forget()
                return True
        return False

    async def keep_alive(self, flags: bytes = bytes(2)) -> None:
        """Push a diagnosis, as a keep-alive does."""
        await self.send(encode(Frame(words.DIAGNOSTIC, bytes((words.OK,)) + flags, 0)))

    async def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        assert self._writer is not None
        self._writer.write(raw)
        await self._writer.drain()
