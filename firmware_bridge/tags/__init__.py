"""What is written on item tags, as pure codecs: ISO 28560-3 now, with a seam for the other parts."""

from firmware_bridge.tags.danish import BasicBlock, decode_block, encode_block
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

__all__ = [
    "BasicBlock",
    "BlankTag",
    "DamagedTag",
    "ForeignTag",
    "ItemTag",
    "PatronTag",
    "SecurityBits",
    "TagReading",
    "UnknownTag",
    "decode_block",
    "decode_tag",
    "encode_block",
]
