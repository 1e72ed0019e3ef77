"""Requests to a 3M reader and its answers, as values. Pure.

Every answer about a tag carries the tag's UID again, and blocks carry their numbers: both are compared with
what was asked, so that an answer to another question is a FrameError and never another tag's content.

Blocks are asked for in the form without response options, whose answer numbers each block; it is the one that
both readers are known to give. UIDs go most significant byte first, block bytes in the tag's own order.
"""

from dataclasses import dataclass

from firmware_bridge.errors import FrameError, RfCommError
from firmware_bridge.iso15693 import UID_BYTES
from firmware_bridge.ports import DeviceInfo
from firmware_bridge.threem import words
from firmware_bridge.threem.frames import Frame

ALL_AFIS = 0x00
UIDS_ONLY = 0x05
"""Response options of an inventory: bit 0 asks for the UIDs, bit 1 would for DSFIDs; bit 2 is set by every
program that is known, its meaning is not verified."""
ALL_INFO = 0x0F
"""Tag info: DSFID, AFI, memory, IC reference."""
MOST_BLOCKS = 8
"""Blocks of one command; the 810 is known to answer no more."""
BLOCK_BYTES = 4
VENDOR = 0x0A
"""Vendor of the version answer: 3M."""
LOCK_STATES = (0x00, 0x01)
"""The byte before a block, open or locked; anything else is an error of that block (unverified)."""


@dataclass(frozen=True, slots=True)
class TagInfo:
    """What a tag says of itself; None is what it, or the reader, does not tell."""

    dsfid: int | None = None
    afi: int | None = None
    block_size: int | None = None
    blocks: int | None = None


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks as they were read, in the order of their numbers."""

    data: bytes
    locked: frozenset[int]


def inventory() -> Frame:
    """Ask for the UIDs of all tags in the field."""
    return Frame(words.INVENTORY, bytes((ALL_AFIS, UIDS_ONLY)))


def version() -> Frame:
    """Ask for the reader's version."""
    return Frame(words.VERSION)


def to_tag(command: int, uid: str, data: bytes = b"") -> Frame:
    """Return a command to one tag."""
    return Frame(command, bytes.fromhex(uid) + data)


def read_blocks(uid: str, first: int, count: int) -> Frame:
    """Ask for blocks with their numbers and locks."""
    return to_tag(words.READ_BLOCKS, uid, bytes((first, count)))


def write_blocks(uid: str, first: int, data: bytes, block_size: int = BLOCK_BYTES) -> Frame:
    """Write whole blocks; the byte before them is reserved."""
    return to_tag(words.WRITE_BLOCKS, uid, bytes((first, len(data) // block_size, 0)) + data)


def pass_through(request: bytes, answer_bytes: int) -> Frame:
    """Send an ISO 15693 request, byte for byte (§7.3).

    That the reader adds the CRC, and that control options 0 are right for reads and writes, is unverified.
    """
    sizes = len(request).to_bytes(2, "big") + answer_bytes.to_bytes(2, "big")
    return Frame(words.PASS_THROUGH, sizes + bytes(2) + request)


def parse_version(data: bytes) -> DeviceInfo:
    """Return make and firmware; raises FrameError."""
    if len(data) != 4:
        raise FrameError(f"a reader version has 4 bytes, not {len(data)}")
    make = "3M" if data[0] == VENDOR else f"vendor {data[0]:02X}"
    return DeviceInfo(make, "RFID reader 210/810", ".".join(map(str, data[1:])))


def parse_inventory(data: bytes) -> frozenset[str]:
    """Return the UIDs of an inventory; raises FrameError."""
    if len(data) < 3 or data[:2] != bytes((ALL_AFIS, UIDS_ONLY)):
        raise FrameError("an answer to another inventory than was asked for")
    uids = data[3:]
    if len(uids) != data[2] * UID_BYTES:
        raise FrameError(f"{len(uids)} bytes are no {data[2]} UIDs")
    return frozenset(uids[at : at + UID_BYTES].hex().upper() for at in range(0, len(uids), UID_BYTES))


def parse_mine(uid: str, data: bytes) -> bytes:
    """Return what follows the UID in an answer; raises FrameError when it is another tag's."""
    if data[:UID_BYTES].hex().upper() != uid:
        raise FrameError("another tag answered than was asked", do="It is asked again by itself.")
    return data[UID_BYTES:]


def parse_byte(data: bytes) -> int:
    """Return the one byte of an answer (AFI, DSFID, EAS); raises FrameError."""
    if len(data) != 1:
        raise FrameError(f"{len(data)} bytes came where one was expected")
    return data[0]


def parse_done(data: bytes) -> None:
    """Take an answer that says nothing but "done"; a write may add a block number."""
    if len(data) > 1:
        raise FrameError(f"{len(data)} bytes came where none were expected")


def parse_tag_info(data: bytes) -> TagInfo:
    """Return a tag info; bits tell what is there (§7.18). Sizes and counts are told less one."""
    if not data:
        raise FrameError("a tag info without its bits")
    there, rest = data[0], data[1:]
    sizes = [size for bit, size in ((0x01, 1), (0x02, 1), (0x04, 2)) if there & bit]
    ic = 2 if there & 0x08 else 0
    if there & ~ALL_INFO or len(rest) != sum(sizes) + ic:
        raise FrameError(f"a tag info with bits {there:02X} and {len(rest)} bytes")
    values = iter(rest)
    dsfid = next(values) if there & 0x01 else None
    afi = next(values) if there & 0x02 else None
    size = next(values) + 1 if there & 0x04 else None
    blocks = next(values) + 1 if there & 0x04 else None
    return TagInfo(dsfid, afi, size, blocks)


def parse_blocks(data: bytes, first: int, count: int, size: int) -> Blocks:
    """Return the blocks that were asked for, and no others; raises FrameError, RfCommError."""
    step = 2 + size
    if data[:1] != bytes((count,)) or len(data) != 1 + count * step:
        raise FrameError("other blocks came than were asked for", do="They are asked for again.")
    found, locked = b"", set()
    for number in range(count):
        at = 1 + number * step
        if data[at] != first + number:
            raise FrameError("other blocks came than were asked for", do="They are asked for again.")
        if data[at + 1] not in LOCK_STATES:
            raise RfCommError(
                f"block {data[at]} could not be read (state {data[at + 1]:02X})",
                do="Put the item flat on the pad.",
            )
        if data[at + 1]:
            locked.add(data[at])
        found += data[at + 2 : at + step]
    return Blocks(found, frozenset(locked))


def parse_pass_through(data: bytes) -> bytes:
    """Return what a tag answered, byte for byte: flags and data; empty when it was silent."""
    if len(data) < 3 or len(data) != 3 + int.from_bytes(data[1:3], "big"):
        raise FrameError("an answer to a pass-through whose length does not fit")
    return data[3:]
