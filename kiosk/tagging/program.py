"""What writing an item onto a tag comes to, decided from the tag's memory alone. Pure.

A tag is written so that a cut between two blocks is seen (`firmware_bridge.tags.convert`). Until the last
write the tag reads as damaged or unknown, never as an item that it is not.
"""

from dataclasses import dataclass
from typing import Literal, assert_never

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags.convert import BlockWrite, covering, misread, order, room_of
from firmware_bridge.tags.danish import BasicBlock
from firmware_bridge.tags.image import Statement, Target, image
from firmware_bridge.tags.reading import (
    BlankTag,
    DamagedTag,
    ForeignTag,
    ItemTag,
    Model,
    PatronTag,
    SecurityBits,
    TagContent,
    TagReading,
    UnknownTag,
    decode_tag,
    identify,
)
from firmware_bridge.tags.security import Mark, SecurityRules


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
    model: Target = "iso28560-3"
    """What this library writes; it reads every model."""
    marks: frozenset[Mark] = frozenset({"afi"})
    """What its gates look at."""

    @property
    def security(self) -> SecurityRules:
        """The marks that secure an item here."""
        return SecurityRules(self.bits, self.marks)


@dataclass(frozen=True, slots=True)
class Write:
    """The tag may be written: these blocks, in this order; afterwards its memory begins with `image`."""

    writes: tuple[BlockWrite, ...]
    image: bytes


@dataclass(frozen=True, slots=True)
class Already:
    """The tag holds it; at most its security is to be set."""


Why = Literal[
    "other-item", "other-model", "foreign", "patron-card", "damaged", "unknown", "locked", "too-small",
    "other-begun", "written-before", "misread",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refused:
    """The tag is left alone. `with_reason`: somebody who says why may write it all the same."""

    why: Why
    seen: str
    with_reason: bool


Judgement = Write | Already | Refused


class MisreadError(ValueError):
    """What is to be written cannot be read back as what it is, e.g. an ISIL without its hyphen."""


def judge(
    memory: TagMemory,
    wanted: Wanted,
    rules: Rules,
    *,
    forced: bool = False,
    begun: Wanted | None = None,
) -> Judgement:
    """Say what writing `wanted` onto a tag comes to.

    `begun`: this station began to write that on the tag and was cut off, so what is damaged on it is our own
    doing. Which book the tag sticks in is known from then on: another item is refused.
    """
    try:
        said = image_of(wanted, memory, rules.model)
    except MisreadError as error:
        return Refused("misread", str(error), with_reason=False)
    except ValueError as error:
        return Refused("too-small", str(error), with_reason=False)
    if holds(memory, wanted, rules.model):
        return Already()
    refused = _refusal(memory, wanted, rules)
    if begun is not None and (begun.item, begun.part) != (wanted.item, wanted.part):
        if refused is None or refused.why in ("damaged", "unknown"):
            seen = f"the tag was being written with item {begun.item} when it was cut off"
            refused = Refused("other-begun", seen, with_reason=True)
    elif begun is not None and refused is not None and refused.why in ("damaged", "unknown"):
        refused = None
    if refused is not None and not (refused.with_reason and forced):
        return refused
    writes = order(memory, said)
    locked = sorted({write.block for write in writes} & memory.locked)
    if locked:
        seen = f"block{'s' * (len(locked) > 1)} {', '.join(map(str, locked))} of the tag are locked for ever"
        return Refused("locked", seen, with_reason=False)
    return Write(writes, said)


def image_of(wanted: Wanted, memory: TagMemory, model: Target) -> bytes:
    """Return what the tag's memory is to begin with; raises ValueError when it does not fit.

    It covers the item and what an earlier item took, so that nothing of that is left behind; bytes further on
    may be another system's, or a chip's own (the counter of an ICODE SLIX2), and stay. A tag that another
    system wrote in an order of its own keeps that order. Raises MisreadError when the tag would be read as
    something else than it says.
    """
    found = identify(memory)
    turned = (
        found.raw.order if isinstance(found, TagContent) and isinstance(found.raw, BasicBlock) else "plain"
    )
    said = Statement(wanted.item, wanted.owner, wanted.part, wanted.parts, wanted.usage << 4, order=turned)
    made = covering(memory, image(said, model, room_of(memory), memory.block_size), model)
    wrong = misread(said, made, memory, model)
    if wrong:
        raise MisreadError(wrong)
    return made


def holds(memory: TagMemory, wanted: Wanted, model: Model) -> bool:
    """Say whether a tag that was read whole says what is wanted, by that model."""
    found = identify(memory)
    if not isinstance(found, TagContent) or found.model != model:
        return False
    said = (found.item, found.owner, found.part, found.parts, found.usage)
    return said == (wanted.item, wanted.owner, wanted.part, wanted.parts, wanted.usage)


def others(memory: TagMemory, rules: Rules) -> Refused | None:
    """Return why a tag is not this library's to change, when that is so: its owner's, or a patron's.

    A tag that names no ISIL — the legacy layout has none — counts as ours when it is laid down for this.
    """
    reading = decode_tag(memory, rules.owners, rules.bits)
    nameless = isinstance(reading, ForeignTag) and (not reading.owner or reading.owner.startswith("3m:"))
    if isinstance(reading, PatronTag) or (isinstance(reading, ForeignTag) and not nameless):
        return _of_reading(reading, Wanted("", ""))
    return None


def _refusal(memory: TagMemory, wanted: Wanted, rules: Rules) -> Refused | None:
    found = identify(memory)
    if isinstance(found, TagContent) and holds(memory, wanted, found.model):
        return Refused("other-model", f"the tag says this already, as {found.model}", with_reason=True)
    return _of_reading(decode_tag(memory, rules.owners, rules.bits), wanted)


def _of_reading(reading: TagReading, wanted: Wanted) -> Refused | None:
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
