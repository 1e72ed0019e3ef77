"""FEIG OBID frames, without I/O (manual H20800, "protocol frames").

    standard   LEN ADR CMD [STATUS] DATA CRClo CRChi          LEN counts the whole frame, at most 255
    advanced   02 LENhi LENlo ADR CMD [STATUS] DATA CRClo CRChi

The CRC is 8408 reflected, start FFFF, no final XOR, low byte first. Requests carry no STATUS. A reader
answers in the form in which it was asked.
"""

from dataclasses import dataclass

from firmware_bridge.tags.crc import mcrf4xx

ANY_ADDRESS = 0xFF
STX = 0x02
MAX_FRAME = 4096


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `payload` is what stands between CMD and the CRC."""

    command: int
    payload: bytes = b""
    address: int = ANY_ADDRESS


def encode(frame: Frame) -> bytes:
    """Return the frame in its advanced form."""
    length = 2 + 1 + 1 + 1 + len(frame.payload) + 2
    if length > MAX_FRAME:
        raise ValueError(f"a frame of {length} bytes is longer than {MAX_FRAME}")
    head = bytes((STX,)) + length.to_bytes(2, "big") + bytes((frame.address, frame.command)) + frame.payload
    return head + mcrf4xx(head).to_bytes(2, "little")


def encode_standard(frame: Frame) -> bytes:
    """Return the frame in its standard form; raises ValueError when it is longer than 255 bytes."""
    length = 1 + 1 + 1 + len(frame.payload) + 2
    if length > 255:
        raise ValueError(f"a standard frame cannot have {length} bytes")
    head = bytes((length, frame.address, frame.command)) + frame.payload
    return head + mcrf4xx(head).to_bytes(2, "little")


class Parser:
    """Cuts a stream of bytes into frames; finds the next frame again after rubbish.

    A frame whose CRC is wrong is dropped and counted, and the search goes on one byte later, because the
    length itself may have been the broken byte.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.crc_errors = 0
        self.skipped = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; return the frames that are complete."""
        self._buffer += data
        frames = []
        while (found := self._next()) is not None:
            frames.append(found)
        return frames

    def reset(self) -> None:
        """Forget a half frame, before a new exchange."""
        self._buffer.clear()

    def _next(self) -> Frame | None:
        while len(self._buffer) >= 5:
            advanced = self._buffer[0] == STX
            length = int.from_bytes(self._buffer[1:3], "big") if advanced else self._buffer[0]
            if length < (7 if advanced else 5) or length > MAX_FRAME:
                self._skip()
                continue
            if len(self._buffer) < length:
                return None
            raw = bytes(self._buffer[:length])
            if mcrf4xx(raw[:-2]) != int.from_bytes(raw[-2:], "little"):
                self.crc_errors += 1
                self._skip()
                continue
            del self._buffer[:length]
            head = 3 if advanced else 1
            return Frame(command=raw[head + 1], payload=raw[head + 2 : -2], address=raw[head])
        return None

    def _skip(self) -> None:
        del self._buffer[0]
        self.skipped += 1
