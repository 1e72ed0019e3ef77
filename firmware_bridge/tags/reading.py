"""From a tag's memory to what it is for the library. Each outcome is a value with a reason, never a guess.

A tag says nowhere which model it follows, so evidence decides, the strongest first: the CRC of ISO 28560-3;
data sets of ISO 28560-2 that begin with an item and end without a fault; then the legacy layout, which has
no check at all and must hold in every field. A part 3 tag begins with the byte of a part 2 item number, so
one that is broken must not be read as part 2: where both are possible the DSFID (06 is part 2) decides.

Blank, damaged, foreign and unknown tags are facts of life on a pad: a patron's own gym card, a sticker
of the next library, a tag that was torn. None of them is an exception.
"""

from dataclasses import dataclass
from typing import Literal, assert_never

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags import gs1_epc, iso28560_2, iso28560_4, legacy_3m
from firmware_bridge.tags.danish import USAGE_PATRON, BasicBlock, decode_block, looks_written
from firmware_bridge.tags.iso28560_2 import Part2
from firmware_bridge.tags.iso28560_4 import German, NotUhf, Pc, Uii
from firmware_bridge.tags.legacy_3m import Legacy
from firmware_bridge.tags.security import Security, SecurityBits, judge_uhf, security_of

__all__ = [
    "BlankTag", "DamagedTag", "ForeignTag", "ItemTag", "Model", "NoContent", "PatronTag", "Security",
    "SecurityBits", "TagContent", "TagReading", "UnknownTag", "decode_tag", "decode_uhf", "identify",
    "identify_uhf",
]  # fmt: skip


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


Model = Literal["iso28560-2", "iso28560-3", "iso28560-4", "german-uhf", "3m501"]
"""What a tag follows; `german-uhf` is the practice of a fixed header and a number."""


@dataclass(frozen=True, slots=True)
class TagContent:
    """A tag that was understood."""

    model: Model
    item: str
    owner: str
    """ISIL; `3m:` and a number where the legacy layout has no ISIL; empty when the tag names none."""
    part: int
    parts: int
    usage: int
    """Type of usage without its detail (ISO 28560-1): 1 is for circulation, 8 a patron card."""
    raw: Part2 | BasicBlock | Legacy | Uii | German


@dataclass(frozen=True, slots=True)
class NoContent:
    """A tag that was not understood, and why."""

    why: Literal["blank", "damaged", "unknown"]
    reason: str = ""


def identify(memory: TagMemory) -> TagContent | NoContent:
    """Return what stands on a tag and by which model; never raises."""
    block = decode_block(memory.blocks, memory.block_size)
    if isinstance(block, BasicBlock):
        return TagContent("iso28560-3", block.item, block.owner, block.part, block.parts, block.usage, block)
    if block.reason == "blank" or not any(memory.blocks):
        return NoContent("blank")
    danish = looks_written(memory.blocks, memory.block_size) and memory.dsfid != iso28560_2.DSFID
    if block.reason == "content" and danish:
        return NoContent("unknown", block.detail)  # its CRC is right, so it is this model and nothing else
    sets = iso28560_2.decode(memory.blocks, memory.block_size, memory.locked)
    if isinstance(sets, Part2) and sets.item and not danish:
        return _part2(sets, memory)
    legacy = legacy_3m.decode(memory.blocks)
    if isinstance(legacy, Legacy):
        return TagContent("3m501", legacy.item, legacy.owner, legacy.part, legacy.parts, 1, legacy)
    return NoContent("damaged" if danish else "unknown", block.detail)


def _part2(sets: Part2, memory: TagMemory) -> TagContent | NoContent:
    if sets.problems:
        return NoContent("damaged", "ISO 28560-2: " + "; ".join(text for text, _ in sets.problems))
    if isinstance(legacy_3m.decode(memory.blocks), Legacy) and memory.dsfid != iso28560_2.DSFID:
        return NoContent(
            "unknown", "it reads as ISO 28560-2 and as a legacy tag, and its DSFID names neither"
        )
    return _of_part2(sets)


def _of_part2(sets: Part2) -> TagContent:
    usage = 1 if sets.usage is None else sets.usage >> 4
    return TagContent("iso28560-2", sets.item, sets.owner, sets.set.part, sets.set.parts, usage, sets)


def decode_tag(memory: TagMemory, owners: frozenset[str], bits: SecurityBits) -> TagReading:
    """Return what a tag is for a library whose owner codes are `owners` (ISIL with hyphen).

    With no owner configured every intact item tag counts as ours.
    """
    found = identify(memory)
    match found:
        case NoContent(why="blank"):
            return BlankTag(memory.uid)
        case NoContent(why="damaged", reason=reason):
            return DamagedTag(memory.uid, reason)
        case NoContent(reason=reason):
            return UnknownTag(memory.uid, reason)
        case TagContent(usage=usage) if usage == USAGE_PATRON:
            return PatronTag(memory.uid)
        case TagContent(item=""):
            return BlankTag(memory.uid)
        case TagContent():
            return _ours_or_not(memory.uid, found, owners, bits.of(memory.afi))
        case _:
            assert_never(found)


def identify_uhf(epc: bytes, pc: int | None) -> TagContent | NoContent:
    """Return what stands in a UHF tag's EPC bank; `pc` is its PC word, None when it was not reported."""
    found = iso28560_4.decode_epc(epc, None if pc is None else Pc.of(pc))
    match found:
        case Uii(item, owner, info):
            return TagContent("iso28560-4", item, owner, info.part, info.parts, 1, found)
        case German(number, _, owner):
            return TagContent("german-uhf", str(number), owner, 1, 1, 1, found)
        case gs1_epc.Epc96():
            return NoContent("unknown", f"a number of GS1: {found.uri}")
        case NotUhf(reason):
            return NoContent("unknown", reason)
        case _:
            assert_never(found)


def decode_uhf(epc: bytes, pc: int | None, owners: frozenset[str], bits: SecurityBits) -> TagReading:
    """Return what a UHF tag is. Its identifier here is its EPC in hex: Gen2 tags tell no UID.

    Without the PC word nothing is known of an ISO tag's security, so it is unknown, never unsecured.
    """
    uid, found = epc.hex().upper(), identify_uhf(epc, pc)
    if isinstance(found, NoContent):
        return UnknownTag(uid, found.reason)
    return _ours_or_not(uid, found, owners, security_of(judge_uhf(epc, pc, bits)))


def _ours_or_not(
    uid: str, found: TagContent, owners: frozenset[str], security: Security
) -> ItemTag | ForeignTag:
    if owners and _key(found.owner) not in map(_key, owners):
        return ForeignTag(uid, found.owner, security)
    return ItemTag(uid, found.item, found.owner, found.part, found.parts, found.usage, security)


def _key(owner: str) -> str:
    """Return what two spellings of one ISIL have in common: ISILs differ by more than case or hyphens."""
    return owner.replace("-", "").casefold()
