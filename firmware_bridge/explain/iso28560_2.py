"""`turnleaf explain iso28560-2`: data sets of an item tag in words."""

from typing import Any

from firmware_bridge.explained import Explained, Problem
from firmware_bridge.tags.elements import Element, name_of, read_content, usage_words
from firmware_bridge.tags.iso28560_2 import NotPart2, Read, decode

KIND = "iso28560-2"
STANDARD = "ISO 28560-2"


def explain(data: bytes, *, block_size: int = 4, **_: object) -> Explained:
    """Say what stands on a tag, element by element; never raises."""
    found = decode(data, block_size)
    if isinstance(found, NotPart2):
        detail = found.detail or "the tag is blank"
        return Explained(KIND, {}, (Problem(detail, found.offset),))
    fields: dict[str, Any] = {}
    for read in found.elements:
        fields[read.name if read.name not in fields else f"{read.name} at {read.start}"] = words(read)
    fields["elements"] = [
        {"oid": read.oid, "name": read.name, "compaction": read.compaction.name.lower(), "offset": read.start}
        for read in found.elements
    ]
    sections = {name_of(read.oid): f"{STANDARD}, data element {read.oid}" for read in found.elements}
    return Explained(KIND, fields, tuple(Problem(text, at) for text, at in found.problems), sections)


def words(read: Read) -> Any:
    """Return an element's value for people."""
    if read.oid == Element.CONTENT_PARAMETER and isinstance(read.value, bytes):
        return [name_of(oid) for oid in read_content(read.value)]
    if read.oid == Element.TYPE_OF_USAGE and isinstance(read.value, bytes) and read.value:
        return f"{read.value.hex()} ({usage_words(read.value[0])})"
    return read.value.hex() if isinstance(read.value, bytes) else read.value
