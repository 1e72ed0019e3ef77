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

from dataclasses import dataclass, field
from typing import Literal

from firmware_bridge.tags.crc import ccitt_false

BASIC = 34
BASIC_SHORT = 32
ITEM_BYTES = slice(3, 19)
CRC_BYTES = slice(19, 21)
USAGE_PATRON = 8
"""Type of usage 8: a patron card (ISO 28560-1, type of usage)."""

ByteOrder = Literal["plain", "blocks-reversed", "nibbles-swapped"]


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension block, kept to the byte (ISO 28560-3, extension blocks)."""

    id: int
    data: bytes
    """What follows the header of length, id and check byte."""


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
    if not any(data):
        return NotDanish("blank")
    if len(data) < BASIC_SHORT:
        return NotDanish("short", f"{len(data)} bytes, at least {BASIC_SHORT} are needed")
    for order, view in (("plain", data), ("blocks-reversed", _reverse_blocks(data, max(block_size, 1)))):
        block = view[:BASIC]
        if block_crc(block) == _stored_crc(block):
            return _content(view, "plain" if order == "plain" else "blocks-reversed")
    computed, stored = block_crc(data[:BASIC]), _stored_crc(data)
    return NotDanish("crc", f"bytes 19-20 say CRC {stored:04X}, the content gives {computed:04X}")


def _content(view: bytes, order: ByteOrder) -> BasicBlock | NotDanish:
    first = view[0]
    if order == "plain" and first & 0x0F == 1 and first >> 4 in (2, 7, 8):
        view, order = _swap_first(view), "nibbles-swapped"
    owner = _owner(view[21 : min(BASIC, len(view))])
    item = view[ITEM_BYTES].split(b"\0", 1)[0]
    extensions, rest = _extensions(view[BASIC:])
    if view[3] == 1:
        item = _library_item(extensions)
    if owner is None:
        return NotDanish("content", "the owner code holds bytes that are not text")
    try:
        text = item.decode("utf-8")
    except UnicodeDecodeError:
        text = item.decode("iso-8859-1")
    if any(ord(char) < 0x20 for char in text):
        return NotDanish("content", "the item identifier holds control characters")
    return BasicBlock(
        item=text,
        owner=owner,
        usage=view[0] & 0x0F,
        parts=view[1],
        part=view[2],
        version=view[0] >> 4,
        order=order,
        extensions=extensions,
        rest=rest,
    )


def _owner(raw: bytes) -> str | None:
    """Return the ISIL; a two-letter country prefix is written without its hyphen on the tag."""
    text = raw.split(b"\0", 1)[0]
    try:
        owner = text.decode("ascii")
    except UnicodeDecodeError:
        return None
    if any(ord(char) < 0x20 for char in owner):
        return None
    if len(owner) > 2 and owner[:2].isalpha() and "-" not in owner[:3]:
        return f"{owner[:2]}-{owner[2:]}"
    return owner


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
    owner = content.owner.replace("-", "", 1) if content.owner[2:3] == "-" else content.owner
    room = min(size, BASIC) - 21
    if size < BASIC_SHORT:
        raise ValueError(f"a basic block needs {BASIC_SHORT} bytes, not {size}")
    if len(item) > 16 and not any(extension.id == 1 for extension in content.extensions):
        raise ValueError(
            f"item identifier {content.item!r} is longer than 16 bytes: use a library extension block"
        )
    if len(owner.encode()) > room:
        raise ValueError(f"owner {content.owner!r} is longer than {room} bytes")
    if not (0 <= content.usage <= 15 and 0 <= content.version <= 15 and 0 <= content.part <= 255):
        raise ValueError("usage and version are nibbles, part numbers are bytes")
    block = bytearray(min(size, BASIC))
    block[0] = content.version << 4 | content.usage
    block[1:3] = bytes((content.parts, content.part))
    block[3:19] = (b"\x01" if len(item) > 16 else item).ljust(16, b"\0")
    block[21:] = owner.encode("ascii").ljust(room, b"\0")
    if content.order == "nibbles-swapped":
        block[:] = _swap_first(bytes(block))
    block[CRC_BYTES] = block_crc(bytes(block)).to_bytes(2, "little")
    memory = bytes(block) + b"".join(map(encode_extension, content.extensions)) + content.rest
    if len(memory) > size and any(memory[size:]):
        raise ValueError(f"{len(memory)} bytes do not fit on a tag of {size}")
    memory = memory[:size].ljust(size, b"\0")
    return _reverse_blocks(memory, block_size) if content.order == "blocks-reversed" else memory
