"""Requests and answers of FEIG's commands as values. Pure.

The reader sends the bytes of each block most significant first, the tag stores them the other way round
(manual H20800 annex F): blocks are reversed here, on the way in and on the way out. Every answer is
checked against its own counts and against what was asked; what does not fit is a FrameError, because it
may be the answer to another question.
"""

from collections.abc import Sequence
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
    """Write whole blocks, given in the tag's own byte order; raises ValueError for half a block."""
    if not data or len(data) % block_size:
        raise ValueError(f"{len(data)} bytes are no whole blocks of {block_size}")
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


def device_id() -> Frame:
    """Ask the reader for its device id (command 66, mode 80)."""
    return Frame(words.READER_INFO, bytes((words.DEVICE_ID,)))


def set_outputs(outputs: Sequence[int], seconds: float) -> Frame:
    """Switch digital outputs on for `seconds`, in steps of 100 ms (command 72: number, state, time each)."""
    time = max(1, min(round(seconds * 10), 0xFFFF)).to_bytes(2, "big")
    records = b"".join(bytes((number, words.OUTPUT_ON)) + time for number in outputs)
    return Frame(words.SET_OUTPUT, bytes((words.OUTPUT_MODE, len(outputs))) + records)


def _addressed(command: int, uid: str, rest: bytes = b"") -> Frame:
    return Frame(words.ISO_HOST, bytes((command, words.ADDRESSED)) + bytes.fromhex(uid) + rest)


def _reversed(data: bytes, size: int) -> bytes:
    return b"".join(data[at : at + size][::-1] for at in range(0, len(data), size))


def parse_nothing(data: bytes) -> None:
    """Take the answer to a write, which is a status alone."""
    if data:
        raise FrameError(f"{len(data)} bytes came where a status alone was expected")


def parse_inventory(data: bytes) -> tuple[str, ...]:
    """Return the ISO 15693 UIDs in an inventory answer: a count, then a record for each tag.

    A reader that also takes ISO 14443 A lists a patron's bank card among the items: such records are
    passed over. Their UID has 7 or 10 bytes; which, follows from the length of the whole.
    """
    if not data:
        return ()
    for other in (10, 13):
        uids = _inventory(data, other)
        if uids is not None:
            return uids
    raise FrameError(
        f"an inventory of {data[0]} tags does not fit its {len(data)} bytes",
        why="A tag would be missed.",
        do="It is asked again by itself; if it stays, set the reader to ISO 15693 alone.",
    )


def _inventory(data: bytes, other: int) -> tuple[str, ...] | None:
    """Return the UIDs when records of ISO 14443 A have `other` bytes, None when that does not fit."""
    at = 1
    uids: list[str] = []
    for _ in range(data[0]):
        if at >= len(data):
            return None
        match data[at]:
            case words.TAG_TYPE_ISO15693 if at + 10 <= len(data):
                uids.append(data[at + 2 : at + 10].hex().upper())
                at += 10
            case words.TAG_TYPE_ISO14443A:
                at += other
            case _:
                return None
    return tuple(uids) if at == len(data) else None


def parse_blocks(data: bytes) -> tuple[bytes, int]:
    """Return (bytes in the tag's own order, block size) of a read answer: count, size, then (lock, block)."""
    if len(data) < 2 or not data[1] or len(data) != 2 + data[0] * (data[1] + 1):
        raise FrameError(f"a read answer of {len(data)} bytes does not fit its own count and size")
    count, size = data[0], data[1]
    blocks = [data[3 + n * (size + 1) : 3 + n * (size + 1) + size][::-1] for n in range(count)]
    return b"".join(blocks), size


def parse_system_information(data: bytes) -> SystemInformation:
    """Return the system information: DSFID, UID, AFI, memory (block size - 1, blocks - 1), IC reference.

    The manuals name the memory's two bytes without their order; a recorded MR102 answers 03 4F for a tag
    of 80 blocks of 4 bytes.
    """
    if len(data) not in (12, 13):
        raise FrameError(f"system information of {len(data)} bytes is none")
    return SystemInformation(
        uid=data[1:9].hex().upper(),
        dsfid=data[0],
        afi=data[9],
        blocks=data[11] + 1,
        block_size=(data[10] & 0x1F) + 1,
        ic=data[12] if len(data) > 12 else 0,
    )


def parse_software_version(data: bytes) -> DeviceInfo:
    """Return what command 65 tells: revision (2), development revision, hardware, reader type, tags (2)."""
    if len(data) < 5:
        raise FrameError(f"a software version of {len(data)} bytes is too short")
    kind = data[4]
    model = words.READER_TYPES.get(kind, f"OBID reader type {kind}")
    return DeviceInfo("FEIG", model, f"{data[0]}.{data[1]:02d}", "")


def parse_device_id(data: bytes) -> str:
    """Return the device id of command 66, mode 80, as 8 hex digits."""
    if len(data) < 4:
        raise FrameError(f"a device id of {len(data)} bytes is too short")
    return data[:4].hex().upper()
