"""ISO 28560-3: the fixed basic block of 34 (or 32) bytes and the extension blocks behind it.

    0      version (high nibble), type of usage (low nibble)
    1, 2   number of parts, ordinal part number
    3-18   primary item identifier, 16 characters, filled with zeros
    19-20  CRC-16, low byte first, over all the other bytes of the block, always as 32 of them
    21-33  owner: country, then the rest of the ISIL (11 bytes; 9 on a tag of 32 bytes)

Some encoders wrote each block of the tag byte-reversed, some swapped the nibbles of byte 0. Both are
recognised by the CRC and kept as `order`, so that a rewrite leaves the tag as it was found. Known from
ISO 28560-3 and its national adoptions (Danish data model DS/INF 163-2).
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from firmware_bridge.tags.crc import ccitt_false

BASIC = 34
BASIC_SHORT = 32
ITEM_BYTES = slice(3, 19)
CRC_BYTES = slice(19, 21)
LONG_ITEM = 0x01
"""In byte 3: the item identifier is longer than 16 characters and stands in the library extension block."""
USAGE_PATRON = 8
"""Type of usage 8: a patron card (ISO 28560-1, type of usage)."""

ByteOrder = Literal["plain", "blocks-reversed", "nibbles-swapped", "both"]
"""How a tag was written: by the standard, with each block turned round, with byte 0 turned, or both."""
EXTENSIONS: dict[int, str] = {
    1: "library",
    2: "acquisition",
    3: "library supplement",
    4: "title",
    5: "interlibrary loan",
}
"""Extension blocks of ISO 28560-3 by their id."""
VERSION = 1
"""Version of the data model, the high nibble of byte 0 (ISO 28560-3)."""
PREFIX_WITH_HYPHEN = re.compile(r"(?:[A-Za-z]|[A-Za-z]{3,4})-|[A-Za-z]{2}-")
COUNTRY = re.compile(r"[A-Z]{2}(?=.)")


_ORDERS: dict[tuple[bool, bool], ByteOrder] = {
    (False, False): "plain",
    (True, False): "blocks-reversed",
    (False, True): "nibbles-swapped",
    (True, True): "both",
}
"""(blocks turned, nibbles of byte 0 turned) -> order."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension block, kept to the byte (ISO 28560-3, extension blocks)."""

    id: int
    data: bytes
    """What follows the header of length, id and check byte."""

    @property
    def name(self) -> str:
        """What the standard calls it; ids above 100 are a vendor's own, unstructured."""
        return EXTENSIONS.get(self.id, "structured" if self.id <= 100 else "unstructured")


@dataclass(frozen=True, slots=True)
class BasicBlock:
    """The content of an ISO 28560-3 tag."""

    item: str
    owner: str
    """ISIL with its hyphen, e.g. DK-718500."""
    usage: int = 1
    """Type of usage (ISO 28560-1): 0 acquisition, 1 circulating, 2 not for circulation, 8 patron."""
    parts: int = 1
    part: int = 1
    version: int = 1
    order: ByteOrder = "plain"
    extensions: tuple[Extension, ...] = field(default=())
    rest: bytes = b""
    """Bytes behind the extension blocks, kept as found."""


@dataclass(frozen=True, slots=True)
class NotDanish:
    """Why some bytes are not an intact ISO 28560-3 basic block."""

    reason: Literal["blank", "short", "crc", "content"]
    detail: str = ""


def _reverse_blocks(data: bytes, size: int) -> bytes:
    return b"".join(data[at : at + size][::-1] for at in range(0, len(data), size))


def _swap_first(data: bytes) -> bytes:
    return bytes([(data[0] >> 4) | (data[0] << 4 & 0xF0)]) + data[1:]


def block_crc(block: bytes) -> int:
    """Return the CRC of a basic block: bytes 0-18 and 21-33; a block of 32 bytes counts two zeros more."""
    padded = block[:BASIC].ljust(BASIC, b"\0")
    return ccitt_false(padded[:19] + padded[21:])


def _stored_crc(block: bytes) -> int:
    return int.from_bytes(block[CRC_BYTES], "little")


def decode_block(data: bytes, block_size: int = 4) -> BasicBlock | NotDanish:
    """Return the content of a tag's memory, or why there is none. Never raises."""
    if len(data) < BASIC_SHORT:
        return NotDanish("short", f"{len(data)} bytes, at least {BASIC_SHORT} are needed")
    if not any(data):
        return NotDanish("blank")
    for view, turned in ((data, False), (_reverse_blocks(data, max(block_size, 1)), True)):
        if block_crc(view) == _stored_crc(view):
            return _content(view, turned)
    computed, stored = block_crc(data), _stored_crc(data)
    return NotDanish("crc", f"bytes 19-20 say CRC {stored:04X}, the content gives {computed:04X}")


def looks_written(data: bytes, block_size: int = 4) -> bool:
    """Say whether bytes with a wrong CRC look like a basic block that was once right."""
    return any(map(_looks_right, (data, _reverse_blocks(data, max(block_size, 1)))))


def _looks_right(view: bytes) -> bool:
    """Say whether item or owner stand there as text, and version or part numbers are possible."""
    if len(view) < BASIC_SHORT:
        return False
    field = view[ITEM_BYTES]
    printable = sum(0x20 <= byte < 0x7F for byte in field)
    mostly = printable + field.count(0) >= 14
    letters = sum(bytes((byte,)).isalnum() for byte in field)
    owned = any(0x20 <= byte < 0x7F for byte in view[21:BASIC])
    return mostly and (letters >= 3 or owned) and (view[0] >> 4 == VERSION or view[1] >= view[2] > 0)


