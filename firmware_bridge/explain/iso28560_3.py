"""`turnleaf explain iso28560-3`: the basic block and its extension blocks in words."""

from typing import Any

from firmware_bridge.explained import Explained, Problem
from firmware_bridge.tags import extensions
from firmware_bridge.tags.danish import CRC_BYTES, Extension, NotDanish, block_crc, decode_block
from firmware_bridge.tags.elements import USAGES

KIND = "iso28560-3"
WHERE = {"crc": CRC_BYTES.start, "content": 3}
"""Reason -> offset of the first byte that is wrong."""
SECTIONS = {
    "version": "ISO 28560-3, basic block, byte 0",
    "usage": "ISO 28560-1, type of usage; byte 0",
    "parts": "ISO 28560-3, basic block, byte 1",
    "part": "ISO 28560-3, basic block, byte 2",
    "item": "ISO 28560-3, basic block, bytes 3 to 18",
    "crc": "ISO 28560-3, basic block, bytes 19 and 20; CRC-16/IBM-3740",
    "owner": "ISO 28560-3, basic block, bytes 21 to 33; ISO 15511",
    "extensions": "ISO 28560-3, extension blocks",
}


def explain(data: bytes, *, block_size: int = 4, **_: object) -> Explained:
    """Say what stands on a tag; never raises."""
    found = decode_block(data, block_size)
    if isinstance(found, NotDanish):
        detail = found.detail or f"the tag is {found.reason}"
        at = min(WHERE.get(found.reason, 0), len(data))
        return Explained(KIND, {}, (Problem(detail, len(data) if found.reason == "short" else at),))
    fields: dict[str, Any] = {
        "version": found.version,
        "usage": f"{found.usage} ({USAGES.get(found.usage, 'reserved')})",
        "parts": found.parts,
        "part": found.part,
        "item": found.item,
        "crc": f"{block_crc(data):04x}" if found.order == "plain" else "right in the order of the tag",
        "owner": found.owner,
        "order": found.order,
        "extensions": [words(one) for one in found.extensions],
    }
    if any(found.rest):
        fields["rest"] = found.rest.hex()
    return Explained(KIND, fields, (), SECTIONS)


def words(extension: Extension) -> dict[str, Any]:
    """Return one extension block for people: its fields, or its bytes where it has none."""
    said: dict[str, Any] = {"id": extension.id, "name": extension.name}
    found = extensions.read(extension)
    return said | ({"hex": extension.data.hex()} if found is None else dict(found))
