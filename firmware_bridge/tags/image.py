"""The whole memory of an item tag, made from what is to stand on it, in the model that is wanted. Pure.

Used by whoever writes new tags and by whoever converts old ones, so that both write the same bytes. Bytes
behind the content are zeros: what an earlier owner's tag said there must not become part of the new item.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from firmware_bridge.tags import extensions, iso28560_2
from firmware_bridge.tags.danish import BASIC_SHORT, BasicBlock, ByteOrder, encode_block
from firmware_bridge.tags.elements import Element, SetInformation, write_set
from firmware_bridge.tags.iso28560_2 import Value

Target = Literal["iso28560-2", "iso28560-3"]
"""Models that are written; the legacy layout is only read."""
LONG: Final = 34
"""Bytes of the whole basic block of ISO 28560-3."""
ITEM_BYTES: Final = 16
"""Bytes of an item identifier in the basic block; a longer one stands in extension block 1."""
DSFIDS: Final[dict[Target, int]] = {"iso28560-2": iso28560_2.DSFID, "iso28560-3": 0x3E}
"""Storage format by model; 3E is what writers of part 3 were found to use."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What an item tag is to say."""

    item: str
    owner: str = ""
    part: int = 1
    parts: int = 1
    usage: int = 0x10
    """Type of usage as the octet of ISO 28560-1; part 3 has a place for its high nibble alone."""
    elements: Mapping[int, Value] = field(default_factory=dict)
    """What it says beside: data elements by OID."""
    order: ByteOrder = "plain"
    """Part 3: the order in which an earlier system wrote this tag, and will read it."""


def image(said: Statement, target: Target, room: int, block_size: int) -> bytes:
    """Return the `room` bytes of a tag; raises ValueError when something does not fit or cannot be said."""
    if target == "iso28560-2":
        return _data_sets(said, room, block_size)
    return _basic_block(said, room, block_size)


def _data_sets(said: Statement, room: int, block_size: int) -> bytes:
    values: dict[int, Value] = dict(said.elements)
    values[Element.PRIMARY_ITEM_IDENTIFIER] = said.item
    values[Element.TYPE_OF_USAGE] = bytes((said.usage,))
    if said.owner:
        values[Element.OWNER_INSTITUTION] = said.owner
    if (said.part, said.parts) != (1, 1):
        values[Element.SET_INFORMATION] = write_set(SetInformation(said.parts, said.part))
    return iso28560_2.encode(values, size=room, block_size=block_size).memory


def _basic_block(said: Statement, room: int, block_size: int) -> bytes:
    if room < BASIC_SHORT:
        raise ValueError(f"the tag has {room} bytes, and an item needs {BASIC_SHORT}")
    texts = {oid: value for oid, value in said.elements.items() if isinstance(value, str)}
    media = said.elements.get(Element.MEDIA_FORMAT_OTHER)
    library: dict[str, str | int] = {}
    if isinstance(media, bytes) and len(media) == 1:
        library[extensions.MEDIA] = media[0]
    if len(said.item.encode("utf-8")) > ITEM_BYTES:
        library["item"] = said.item
    blocks = extensions.blocks(texts)
    if library:
        blocks = (extensions.write(1, library), *blocks)
    content = BasicBlock(
        said.item, said.owner, said.usage >> 4, said.parts, said.part, order=said.order, extensions=blocks
    )
    return encode_block(content, room, block_size)
