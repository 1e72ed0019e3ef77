"""A tag rewritten so that a cut between any two blocks is seen, and mended.

The block that makes a tag one of a model is its first. So a tag that holds something else loses block 0
first, then gets the others, and block 0 last: until then its first byte is 0, which begins no model's data,
and no CRC agrees. What remains is a CRC of 16 bits that agrees by chance. A tag that was cut off reads as
damaged or unknown; laying it down again and writing what is missing (the same plan, made from what it holds
now) brings it to the target. What stood there before is kept by whoever writes (`kiosk.tagging.journal`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags import extensions, legacy_3m
from firmware_bridge.tags.danish import BASIC, BasicBlock
from firmware_bridge.tags.elements import Element
from firmware_bridge.tags.image import DSFIDS, Statement, Target, image
from firmware_bridge.tags.iso28560_2 import Part2, Value
from firmware_bridge.tags.legacy_3m import Legacy
from firmware_bridge.tags.reading import NoContent, TagContent, identify


@dataclass(frozen=True, slots=True)
class BlockWrite:
    """One block to be written."""

    block: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """Blocks to be written, in this order; afterwards the memory begins with `image`."""

    writes: tuple[BlockWrite, ...]
    image: bytes
    dsfid: int
    """The storage format that belongs to the model."""
    left_out: tuple[str, ...] = ()
    """What the tag says and the other model has no place for, by name."""


@dataclass(frozen=True, slots=True)
class NoPlan:
    """Why a tag cannot be converted; it is left as it is."""

    why: Literal["nothing-to-convert", "already", "locked", "does-not-fit", "partly-read"]
    seen: str


OWN = frozenset(
    {
        int(Element.PRIMARY_ITEM_IDENTIFIER),
        int(Element.CONTENT_PARAMETER),
        int(Element.OWNER_INSTITUTION),
        int(Element.SET_INFORMATION),
        int(Element.TYPE_OF_USAGE),
    }
)
"""Elements that the basic block of part 3 has fields of its own for, and the one that part 2 needs alone."""
HEAD: Final = 4
"""Bytes of an extension block before its data: length, id and check byte (ISO 28560-3)."""
OTHER_MEDIA: Final = 4
MEDIA_OF_LEGACY: Final = {0: OTHER_MEDIA, 1: 1, 2: OTHER_MEDIA, 4: 3, 5: 3, 6: 2}
"""Type of item of the legacy layout -> media format (OID 19: 1 book, 2 CD or DVD, 3 magnetic tape, 4 other).
A magazine has no format of its own there."""
UNSET: Final = {"branch": (0, 0xFFF), "custom": (0, 0x7FFFFFFF)}
"""What the legacy layout's numbers hold where nobody set them, as in its published examples."""


def plan(memory: TagMemory, target: Target, *, owner: str = "") -> Plan | NoPlan:
    """Return what makes a tag one of `target`, with everything that it says and that fits the other model.

    `owner` is written where the tag names none that is an ISIL: the legacy layout has none.
    """
    if len(memory.blocks) < memory.block_count * memory.block_size:
        read = len(memory.blocks) // memory.block_size
        return NoPlan("partly-read", f"{read} of {memory.block_count} blocks were read")
    found = identify(memory)
    if isinstance(found, NoContent):
        return NoPlan(
            "nothing-to-convert", f"the tag is {found.why}{': ' * bool(found.reason)}{found.reason}"
        )
    if found.model == target:
        return NoPlan("already", f"the tag is of {target} already")
    said = statement_of(found, owner)
    try:
        whole = image(said, target, room_of(memory), memory.block_size)
    except ValueError as error:
        return NoPlan("does-not-fit", str(error))
    made = covering(memory, whole, target)
    wrong = misread(said, made, memory, target)
    if wrong:
        return NoPlan("does-not-fit", wrong)
    ready = planned(memory, made, target)
    return ready if isinstance(ready, NoPlan) else replace(ready, left_out=left_out(found, target))


