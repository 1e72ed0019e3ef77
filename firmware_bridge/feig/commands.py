"""Requests to tags through a FEIG reader, and the answers, as values: ISO host mode [B0]. Pure.

The reader sends the bytes of each block most significant first, the tag stores them the other way round
(manual H20800 annex F): blocks are reversed here, on the way in and on the way out. Every answer is
checked against its own counts and against what was asked; what does not fit is a FrameError, because it
may be the answer to another question.
"""

from dataclasses import dataclass

from firmware_bridge.errors import FrameError
from firmware_bridge.feig import words
from firmware_bridge.feig.frames import Frame

MOST_BYTES = 128
"""Most bytes of blocks in one command (H60301 §6.1: DB-N is at most 128 / block size)."""
LOCK_BITS = 0x03
"""Security status of a block: bit 0 locked (ISO 15693-3 §10.3.13), bit 1 locked by some tags' maker."""


@dataclass(frozen=True, slots=True)
class SystemInformation:
    """ISO 15693 system information as the reader tells it."""

    uid: str
    dsfid: int
    afi: int
    blocks: int
    block_size: int
    ic: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks as they were read."""

    data: bytes
    """In the tag's own byte order."""
    size: int
    """Bytes in a block."""
    security: bytes
    """Security status of each block; 00 throughout when it was not asked for."""

    @property
    def count(self) -> int:
        """How many blocks."""
        return len(self.security)


def inventory(*, more: bool = False) -> Frame:
    """Ask for all tags in the field; `more` continues after status 94."""
    return Frame(
        words.ISO_HOST, bytes((words.INVENTORY, words.INVENTORY_MORE if more else words.INVENTORY_NEW))
    )


def stay_quiet(uid: str) -> Frame:
    """Tell one tag to be found by no inventory until the field was off."""
    return _addressed(words.STAY_QUIET, uid)


def select(uid: str) -> Frame:
    """Select one tag."""
    return _addressed(words.SELECT, uid)


def reset_to_ready(uid: str) -> Frame:
    """Tell one tag to be found by inventories again."""
    return _addressed(words.RESET_TO_READY, uid)


def read_blocks(uid: str, first: int, count: int, *, security: bool = False) -> Frame:
    """Read `count` blocks from `first` of one tag, with their security status when that is asked for."""
    mode = words.ADDRESSED | (words.WITH_SECURITY if security else 0)
    return _addressed(words.READ_BLOCKS, uid, bytes((first, count)), mode)


def write_blocks(uid: str, first: int, data: bytes, block_size: int, *, turned: bool = True) -> Frame:
    """Write whole blocks, given in the tag's own byte order; raises ValueError for half a block."""
    if not data or len(data) % block_size:
        raise ValueError(f"{len(data)} bytes are no whole blocks of {block_size}")
    count = len(data) // block_size
    wire = _reversed(data, block_size) if turned else data
    return _addressed(words.WRITE_BLOCKS, uid, bytes((first, count, block_size)) + wire)


def lock_blocks(uid: str, first: int, count: int) -> Frame:
    """Lock blocks for ever."""
    return _addressed(words.LOCK_BLOCKS, uid, bytes((first, count)))


def block_security(uid: str, first: int, count: int) -> Frame:
    """Ask which blocks are locked."""
    return _addressed(words.BLOCK_SECURITY, uid, bytes((first, count)))


def write_afi(uid: str, afi: int) -> Frame:
    """Write the AFI of one tag."""
    return _addressed(words.WRITE_AFI, uid, bytes((afi,)))


def lock_afi(uid: str) -> Frame:
    """Lock the AFI of one tag for ever."""
    return _addressed(words.LOCK_AFI, uid)


def write_dsfid(uid: str, dsfid: int) -> Frame:
    """Write the DSFID of one tag."""
    return _addressed(words.WRITE_DSFID, uid, bytes((dsfid,)))


def lock_dsfid(uid: str) -> Frame:
    """Lock the DSFID of one tag for ever."""
    return _addressed(words.LOCK_DSFID, uid)


def system_information(uid: str) -> Frame:
    """Ask one tag for its system information."""
    return _addressed(words.SYSTEM_INFORMATION, uid)


def _addressed(command: int, uid: str, rest: bytes = b"", mode: int = words.ADDRESSED) -> Frame:
    return Frame(words.ISO_HOST, bytes((command, mode)) + bytes.fromhex(uid) + rest)


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


def parse_blocks(data: bytes, *, turned: bool = True) -> Blocks:
    """Return the blocks of a read answer: count, size, then (security status, block) for each."""
    if len(data) < 2 or not data[1] or len(data) != 2 + data[0] * (data[1] + 1):
        raise FrameError(f"a read answer of {len(data)} bytes does not fit its own count and size")
    count, size = data[0], data[1]
    starts = range(2, 2 + count * (size + 1), size + 1)
    step = -1 if turned else 1
    blocks = b"".join(data[at + 1 : at + 1 + size][::step] for at in starts)
    return Blocks(blocks, size, bytes(data[at] for at in starts))


def parse_block_security(data: bytes) -> bytes:
    """Return the security status of each block: a count, then a byte each."""
    if not data or len(data) != 1 + data[0]:
        raise FrameError(f"a security status of {len(data)} bytes does not fit its own count")
    return data[1:]


def locked(security: bytes, first: int = 0) -> frozenset[int]:
    """Return the numbers of the blocks that will never be written again."""
    return frozenset(first + n for n, status in enumerate(security) if status & LOCK_BITS)


def parse_system_information(data: bytes) -> SystemInformation:
    """Return the system information: DSFID, UID, AFI, memory (block size, blocks), IC reference.

    The manuals name the memory's two bytes without their order; a recorded MR102 answers 03 4F for a tag
    of 80 blocks of 4 bytes, as ISO 15693 has it: each number less one. Other firmware is said to send the
    numbers themselves. Block sizes are powers of two, so the size tells which it is.
    """
    if len(data) not in (12, 13):
        raise FrameError(f"system information of {len(data)} bytes is none")
    size, count = data[10] & 0x1F, data[11]
    less_one = size == 0 or (size + 1) & size == 0
    if not less_one and (size & (size - 1) or not count):
        raise FrameError(f"system information with blocks of {size} bytes is none")
    return SystemInformation(
        uid=data[1:9].hex().upper(),
        dsfid=data[0],
        afi=data[9],
        blocks=count + 1 if less_one else count,
        block_size=size + 1 if less_one else size,
        ic=data[12] if len(data) > 12 else 0,
    )
