"""A tag rewritten so that a cut between any two blocks is seen, and mended.

The block that makes a tag one of a model is its first. So a tag that holds something else loses block 0
first, then gets the others, and block 0 last: until then its first byte is 0, which begins no model's data,
and no CRC agrees. What remains is a CRC of 16 bits that agrees by chance. A tag that was cut off reads as
damaged or unknown; laying it down again and writing what is missing (the same plan, made from what it holds
now) brings it to the target. What stood there before is kept by whoever writes (`kiosk.tagging.journal`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags import extensions, iso28560_2
from firmware_bridge.tags.danish import BasicBlock, encode_block
from firmware_bridge.tags.elements import Element, SetInformation, write_set
from firmware_bridge.tags.iso28560_2 import Part2, Value
from firmware_bridge.tags.reading import NoContent, TagContent, identify

Target = Literal["iso28560-2", "iso28560-3"]
LONG = 34
"""Bytes of the whole basic block of ISO 28560-3."""


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

DSFIDS: dict[Target, int] = {"iso28560-2": iso28560_2.DSFID, "iso28560-3": 0x3E}
"""Storage format by model; 3E is what writers of part 3 were found to use."""


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
    try:
        image = image_of(found, memory, target, owner)
    except ValueError as error:
        return NoPlan("does-not-fit", str(error))
    made = planned(memory, image, target)
    return made if isinstance(made, NoPlan) else replace(made, left_out=left_out(found, target))


def left_out(found: TagContent, target: Target) -> tuple[str, ...]:
    """Return what a tag says that the other model has no place for."""
    if isinstance(found.raw, Part2) and target == "iso28560-3":
        kept = {int(element) for element in extensions.ELEMENTS.values()} | OWN
        return tuple(one.name for one in found.raw.elements if one.oid not in kept)
    if isinstance(found.raw, BasicBlock) and target == "iso28560-2":
        return tuple(_lost(found.raw))
    return ()


def _lost(block: BasicBlock) -> Iterator[str]:
    for extension in block.extensions:
        fields = extensions.read(extension)
        if fields is None:
            yield f"extension block {extension.id}"
            continue
        kept = extensions.ELEMENTS.keys() | {"item"}
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


def image_of(found: TagContent, memory: TagMemory, target: Target, owner: str = "") -> bytes:
    """Return the memory of the whole tag in the other model; raises ValueError when it does not fit."""
    room = (memory.block_count or len(memory.blocks) // memory.block_size) * memory.block_size
    named = owner if found.model == "3m501" or not found.owner else found.owner
    if target == "iso28560-3":
        return _basic(found, named, room, memory.block_size)
    values: dict[int, Value] = dict(elements_of(found))
    values[Element.PRIMARY_ITEM_IDENTIFIER] = found.item
    values[Element.TYPE_OF_USAGE] = bytes((found.usage << 4,))
    if named:
        values[Element.OWNER_INSTITUTION] = named
    if (found.part, found.parts) != (1, 1):
        values[Element.SET_INFORMATION] = write_set(SetInformation(found.parts, found.part))
    return iso28560_2.encode(values, size=room, block_size=memory.block_size).memory


def _basic(found: TagContent, owner: str, room: int, block_size: int) -> bytes:
    blocks = extensions.blocks(elements_of(found))
    if len(found.item.encode("utf-8")) > 16:
        blocks = (extensions.write(1, {"item": found.item}), *blocks)
    content = BasicBlock(found.item, owner, found.usage, found.parts, found.part, extensions=blocks)
    image = encode_block(content, max(room, LONG) if room >= LONG else room, block_size)
    return image[: -(-len(image) // block_size) * block_size].ljust(room, b"\0")


def elements_of(found: TagContent) -> Mapping[int, str]:
    """Return what a tag says beside item, owner, set and usage, as data elements of ISO 28560-1."""
    if isinstance(found.raw, BasicBlock):
        return extensions.values(found.raw.extensions)
    if isinstance(found.raw, Part2):
        return {
            one.oid: one.value
            for one in found.raw.elements
            if isinstance(one.value, str) and one.oid not in OWN
        }
    return {}
