"""Data sets of ISO/IEC 15962 in the no-directory structure, one after another in a tag's memory.

    precursor | OID - 15, when the OID field is 15 | offset, when bit 7 is set | length | data | pad bytes

The precursor holds the offset flag (bit 7), the compaction code (bits 6 to 4) and the OID (bits 3 to 0). The
offset byte says how many zero bytes follow the data, so that the next set begins on a block. A precursor of
0 ends the data. The order of OID byte and offset byte is as found in the field, not checked against the text
of the standard; so are lengths over 127, which go in groups of 7 bits, all but the last with bit 7 set.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_bridge.tags.iso15962 import Compaction

ESCAPE = 15
OFFSET = 0x80
LONGEST = 16_383
"""Bytes in one data set: two groups of 7 bits; no tag is larger."""


class DataSetError(ValueError):
    """Bytes that are no data set."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.offset = offset
        """The first wrong byte, from the start of the memory."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One element as it stands on a tag."""

    oid: int
    compaction: Compaction
    data: bytes
    """The compacted value."""
    pads: int | None = None
    """Zero bytes after the data; None when there is no offset byte."""

    def encode(self) -> bytes:
        """Return the bytes of the set, pad bytes included."""
        escaped = self.oid >= ESCAPE
        head = bytearray(((ESCAPE if escaped else self.oid) | self.compaction << 4,))
        if escaped:
            head.append(self.oid - ESCAPE)
        if self.pads is not None:
            head[0] |= OFFSET
            head.append(self.pads)
        return bytes(head) + encode_length(len(self.data)) + self.data + bytes(self.pads or 0)


@dataclass(frozen=True, slots=True)
class Placed:
    """A data set and where it stands."""

    start: int
    end: int
    """Behind its pad bytes."""
    value_at: int
    """Where its data begin."""
    set: DataSet


def encode_length(length: int) -> bytes:
    """Return a length in groups of 7 bits."""
    if length > LONGEST:
        raise ValueError(f"{length} bytes are more than a data set holds")
    return bytes((length,)) if length < 0x80 else bytes((0x80 | length >> 7, length & 0x7F))


def scan(memory: bytes) -> Iterator[Placed]:
    """Yield the data sets until a precursor of 0 or the end; raises DataSetError at the first wrong byte."""
    at = 0
    while at < len(memory) and memory[at]:
        found = _read(memory, at)
        yield found
        at = found.end


def _read(memory: bytes, start: int) -> Placed:
    precursor, at = memory[start], start + 1
    oid = precursor & 0x0F
    if oid == ESCAPE:
        oid, at = ESCAPE + _byte(memory, at, "the OID"), at + 1
    if oid == 0:
        raise DataSetError(f"precursor {precursor:02X} names OID 0, which is no data set of a tag", start)
    pads = None
    if precursor & OFFSET:
        pads, at = _byte(memory, at, "the offset"), at + 1
    length, at = _length(memory, at)
    end = at + length + (pads or 0)
    if end > len(memory):
        raise DataSetError(f"{length} bytes of data and {pads or 0} pad bytes end behind the tag", at - 1)
    if any(memory[at + length : end]):
        wrong = next(n for n in range(at + length, end) if memory[n])
        raise DataSetError(f"pad byte {memory[wrong]:02X} is not 0", wrong)
    data = memory[at : at + length]
    return Placed(start, end, at, DataSet(oid, Compaction(precursor >> 4 & 7), data, pads))


def _length(memory: bytes, at: int) -> tuple[int, int]:
    length = 0
    for group in range(2):
        byte = _byte(memory, at, "the length")
        length, at = length << 7 | byte & 0x7F, at + 1
        if byte < 0x80:
            return length, at
        if group == 1:
            raise DataSetError(f"a length of more than {LONGEST} bytes", at - 1)
    raise AssertionError("two groups were read")


def _byte(memory: bytes, at: int, what: str) -> int:
    if at >= len(memory):
        raise DataSetError(f"the tag ends before {what}", len(memory))
    return memory[at]