def room_of(memory: TagMemory) -> int:
    """Return how many bytes the tag has."""
    return (memory.block_count or len(memory.blocks) // memory.block_size) * memory.block_size


def blocks_of(memory: TagMemory) -> int:
    """Return how many blocks an item's data take, with the zero byte that ends them; 0 without an item."""
    found = identify(memory)
    match found:
        case TagContent(raw=BasicBlock() as block):
            used = BASIC + sum(HEAD + len(extension.data) for extension in block.extensions)
        case TagContent(raw=Part2() as sets):
            used = max(one.end for one in sets.elements)
        case TagContent(raw=Legacy()):
            used = legacy_3m.SIZE - 1
        case _:
            return 0
    return min(-(-(used + 1) // memory.block_size), room_of(memory) // memory.block_size)


def covering(memory: TagMemory, whole: bytes, target: Target) -> bytes:
    """Return as much of a whole image as the new item takes, or the old one did where that can be written.

    Bytes further on are left alone: they may be another system's, or a chip's own.
    """
    size = memory.block_size
    new = blocks_of(replace(memory, blocks=whole, dsfid=DSFIDS[target]))
    old = max(new, blocks_of(memory))
    locked = {write.block for write in order(memory, whole[: old * size])} & memory.locked
    return whole[: (new if locked and min(locked) >= new else old) * size]


def misread(said: Statement, made: bytes, memory: TagMemory, target: Target) -> str:
    """Return what a tag that begins with `made` would be taken for, when that is not what it is to say."""
    there_now = replace(memory, blocks=made + memory.blocks[len(made) :], dsfid=DSFIDS[target])
    found = identify(there_now)
    if isinstance(found, NoContent):
        return f"the tag would read as {found.why}{': ' * bool(found.reason)}{found.reason}"
    there = (found.model, found.item, found.owner, found.part, found.parts, found.usage)
    if there != (target, said.item, said.owner, said.part, said.parts, said.usage >> 4):
        return f"the tag would read as item {found.item!r} of {found.owner or 'no owner'} ({found.model})"
    return ""


def left_out(found: TagContent, target: Target) -> tuple[str, ...]:
    """Return what a tag says that the other model has no place for."""
    match found.raw:
        case Part2() as sets if target == "iso28560-3":
            kept = {int(element) for element in extensions.ELEMENTS.values()} | OWN
            kept |= {int(Element.MEDIA_FORMAT_OTHER)}
            names = tuple(one.name for one in sets.elements if one.oid not in kept)
            detail = sets.usage is not None and sets.usage & 0x0F
            return (*names, "detail of the type of usage") if detail else names
        case BasicBlock() as block if target == "iso28560-2":
            return tuple(_lost(block))
        case Legacy() as legacy:
            return tuple(name for name, unset in UNSET.items() if getattr(legacy, name) not in unset)
    return ()


def _lost(block: BasicBlock) -> Iterator[str]:
    if block.order != "plain":
        yield f"the order of its bytes ({block.order}), which part 2 does not know"
    for extension in block.extensions:
        fields = extensions.read(extension)
        if fields is None:
            yield f"extension block {extension.id}"
            continue
        kept = extensions.ELEMENTS.keys() | {"item", extensions.MEDIA}
        yield from (name for name in fields if name not in kept)
    if any(block.rest):
        yield "bytes behind the extension blocks"


def planned(memory: TagMemory, image: bytes, target: Target) -> Plan | NoPlan:
    """Return the plan that brings a tag to `image`, whatever stands on it now; also the repair of a cut."""
    writes = order(memory, image)
    locked = sorted({write.block for write in writes} & memory.locked)
    if locked:
        numbers = ", ".join(map(str, locked))
        return NoPlan("locked", f"block{'s' * (len(locked) > 1)} {numbers} of the tag are locked for ever")
    return Plan(writes, image, DSFIDS[target])


def order(memory: TagMemory, image: bytes) -> tuple[BlockWrite, ...]:
    """Return the blocks that differ, block 0 last; where there is other content, it is made void first."""
    size = memory.block_size
    now = memory.blocks.ljust(len(image), b"\0")
    numbers = range(len(image) // size)
    changed = [at for at in numbers if now[at * size : (at + 1) * size] != image[at * size : (at + 1) * size]]
    if not changed:
        return ()
    writes = [BlockWrite(at, image[at * size : (at + 1) * size]) for at in reversed(changed) if at]
    first = BlockWrite(0, image[:size])
    void = [BlockWrite(0, bytes(size))] if any(now[:size]) and writes else []
    return (*void, *writes, first) if void or 0 in changed else tuple(writes)


def statement_of(found: TagContent, owner: str = "") -> Statement:
    """Return what a tag says, free of its model; `owner` stands in where it names no ISIL."""
    named = owner if found.model == "3m501" or not found.owner else found.owner
    usage = found.raw.usage if isinstance(found.raw, Part2) else None
    octet = found.usage << 4 if usage is None else usage
    return Statement(found.item, named, found.part, found.parts, octet, elements_of(found))


def elements_of(found: TagContent) -> Mapping[int, Value]:
    """Return what a tag says beside item, owner, set and usage, as data elements of ISO 28560-1."""
    match found.raw:
        case BasicBlock() as block:
            return _of_extensions(block)
        case Part2() as sets:
            octets = {int(Element.MEDIA_FORMAT_OTHER)}
            return {
                one.oid: one.value
                for one in sets.elements
                if one.oid not in OWN and (isinstance(one.value, str) or one.oid in octets)
            }
        case Legacy() as legacy:
            media = MEDIA_OF_LEGACY.get(legacy.type, OTHER_MEDIA)
            return {int(Element.MEDIA_FORMAT_OTHER): bytes((media,))}
    return {}


def _of_extensions(block: BasicBlock) -> Mapping[int, Value]:
    found: dict[int, Value] = dict(extensions.values(block.extensions))
    library = next((extensions.read(one) for one in block.extensions if one.id == 1), None)
    if library is not None and library[extensions.MEDIA]:
        found[int(Element.MEDIA_FORMAT_OTHER)] = bytes((int(library[extensions.MEDIA]),))
    return found
