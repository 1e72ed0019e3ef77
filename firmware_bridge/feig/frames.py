"""FEIG OBID frames, without I/O (manual H20800, "protocol frames").

    standard   LEN ADR CMD [STATUS] DATA CRClo CRChi          LEN counts the whole frame, at most 255
    advanced   02 LENhi LENlo ADR CMD [STATUS] DATA CRClo CRChi

The CRC is 8408 reflected, start FFFF, no final XOR, low byte first. Requests carry no STATUS. A reader
answers in the form in which it was asked. Nothing marks the start of a standard frame, so that after
rubbish only the CRC tells where the next frame begins.
"""

from dataclasses import dataclass
from functools import lru_cache

from firmware_bridge.tags.crc import mcrf4xx

ANY_ADDRESS = 0xFF
STX = 0x02
MAX_FRAME = 4096
"""Longest frame that is made or taken; readers answer with far less, and a length beyond it is rubbish."""
SHORTEST, SHORTEST_ADVANCED = 5, 7


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `payload` is what stands between CMD and the CRC."""

    command: int
    payload: bytes = b""
    address: int = ANY_ADDRESS


@lru_cache(maxsize=16)  # the same few questions are asked several times a second
def encode(frame: Frame) -> bytes:
    """Return the frame in its advanced form; raises ValueError when it is longer than MAX_FRAME."""
    length = SHORTEST_ADVANCED + len(frame.payload)
    if length > MAX_FRAME:
        raise ValueError(f"a frame of {length} bytes is longer than {MAX_FRAME}")
    head = bytes((STX,)) + length.to_bytes(2, "big") + bytes((frame.address, frame.command)) + frame.payload
    return head + mcrf4xx(head).to_bytes(2, "little")


@lru_cache(maxsize=16)
def encode_standard(frame: Frame) -> bytes:
    """Return the frame in its standard form; raises ValueError when it is longer than 255 bytes."""
    length = SHORTEST + len(frame.payload)
    if length > 255:
        raise ValueError(f"a standard frame cannot have {length} bytes")
    head = bytes((length, frame.address, frame.command)) + frame.payload
    return head + mcrf4xx(head).to_bytes(2, "little")


class Parser:
    """Cuts a stream of bytes into frames; finds the next frame again after rubbish.

    A frame whose CRC is wrong is dropped and counted, and the search goes on one byte later, because the
    length itself may have been the broken byte. Such a length may also promise bytes that never come;
    whoever waits calls `salvage` when the line has been quiet.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._before: tuple[bytes, Frame] | None = None
        """The frame that came last in one piece: an empty field says the same again and again."""
        self.crc_errors = 0
        self.skipped = 0
        """Bytes that belonged to no frame."""

    @property
    def pending(self) -> bool:
        """Whether a half frame waits for its rest."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; return the frames that are complete."""
        fresh, faults = not self._buffer, (self.crc_errors, self.skipped)
        if fresh and self._before is not None and self._before[0] == data:
            return [self._before[1]]
        self._buffer += data
        frames = []
        while (found := self._next()) is not None:
            frames.append(found)
        if fresh and len(frames) == 1 and not self._buffer and faults == (self.crc_errors, self.skipped):
            self._before = (data, frames[0])
        return frames

    def salvage(self) -> list[Frame]:
        """Return the frames behind a beginning that was probably none; without any, nothing is dropped."""
        for start in range(1, len(self._buffer) - SHORTEST + 1):
            length = self._length(start)
            if length and start + length <= len(self._buffer) and self._intact(start, length):
                del self._buffer[:start]
                self.skipped += start
                return self.feed(b"")
        return []

    def reset(self) -> None:
        """Forget a half frame."""
        self._buffer.clear()

    def _length(self, start: int) -> int:
        """Return how long the frame at `start` says it is, 0 when it cannot be one."""
        advanced = self._buffer[start] == STX
        length = (
            int.from_bytes(self._buffer[start + 1 : start + 3], "big") if advanced else self._buffer[start]
        )
        return length if (SHORTEST_ADVANCED if advanced else SHORTEST) <= length <= MAX_FRAME else 0

    def _intact(self, start: int, length: int) -> bool:
        raw = bytes(self._buffer[start : start + length])
        return mcrf4xx(raw[:-2]) == int.from_bytes(raw[-2:], "little")

    def _next(self) -> Frame | None:
        while len(self._buffer) >= SHORTEST:
            length = self._length(0)
            if not length:
                self._skip()
            elif len(self._buffer) < length:
                return None
            elif not self._intact(0, length):
                self.crc_errors += 1
                self._skip()
            else:
                raw = bytes(self._buffer[:length])
                del self._buffer[:length]
                head = 3 if raw[0] == STX else 1
                return Frame(command=raw[head + 1], payload=raw[head + 2 : -2], address=raw[head])
        return None

    def _skip(self) -> None:
        del self._buffer[0]
        self.skipped += 1
