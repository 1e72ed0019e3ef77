"""What writing an item onto a tag comes to, decided from the tag's memory alone. Pure.

A tag is written so that a cut between two blocks is seen (`firmware_bridge.tags.convert`). Until the last
write the tag reads as damaged or unknown, never as an item that it is not.
"""

from dataclasses import dataclass
from typing import Literal, assert_never

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags.convert import BlockWrite, order
from firmware_bridge.tags.danish import BASIC_SHORT, BasicBlock, NotDanish, decode_block, encode_block
from firmware_bridge.tags.image import LONG
from firmware_bridge.tags.reading import (
    BlankTag,
    DamagedTag,
    ForeignTag,
    ItemTag,
    PatronTag,
    SecurityBits,
    TagReading,
    UnknownTag,
    decode_tag,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to stand on a tag."""

    item: str
    owner: str
    part: int = 1
    parts: int = 1
    usage: int = 1
    """Type of usage (ISO 28560-1): 1 is an item for circulation."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a library takes as its own, and how it secures."""

    owners: frozenset[str]
    bits: SecurityBits


@dataclass(frozen=True, slots=True)
class Write:
    """The tag may be written: these blocks, in this order; afterwards its memory begins with `image`."""

    writes: tuple[BlockWrite, ...]
    image: bytes


@dataclass(frozen=True, slots=True)
class Already:
    """The tag holds it; at most its security is to be set."""


Why = Literal["other-item", "foreign", "patron-card", "damaged", "unknown", "locked", "too-small"]


@dataclass(frozen=True, slots=True)
class Refused:
    """The tag is left alone. `with_reason`: somebody who says why may write it all the same."""

    why: Why
    seen: str
    with_reason: bool


Judgement = Write | Already | Refused


def judge(
    memory: TagMemory, wanted: Wanted, rules: Rules, *, forced: bool = False, ours: bool = False
) -> Judgement:
    """Say what writing `wanted` onto a tag comes to.

    `ours`: this station began to write the tag and was cut off, so what is damaged on it is our own doing.
    """
    try:
        image = image_of(wanted, memory)
    except ValueError as error:
        return Refused("too-small", str(error), with_reason=False)
    if _same(memory, wanted):
        return Already()
    refused = _refusal(decode_tag(memory, rules.owners, rules.bits), wanted)
    if refused is not None and not (
        refused.with_reason and (forced or (ours and refused.why in ("damaged", "unknown")))
    ):
        return refused
    writes = order(memory, image)
    locked = sorted({write.block for write in writes} & memory.locked)
    if locked:
        seen = f"block{'s' * (len(locked) > 1)} {', '.join(map(str, locked))} of the tag are locked for ever"
        return Refused("locked", seen, with_reason=False)
    return Write(writes, image)


def image_of(wanted: Wanted, memory: TagMemory) -> bytes:
    """Return what the tag's memory is to begin with; raises ValueError when it does not fit."""
    size = memory.block_size
    room = (memory.block_count or len(memory.blocks) // size) * size
    if room < BASIC_SHORT:
        raise ValueError(f"the tag has {room} bytes, and an item needs {BASIC_SHORT}")
    content = BasicBlock(wanted.item, wanted.owner, wanted.usage, wanted.parts, wanted.part)
    length = min(room, -(-LONG // size) * size)
    return encode_block(content, length, size)


def _same(memory: TagMemory, wanted: Wanted) -> bool:
    found = decode_block(memory.blocks, memory.block_size)
    if isinstance(found, NotDanish):
        return False
    said = (found.item, found.owner, found.part, found.parts, found.usage)
    return said == (wanted.item, wanted.owner, wanted.part, wanted.parts, wanted.usage)


def _refusal(reading: TagReading, wanted: Wanted) -> Refused | None:
    match reading:
        case BlankTag():
            return None
        case ItemTag() as tag:
            what = "another part of this item" if tag.item == wanted.item else f"item {tag.item}"
            return Refused("other-item", f"the tag is {what}", with_reason=True)
        case ForeignTag() as tag:
            return Refused(
                "foreign", f"the tag belongs to {tag.owner or 'another library'}", with_reason=True
            )
        case PatronTag():
            return Refused("patron-card", "the tag is a patron card", with_reason=False)
        case DamagedTag() as tag:
            return Refused("damaged", f"the tag is damaged: {tag.reason}", with_reason=True)
        case UnknownTag() as tag:
            return Refused("unknown", f"the tag is something else: {tag.reason}", with_reason=True)
        case _:
            assert_never(reading)
