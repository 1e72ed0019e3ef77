"""What a FEIG reader collected by itself: buffered read mode and notification mode, answer of [22]. Pure.

    TR-DATA1 [TR-DATA2] DATA-SETS(2) { RECORD-LENGTH(2) fields }

TR-DATA1 says which fields the records have, bit 7 that TR-DATA2 follows (H20411 §10.4, H90202 §11.4). The
record's length counts its own two bytes. Bits whose fields are not described publicly (scanner id, bits
5-7 of TR-DATA2) end the reading of a record: its length takes us to the next one, and `rest` keeps the bytes.
"""

from dataclasses import dataclass

from firmware_bridge.errors import FrameError
from firmware_bridge.feig import words
from firmware_bridge.feig.frames import Frame

IDD, DB, LSB_FIRST, ANT, TIME, DATE, EXTENDED = 0x01, 0x02, 0x08, 0x10, 0x20, 0x40, 0x80
"""Bits of TR-DATA1."""
IN, MAC, STATISTICS, ANT_EXTENDED = 0x01, 0x02, 0x08, 0x10
"""Bits of TR-DATA2."""
CARRIES_DATA = frozenset((words.OK, words.RF_WARNING, 0x85, words.BUFFER_OVERFLOW, words.MORE_DATA))
"""Statuses of an answer that has data sets (H20411 §10.5)."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One record: a tag that passed an antenna, or an input that changed. None where it says nothing."""

    tag_type: int | None = None
    uid: str = ""
    """Identifier data as hex; for ISO 15693 the UID, E0 first."""
    blocks: bytes = b""
    """Data blocks in the tag's own byte order."""
    block_size: int = 0
    antennas: tuple[int, ...] = ()
    """Numbers of the antennas that read it, 1 to 8."""
    rssi: tuple[int, ...] = ()
    """Signal at each of `antennas`, as the reader counts it; empty when it does not tell."""
    time_ms: int | None = None
    """The reader's clock when it was read, milliseconds since its midnight."""
    date: str = ""
    """The reader's date in hex; its five bytes are not described publicly."""
    inputs: int | None = None
    mac: str = ""
    """The reader's hardware address."""
    rest: bytes = b""
    """Bytes of the record behind the last field that is understood."""

    @property
    def is_tag(self) -> bool:
        """Whether an ISO 15693 tag was read; otherwise it is an input event, or a tag of another kind."""
        return self.tag_type == words.TAG_TYPE_ISO15693 and len(self.uid) == 16


def read_buffer(sets: int) -> Frame:
    """Ask for up to `sets` records."""
    return Frame(words.READ_BUFFER, sets.to_bytes(2, "big"))


def clear_buffer() -> Frame:
    """Let the reader forget the records that were read last; in notification mode, acknowledge them."""
    return Frame(words.CLEAR_BUFFER)


def parse_sets(data: bytes) -> tuple[DataSet, ...]:
    """Return the records of an answer, its status taken off; raises FrameError when it does not fit."""
    if not data:
        return ()
    first = data[0]
    start = 2 if first & EXTENDED else 1
    if len(data) < start + 2:
        raise FrameError(f"a buffer of {len(data)} bytes is too short")
    second = data[1] if first & EXTENDED else 0
    count, at = int.from_bytes(data[start : start + 2], "big"), start + 2
    sets: list[DataSet] = []
    for _ in range(count):
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            raise FrameError(f"record {len(sets) + 1} of {count} says {length} bytes and does not fit")
        sets.append(_Record(data[at + 2 : at + length]).read(first, second))
        at += length
    if at != len(data):
        raise FrameError(f"{len(data) - at} bytes came behind the last record")
    return tuple(sets)


class _Record:
    """Takes the fields of one record off its bytes, in the order of the manual."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise FrameError(f"a record ends {count - len(found)} bytes before its fields do")
        self._at += count
        return found

    def _number(self, count: int) -> int:
        return int.from_bytes(self._take(count), "big")

    def read(self, first: int, second: int) -> DataSet:
        tag_type, uid, blocks, size = None, "", b"", 0
        if first & IDD:
            tag_type, _ = self._number(1), self._number(1)
            uid = self._take(self._number(1)).hex().upper()
        if first & DB:
            count, size = self._number(2), self._number(1)
            step = 1 if first & LSB_FIRST else -1
            blocks = b"".join(self._take(size)[::step] for _ in range(count))
        time_ms = self._time() if first & TIME else None
        date = self._take(5).hex().upper() if first & DATE else ""
        antennas, rssi = self._antennas(second) if first & ANT else ((), ())
        inputs = self._take(2)[0] if second & IN else None
        mac = self._take(6).hex(":") if second & MAC else ""
        if second & ANT_EXTENDED and not second & 0xE4:
            antennas, rssi = self._extended()
        return DataSet(
            tag_type, uid, blocks, size, antennas, rssi, time_ms, date, inputs, mac, self._data[self._at :]
        )

    def _time(self) -> int:
        """Hours, minutes, milliseconds within the minute."""
        hours, minutes, millis = self._number(1), self._number(1), self._number(2)
        return (hours * 60 + minutes) * 60_000 + millis

    def _antennas(self, second: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        bits = self._number(1)
        if second & STATISTICS:
            self._take(7)  # count (2), highest and mean RSSI, 3 more: a UHF reader's
        return tuple(n + 1 for n in range(8) if bits >> n & 1), ()

    def _extended(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """A count, then antenna, RSSI, phase (2) and 2 more bytes for each."""
        found = [self._take(6) for _ in range(self._number(1))]
        return tuple(one[0] for one in found), tuple(one[1] for one in found)


@dataclass(frozen=True, slots=True)
class BufferInfo:
    """How full the reader's buffer is, in records (H20411 §10.5)."""

    size: int
    start: int
    length: int


def parse_buffer_info(data: bytes) -> BufferInfo:
    """Return the answer of [31]."""
    if len(data) != 6:
        raise FrameError(f"a buffer info of {len(data)} bytes is none")
    return BufferInfo(*(int.from_bytes(data[at : at + 2], "big") for at in (0, 2, 4)))
