"""ISO/TS 28560-4: library items on UHF tags. The EPC bank names and secures them, the user bank has the rest.

EPC bank: the PC word, then the unique item identifier in URN Code 40: owner, item and set information with
points between them. With the toggle bit the PC's low byte is the AFI: the security state (07, C2).
User bank (MB11): the DSFID 06 and data sets of part 2, without the item.

Recognised beside it: GS1 numbers, and the German practice of a fixed header with a number and an armed bit,
as it was published with a driver for one library's gates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from firmware_bridge.tags import code40, gs1_epc
from firmware_bridge.tags.code40 import Code40Error
from firmware_bridge.tags.elements import Element, SetInformation, read_set, write_content, write_set
from firmware_bridge.tags.iso15962 import Compaction
from firmware_bridge.tags.iso28560_2 import DSFID, NotPart2, Part2, Value, dataset
from firmware_bridge.tags.iso28560_2 import decode as decode_part2

HEADERS: Final = {bytes.fromhex("19e9f871"): "DE-290", bytes.fromhex("1381f871"): "CD-290"}
"""Headers of the German practice: Code 40 of "DE290" and its forerunner "CD290", each with its owner."""
GERMAN_BYTES: Final = 16
WORD: Final = 2
"""Bytes of a word, in which a Gen2 tag is read and written."""


@dataclass(frozen=True, slots=True)
class Pc:
    """The protocol control word of a Gen2 tag (EPC bank, word 1)."""

    words: int
    """Words of the EPC that follow."""
    umi: bool
    """Whether the user bank holds data."""
    xpc: bool
    toggle: bool
    """1: the low byte is an AFI of ISO; 0: attributes of GS1."""
    low: int

    @classmethod
    def of(cls, value: int) -> "Pc":
        """Return a PC word taken apart."""
        return cls(value >> 11, bool(value & 0x400), bool(value & 0x200), bool(value & 0x100), value & 0xFF)

    @property
    def value(self) -> int:
        """The word."""
        return self.words << 11 | self.umi << 10 | self.xpc << 9 | self.toggle << 8 | self.low

    @property
    def afi(self) -> int | None:
        """The AFI, None where the low byte is none."""
        return self.low if self.toggle else None


SINGLE: Final = SetInformation(1, 1)


@dataclass(frozen=True, slots=True)
class Uii:
    """A unique item identifier."""

    item: str
    owner: str = ""
    set: SetInformation = SINGLE


@dataclass(frozen=True, slots=True)
class German:
    """A tag of the German practice."""

    number: int
    armed: bool
    owner: str


@dataclass(frozen=True, slots=True)
class NotUhf:
    """An EPC that is no library's."""

    reason: str
    offset: int = 0


Epc = Uii | German | gs1_epc.Epc96 | NotUhf


def decode_epc(epc: bytes, pc: Pc | None) -> Epc:
    """Return what an EPC is; never raises.

    Without the PC word, or with a toggle of 0, only what carries its own mark is recognised.
    """
    if epc[:4] in HEADERS and len(epc) >= GERMAN_BYTES:
        return German(int.from_bytes(epc[4:12], "big"), bool(epc[15] & 1), HEADERS[epc[:4]])
    if pc is not None and pc.toggle:
        return _uii(epc)
    number = gs1_epc.decode(epc)
    if number is not None:
        return number
    return NotUhf("neither an ISO tag by its toggle bit nor a number of GS1")


def _uii(epc: bytes) -> Uii | NotUhf:
    try:
        text = code40.decode(epc)
    except Code40Error as error:
        return NotUhf(str(error), error.offset)
    return read_uii(text) or NotUhf(f"{text!r} is no item identifier")


def read_uii(text: str) -> Uii | None:
    """Return the parts of a unique item identifier: [owner.]item[.set]; None when there is no item."""
    parts = text.split(".")
    info = SINGLE
    if len(parts) == 3:
        try:
            info = read_set(parts.pop())
        except ValueError:
            return None
    if len(parts) > 2 or not parts[-1]:
        return None
    return Uii(parts[-1], parts[0] if len(parts) == 2 else "", info)


def write_uii(uii: Uii) -> str:
    """Return a unique item identifier as text; raises ValueError when it would read as something else."""
    parts = [uii.owner, uii.item] if uii.owner or uii.set != SINGLE else [uii.item]
    if uii.set != SINGLE:
        parts.append(write_set(uii.set))
    text = ".".join(parts)
    if read_uii(text) != uii:
        raise ValueError(f"{uii.item!r} of {uii.owner!r} cannot be written as an item identifier")
    return text


def encode_epc(uii: Uii, afi: int, *, user_data: bool = False) -> bytes:
    """Return the EPC bank from its PC word on; raises ValueError when the item cannot be written."""
    epc = code40.encode(write_uii(uii))
    epc += bytes(len(epc) % 2)
    return Pc(len(epc) // 2, user_data, xpc=False, toggle=True, low=afi).value.to_bytes(2, "big") + epc


def decode_user(bank: bytes) -> Part2 | NotPart2:
    """Return what the user bank says; its first byte is the DSFID."""
    if not any(bank):
        return NotPart2("blank")
    if bank[0] != DSFID:
        return NotPart2("structure", f"DSFID {bank[0]:02X} where 06 is a library's", 0)
    found = decode_part2(bank[1:], 2)
    if isinstance(found, NotPart2):
        return NotPart2(found.reason, found.detail, found.offset + 1)
    return Part2(found.elements, tuple((text, at + 1) for text, at in found.problems))


def encode_user(
    values: Mapping[int, Value], *, size: int | None = None, codes: Mapping[int, Compaction] | None = None
) -> bytes:
    """Return the user bank: the DSFID, the content parameter, then the elements in the order of `values`.

    It is as many words as it needs, or `size` bytes; empty, and all zeros, when there is nothing to say. The
    item stands in the EPC bank, so it is refused here. `codes` overrides the choice of compaction. Raises
    ValueError when something does not fit.
    """
    wanted = {oid: value for oid, value in values.items() if oid != Element.CONTENT_PARAMETER}
    if any(oid < Element.OWNER_INSTITUTION for oid in wanted):
        raise ValueError("the item identifier of a UHF tag stands in its EPC bank")
    bank = b""
    if wanted:
        given = codes or {}
        sets = [dataset(Element.CONTENT_PARAMETER, write_content(frozenset(wanted)))]
        sets += [dataset(oid, wanted[oid], given.get(oid)) for oid in wanted]
        bank = bytes((DSFID,)) + b"".join(one.encode() for one in sets)
    bank += bytes(-len(bank) % WORD)
    if size is None:
        return bank
    if len(bank) > size:
        raise ValueError(f"{len(bank)} bytes do not fit in a user bank of {size}")
    return bank.ljust(size, b"\0")
