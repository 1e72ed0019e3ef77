"""Frames of 3M readers, without I/O (3M RFID Reader Model 210 Protocol Specification, §2 and §4).

    D6 LENhi LENlo CMD [ERR] data CRChi CRClo            LEN counts what follows it, the CRC too
    D5 LENhi LENlo 04 00 CMD [ERR] data CRChi CRClo      older form, known for the version only

The CRC is CRC-16/GENIBUS (1021, FFFF, inverted) over everything but the start byte, high byte first. Requests
carry no ERR. The older form is in no specification: 810 readers are woken with it by the programs that know
them, and its version answer has no ERR.
"""

from dataclasses import dataclass

from firmware_bridge.tags.crc import ccitt_false

START = 0xD6
OLD_START = 0xD5
OLD_HEAD = b"\x04\x00"
"""What stands before the command in the older form; its meaning is not published."""
MAX_LENGTH = 2400
"""Longest LEN that is taken; 255 tags with their DSFID have less, and a length beyond it is rubbish."""
SHORTEST = 3
"""Least LEN: a command and the CRC."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `payload` is what stands between CMD and the CRC."""

    command: int
    payload: bytes = b""
    old: bool = False
    """Whether it is in the older form."""


def crc(data: bytes) -> int:
    """Return CRC-16/GENIBUS."""
    return ccitt_false(data) ^ 0xFFFF


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame; raises ValueError when it is longer than MAX_LENGTH."""
    inner = (OLD_HEAD if frame.old else b"") + bytes((frame.command,)) + frame.payload
    length = len(inner) + 2
    if length > MAX_LENGTH:
        raise ValueError(f"a frame of {length} bytes is longer than {MAX_LENGTH}")
    checked = length.to_bytes(2, "big") + inner
    return bytes((OLD_START if frame.old else START,)) + checked + crc(checked).to_bytes(2, "big")


def decode(inner: bytes, *, old: bool) -> Frame | None:
    """Return the frame of what stands between LEN and CRC; None for an older form without its head."""
    if old:
        if inner[:2] != OLD_HEAD or len(inner) < 3:
            return None
        inner = inner[2:]
    return Frame(inner[0], inner[1:], old)


class Parser:
    """Cuts a stream of bytes into frames; finds the next frame again after rubbish.

    A frame whose CRC is wrong is dropped and counted, and the search goes on one byte later, because the
    start or the length may have been the broken byte. Such a length may also promise bytes that never come;
    whoever waits calls `salvage` when the line has been quiet.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.crc_errors = 0

    @property
    def pending(self) -> bool:
        """Whether a half frame waits for its rest."""
        return bool(self._buffer)

    def reset(self) -> None:
        """Forget a frame that has begun."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes and return the frames that they complete."""
        self._buffer += data
        return self._frames()

    def salvage(self) -> list[Frame]:
        """Return the frames behind a beginning that was probably none; without any, nothing is dropped."""
        for at in range(1, len(self._buffer) - 2 - SHORTEST):
            end = self._end(at)
            if end and end <= len(self._buffer) and self._intact(at, end):
                del self._buffer[:at]
                return self._frames()
        return []

    def _end(self, at: int) -> int:
        """Return where the frame that begins at `at` says it ends, 0 when it cannot be one."""
        if self._buffer[at] not in (START, OLD_START):
            return 0
        length = int.from_bytes(self._buffer[at + 1 : at + 3], "big")
        return at + 3 + length if SHORTEST <= length <= MAX_LENGTH else 0

    def _intact(self, at: int, end: int) -> bool:
        return crc(bytes(self._buffer[at + 1 : end - 2])) == int.from_bytes(
            self._buffer[end - 2 : end], "big"
        )

    def _frames(self) -> list[Frame]:
        found: list[Frame] = []
        at = 0
        while len(self._buffer) - at >= 3 + SHORTEST:
            end = self._end(at)
            if end > len(self._buffer):
                break
            if not end:
                at += 1
                continue
            frame = None
            if self._intact(at, end):
                inner = bytes(self._buffer[at + 3 : end - 2])
                frame = decode(inner, old=self._buffer[at] == OLD_START)
            else:
                self.crc_errors += 1
            if frame is None:
                at += 1
            else:
                found.append(frame)
                at = end
        del self._buffer[:at]
        return found
