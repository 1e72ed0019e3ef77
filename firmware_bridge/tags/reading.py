"""From a tag's memory to what it is for the library. Each outcome is a value with a reason, never a guess.

Blank, damaged, foreign and unknown tags are facts of life on a pad: a patron's own gym card, a sticker
of the next library, a tag that was torn. None of them is an exception.
"""

from dataclasses import dataclass
from typing import Literal

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags.danish import USAGE_PATRON, BasicBlock, NotDanish, decode_block, looks_written

Security = Literal["secured", "unsecured", "unknown"]


@dataclass(frozen=True, slots=True)
class SecurityBits:
    """Which AFI a library uses. 07 and C2 are the agreed ones (AFI C2 is assigned to libraries)."""

    secured: int = 0x07
    unsecured: int = 0xC2

    def of(self, afi: int | None) -> Security:
        """Return what an AFI says; another value, or none, is unknown and never "unsecured"."""
        if afi == self.secured:
            return "secured"
        return "unsecured" if afi == self.unsecured else "unknown"


@dataclass(frozen=True, slots=True)
class ItemTag:
    """An item of this library."""

    uid: str
    item: str
    owner: str
    part: int
    parts: int
    usage: int
    security: Security


@dataclass(frozen=True, slots=True)
class ForeignTag:
    """An item of another library: its owner is not one of ours."""

    uid: str
    owner: str
    security: Security


@dataclass(frozen=True, slots=True)
class PatronTag:
    """A patron card on the pad (type of usage 8); no item."""

    uid: str


@dataclass(frozen=True, slots=True)
class BlankTag:
    """A tag that nobody has written."""

    uid: str


@dataclass(frozen=True, slots=True)
class DamagedTag:
    """The content looks like a library's, but its CRC does not agree."""

    uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnknownTag:
    """Something else with an ISO 15693 chip."""

    uid: str
    reason: str


TagReading = ItemTag | ForeignTag | PatronTag | BlankTag | DamagedTag | UnknownTag


def decode_tag(memory: TagMemory, owners: frozenset[str], bits: SecurityBits) -> TagReading:
    """Return what a tag is for a library whose owner codes are `owners` (ISIL with hyphen).

    With no owner configured every intact item tag counts as ours.
    """
    found = decode_block(memory.blocks, memory.block_size)
    match found:
        case NotDanish(reason="blank"):
            return BlankTag(memory.uid)
        case NotDanish(reason="crc", detail=detail):
            damaged = looks_written(memory.blocks, memory.block_size)
            return DamagedTag(memory.uid, detail) if damaged else UnknownTag(memory.uid, detail)
        case NotDanish(detail=detail):
            return UnknownTag(memory.uid, detail)
        case BasicBlock(usage=usage) if usage == USAGE_PATRON:
            return PatronTag(memory.uid)
        case BasicBlock(item=""):
            return BlankTag(memory.uid)
        case BasicBlock():
            security = bits.of(memory.afi)
            if owners and _key(found.owner) not in map(_key, owners):
                return ForeignTag(memory.uid, found.owner, security)
            return ItemTag(
                memory.uid, found.item, found.owner, found.part, found.parts, found.usage, security
            )


def _key(owner: str) -> str:
    """Return what two spellings of one ISIL have in common: ISILs differ by more than case or hyphens."""
    return owner.replace("-", "").casefold()