def _content(view: bytes, turned: bool) -> BasicBlock | NotDanish:
    swapped = view[0] >> 4 != VERSION and view[0] & 0x0F == VERSION
    if not swapped and view[0] >> 4 != VERSION:
        return NotDanish("content", f"byte 0 is {view[0]:02X} and names no version; the CRC agrees by chance")
    first = _swap_first(view)[0] if swapped else view[0]
    owner = _text(view[21 : min(BASIC, len(view))])
    extensions, rest = _extensions(view[BASIC:])
    item = _text(_library_item(extensions) if view[3] == LONG_ITEM else view[ITEM_BYTES])
    if owner is None or item is None:
        return NotDanish("content", "the item identifier or the owner holds bytes that are no text")
    if view[3] == LONG_ITEM and not item:
        return NotDanish("content", "the item identifier stands in an extension block that is not there")
    return BasicBlock(
        item=item,
        owner=_expand(owner),
        usage=first & 0x0F,
        parts=view[1],
        part=view[2],
        version=first >> 4,
        order=_ORDERS[turned, swapped],
        extensions=extensions,
        rest=rest,
    )


def _text(raw: bytes) -> str | None:
    """Return the characters before the first zero, None when there are control characters among them."""
    raw = raw.split(b"\0", 1)[0]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("iso-8859-1")
    return None if any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in text) else text


def _compact(owner: str) -> str:
    """Return an ISIL as it stands on the tag: after a country its hyphen is left out (DK-718500, DK718500).

    Where the shorter form would be read as something else, the ISIL stays whole.
    """
    short = owner[:2] + owner[3:] if owner[2:3] == "-" else owner
    return short if _expand(short) == owner else owner


def _expand(owner: str) -> str:
    """Return the ISIL with its hyphen (ISO 15511: a country of two letters, or another prefix)."""
    if PREFIX_WITH_HYPHEN.match(owner) or not COUNTRY.match(owner):
        return owner
    return f"{owner[:2]}-{owner[2:]}"


def _extensions(data: bytes) -> tuple[tuple[Extension, ...], bytes]:
    """Split extension blocks: length, id (low byte first), check byte (XOR of the block is 0), data."""
    found: list[Extension] = []
    at = 0
    while at + 4 <= len(data) and data[at] >= 4 and at + data[at] <= len(data):
        block = data[at : at + data[at]]
        check = 0
        for byte in block:
            check ^= byte
        if check:
            break
        found.append(Extension(int.from_bytes(block[1:3], "little"), block[4:]))
        at += len(block)
    return tuple(found), data[at:]


def _library_item(extensions: tuple[Extension, ...]) -> bytes:
    """Return an item identifier longer than 16 characters from extension block 1."""
    for extension in extensions:
        if extension.id == 1 and len(extension.data) > 1:
            return extension.data[1:].split(b"\0", 1)[0]
    return b""


def encode_extension(extension: Extension) -> bytes:
    """Return the bytes of an extension block, with its length and check byte."""
    head = bytes([len(extension.data) + 4]) + extension.id.to_bytes(2, "little")
    check = 0
    for byte in head + extension.data:
        check ^= byte
    return head + bytes([check]) + extension.data


def encode_block(content: BasicBlock, size: int = BASIC, block_size: int = 4) -> bytes:
    """Return the tag's memory: `size` 34, 32 or more bytes, extension blocks included when they fit.

    Raises ValueError when something does not fit its field.
    """
    item = content.item.encode("utf-8")
    owner = _compact(content.owner).encode("utf-8")
    room = min(size, BASIC) - 21
    _check(content, item, owner, size, room)
    block = bytearray(min(size, BASIC))
    block[0] = content.version << 4 | content.usage
    block[1:3] = bytes((content.parts, content.part))
    block[3:19] = (bytes((LONG_ITEM,)) if len(item) > 16 else item).ljust(16, b"\0")
    block[21:] = owner.ljust(room, b"\0")
    if content.order in ("nibbles-swapped", "both"):
        block[:] = _swap_first(bytes(block))
    block[CRC_BYTES] = block_crc(bytes(block)).to_bytes(2, "little")
    memory = bytes(block) + b"".join(map(encode_extension, content.extensions)) + content.rest
    if len(memory) > size and any(memory[size:]):
        raise ValueError(f"{len(memory)} bytes do not fit on a tag of {size}")
    memory = memory[:size].ljust(size, b"\0")
    return _reverse_blocks(memory, block_size) if content.order in ("blocks-reversed", "both") else memory


def _check(content: BasicBlock, item: bytes, owner: bytes, size: int, room: int) -> None:
    if size < BASIC_SHORT:
        raise ValueError(f"a basic block needs {BASIC_SHORT} bytes, not {size}")
    if len(item) > 16 and not any(extension.id == 1 for extension in content.extensions):
        raise ValueError(
            f"item identifier {content.item!r} is longer than 16 bytes: use a library extension block"
        )
    if len(owner) > room:
        raise ValueError(f"owner {content.owner!r} is longer than {room} bytes")
    if not (0 <= content.usage <= 15 and 0 <= content.version <= 15):
        raise ValueError("usage and version are nibbles, 0 to 15")
    if not (0 <= content.part <= 255 and 0 <= content.parts <= 255):
        raise ValueError("the number of parts, and of the part, are bytes, 0 to 255")
    if any(ord(char) < 0x20 for char in content.item + content.owner):
        raise ValueError("item identifier and owner hold no control characters")
