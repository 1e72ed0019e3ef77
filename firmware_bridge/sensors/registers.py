"""Registers of Modbus devices: types, orders of bytes and words, blocks that are read at once. Pure.

A register is 16 bits, sent high byte first (MODBUS Application Protocol V1.1b3 §4.2). How larger numbers
lie in several registers is the maker's choice, and named here as makers do: by the letters of the bytes of
a 32-bit number, A the highest. Addresses count from 0, as they travel (§4.4): a manual's 40001 is `holding`,
address 0.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

Table = Literal["coil", "discrete", "input", "holding"]
"""The four tables of §4.3: read by function 1, 2, 4 and 3."""

RegisterType = Literal["bool", "int16", "uint16", "int32", "uint32", "float32", "int64", "uint64", "float64"]

WordOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
"""Order of bytes: as sent, low word first, bytes swapped in each word, both."""

FORMATS: Final = {
    "bool": ">H",
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "float32": ">f",
    "int64": ">q",
    "uint64": ">Q",
    "float64": ">d",
}

MOST_REGISTERS: Final = 125
"""Registers of one answer (§6.3, §6.4)."""

MOST_BITS: Final = 2000
"""Coils or discrete inputs of one answer (§6.1, §6.2)."""

ADDRESSES: Final = 0x10000


def width(kind: RegisterType) -> int:
    """Return how many registers a number of this type takes."""
    return struct.calcsize(FORMATS[kind]) // 2


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring addresses of one table, read at once."""

    table: Table
    address: int
    count: int

    @property
    def most(self) -> int:
        """How many fit into one answer."""
        return MOST_BITS if self.table in ("coil", "discrete") else MOST_REGISTERS


@dataclass(frozen=True, slots=True)
class Block:
    """What a device answered: two bytes a register, one byte (0 or 1) a coil or discrete input."""

    table: Table
    address: int
    data: bytes

    @property
    def unit(self) -> int:
        """Bytes of one address."""
        return 1 if self.table in ("coil", "discrete") else 2

    @property
    def addresses(self) -> range:
        """The addresses in it."""
        return range(self.address, self.address + len(self.data) // self.unit)

    @property
    def topic(self) -> str:
        """Table and first address: the block's name among raw messages."""
        return f"{self.table}/{self.address}"

    @classmethod
    def parse(cls, topic: str, data: bytes) -> "Block | None":
        """Return the block of a raw message; None when it is none."""
        table, _, address = topic.partition("/")
        if not (address.isascii() and address.isdecimal() and len(address) <= 5):
            return None
        return next((cls(known, int(address), data) for known in get_args(Table) if known == table), None)


def number_in(block: Block, address: int, kind: RegisterType, order: WordOrder) -> float | str:
    """Return the number at an address of a block, or why there is none."""
    at = (address - block.address) * block.unit
    if block.unit == 1:
        return float(block.data[at] != 0) if at < len(block.data) else "the block ends before it"
    data = block.data[at : at + 2 * width(kind)]
    if at < 0 or len(data) < 2 * width(kind):
        return "the block ends before it"
    words = [data[n : n + 2] for n in range(0, len(data), 2)]
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    (number,) = struct.unpack(FORMATS[kind], b"".join(words))
    return float(number != 0) if kind == "bool" else float(number)


def spans(wanted: Iterable[tuple[Table, int, int]], given: Iterable[Span] = ()) -> tuple[Span, ...]:
    """Return what to read so that each (table, address, count) lies whole in one span; `given` stay.

    Neighbours are read together; a gap is never read, because many devices refuse a read over an address
    that they do not have (exception 2, §7).
    """
    found = list(given)
    for table, address, count in sorted(set(wanted)):
        last = found[-1] if found else None
        if any(
            span.table == table and span.address <= address and address + count <= span.address + span.count
            for span in found
        ):
            continue
        if (
            last is not None
            and last not in given
            and last.table == table
            and address <= last.address + last.count
            and address + count - last.address <= last.most
        ):
            found[-1] = Span(table, last.address, address + count - last.address)
        else:
            found.append(Span(table, address, count))
    return tuple(found)
