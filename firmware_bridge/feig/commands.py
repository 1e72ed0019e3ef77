"""Requests and answers of FEIG's ISO host commands as values. Pure.

The reader sends the bytes of each block most significant first, the tag stores them the other way round
(manual H20800 annex F): blocks are reversed here, on the way in and on the way out.
"""

from dataclasses import dataclass

from firmware_bridge.errors import FrameError
from firmware_bridge.feig import words
from firmware_bridge.feig.frames import Frame
from firmware_bridge.ports import DeviceInfo


@dataclass(frozen=True, slots=True)
class SystemInformation:
    """ISO 15693 system information as the reader tells it."""

    uid: str
    dsfid: int
    afi: int
    blocks: int
    block_size: int
    ic: int


def inventory(*, more: bool = False) -> Frame:
    """Ask for all tags in the field; `more` continues after status 94."""
    return Frame(
        words.ISO_HOST, bytes((words.INVENTORY, words.INVENTORY_MORE if more else words.INVENTORY_NEW))
    )


def read_blocks(uid: str, first: int, count: int) -> Frame:
    """Read `count` blocks from `first` of one tag."""
    return _addressed(words.READ_BLOCKS, uid, bytes((first, count)))


def write_blocks(uid: str, first: int, data: bytes, block_size: int) -> Frame:
    """Write whole blocks in the tag's own byte order."""
    count = len(data) // block_size
    return _addressed(
        words.WRITE_BLOCKS, uid, bytes((first, count, block_size)) + _reversed(data, block_size)
    )


def write_afi(uid: str, afi: int) -> Frame:
    """Write the AFI of one tag."""
    return _addressed(words.WRITE_AFI, uid, bytes((afi,)))


def system_information(uid: str) -> Frame:
    """Ask one tag for its system information."""
    return _addressed(words.SYSTEM_INFORMATION, uid)


def _addressed(command: int, uid: str, rest: bytes = b"") -> Frame:
    return Frame(words.ISO_HOST, bytes((command, words.ADDRESSED)) + bytes.fromhex(uid) + rest)


def _reversed(data: bytes, size: int) -> bytes:
    return b"".join(data[at : at + size][::-1] for at in range(0, len(data), size))


def parse_inventory(data: bytes) -> tuple[str, ...]:
    """Return the UIDs in an inventory answer: count, then (type, DSFID, UID) for each tag."""
    if not data:
        return ()
    count, at = data[0], 1
    uids: list[str] = []
    for _ in range(count):
        if at + 10 > len(data):
            raise FrameError(
                f"the inventory announces {count} tags but ends after {len(uids)}",
                why="A tag would be missed.",
                do="It is asked again by itself.",
            )
        if data[at] != words.TAG_TYPE_ISO15693:
            raise FrameError(
                f"a tag of type {data[at]:02X} is in the field",
                why="Only ISO 15693 tags can be told apart here.",
                do="Set the reader to ISO 15693 alone.",
            )
        uids.append(data[at + 2 : at + 10].hex().upper())
        at += 10
    return tuple(uids)


def parse_blocks(data: bytes) -> tuple[bytes, int]:
    """Return (bytes in the tag's own order, block size) of a read answer: count, size, then (lock, block)."""
    if len(data) < 2 or len(data) != 2 + data[0] * (data[1] + 1):
        raise FrameError(f"a read answer of {len(data)} bytes does not fit its own count and size")
    count, size = data[0], data[1]
    blocks = [data[3 + n * (size + 1) : 3 + n * (size + 1) + size][::-1] for n in range(count)]
    return b"".join(blocks), size


def parse_system_information(data: bytes) -> SystemInformation:
    """Return the system information: DSFID, UID, AFI, memory size (blocks - 1, bytes - 1), IC reference."""
    if len(data) < 12:
        raise FrameError(f"system information of {len(data)} bytes is too short")
    return SystemInformation(
        uid=data[1:9].hex().upper(),
        dsfid=data[0],
        afi=data[9],
        blocks=data[10] + 1,
        block_size=(data[11] & 0x1F) + 1,
        ic=data[12] if len(data) > 12 else 0,
    )


READER_TYPES: dict[int, str] = {0x30: "CPR", 0x53: "MR102", 0x5B: "LR1002", 0x5C: "MR200", 0x44: "LR200"}
"""A few reader types by their number in the software version; others are named by the number."""


def parse_software_version(data: bytes) -> DeviceInfo:
    """Return what command 65 tells: version (2 bytes), hardware, reader type, transponders, buffer."""
    if len(data) < 5:
        raise FrameError(f"a software version of {len(data)} bytes is too short")
    kind = data[4]
    return DeviceInfo("FEIG", READER_TYPES.get(kind, f"OBID type {kind:02X}"), f"{data[0]}.{data[1]}", "")
