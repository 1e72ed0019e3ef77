"""What a pad does with a tag over any way of PC/SC: sequences without I/O, each read back.

The tag is asked who it is before it is touched and after: a way without addresses (uTrust, storage card)
would else read or write whatever lies there. Silence after a write says nothing about the tag: only what is
read back counts.
"""

from typing import Final, TypeVar

from firmware_bridge import apdu, iso15693
from firmware_bridge.apdu import Steps
from firmware_bridge.errors import DeviceRefused, FrameError, TagError, TagGone, TagWriteFailed
from firmware_bridge.pcsc_pad_ways import Way, without_flags
from firmware_bridge.ports import AfiResult, EasResult, TagMemory
from firmware_bridge.read_back import LISTENS, NO_EAS, afi_said, eas_said
from wire.errors import DeviceError

T = TypeVar("T")
MOST_BLOCKS: Final = 256
READ_BYTES: Final = 64
"""What is read of a tag for lending: the basic block of ISO 28560-3 and more."""
TRIES: Final = 3


def held(way: Way, steps: Steps[T]) -> Steps[T]:
    """Do something between the way's begin and its end; the end is said after a refusal, too."""
    try:
        yield from way.begin()
        found = yield from steps
    except DeviceError:
        yield from way.end()
        raise
    yield from way.end()
    return found


def who() -> Steps[str]:
    """Return the UID of the tag on the reader; "" for a card that is no ISO 15693 tag."""
    uid = (yield from apdu.uid_steps()).hex().upper()
    return uid if len(uid) == 16 and uid.startswith("E0") else ""


def same(uid: str) -> Steps[None]:
    """Raise TagGone unless the tag on the reader is this one."""
    if (yield from who()) != uid.upper():
        raise TagGone(f"tag {uid} is not there, another one is")


def information(way: Way, uid: str) -> Steps[iso15693.SystemInformation]:
    """Ask what a tag says of itself; raises TagGone when another tag answered."""
    data = yield from way.ask(uid, iso15693.SYSTEM_INFORMATION)
    if len(data) > 10 and data[0] == 0:
        data = data[1:]  # flags of the response, which some readers leave there
    found = iso15693.decode_system_information(data)
    if found.uid != uid.upper():
        raise TagGone(f"tag {uid} is not there, another one answered")
    return found


def read(way: Way, uid: str, *, most_bytes: int | None = READ_BYTES, locks: bool = False) -> Steps[TagMemory]:
    """Read a tag, all of it with `most_bytes` None; raises TagGone, TagError, DeviceRefused."""
    yield from same(uid)
    return (yield from held(way, _read(way, uid, most_bytes, locks)))


def _read(way: Way, uid: str, most_bytes: int | None, locks: bool) -> Steps[TagMemory]:
    if way.name == "storage":
        if locks:
            yield from way.ask(uid, iso15693.BLOCK_SECURITY)  # refused, by name
        blocks = yield from _storage_blocks(way, uid, most_bytes)
        yield from same(uid)
        return TagMemory(uid, blocks, apdu.BLOCK, None, None)
    info = yield from information(way, uid)
    size, count = info.block_size or apdu.BLOCK, info.blocks or MOST_BLOCKS
    wanted = count if most_bytes is None else min(count, -(-most_bytes // size))
    data = b""
    for number in range(wanted):
        answer = yield from way.ask(uid, iso15693.READ_BLOCK, bytes((number,)))
        data += without_flags(answer, size)
    locked: frozenset[int] = frozenset()
    if locks:
        told = without_flags(
            (yield from way.ask(uid, iso15693.BLOCK_SECURITY, bytes((0, wanted - 1)))), wanted
        )
        locked = frozenset(number for number, state in enumerate(told) if state & 1)
    yield from information(way, uid)
    return TagMemory(uid, data, size, info.afi, info.dsfid, count, locked)


def _storage_blocks(way: Way, uid: str, most_bytes: int | None) -> Steps[bytes]:
    """Read block after block; without system information the end is the first refusal."""
    data = b""
    for number in range(MOST_BLOCKS if most_bytes is None else -(-most_bytes // apdu.BLOCK)):
        try:
            data += yield from way.ask(uid, iso15693.READ_BLOCK, bytes((number,)))
        except DeviceRefused:
            if not data:
                raise
            break
    return data


def write_afi(way: Way, uid: str, afi: int, *, tries: int = TRIES) -> Steps[AfiResult]:
    """Write the AFI and read it back; raises only when surely nothing was written."""
    if way.name == "storage":
        yield from way.ask(uid, iso15693.WRITE_AFI, bytes((afi,)))  # refused, by name
    yield from same(uid)
    yield from way.begin()
    result = AfiResult("unknown")
    for _ in range(tries):
        failed = None
        try:
            yield from way.ask(uid, iso15693.WRITE_AFI, bytes((afi,)))
        except DeviceError as error:
            failed = error
        try:
            result = afi_said(afi, (yield from information(way, uid)).afi, failed)
        except DeviceError as error:
            result = AfiResult("unknown", None, error.seen)
        if result.outcome == "verified":
            break
    try:
        yield from way.end()
    except DeviceError:
        pass  # the session ends with the connection, and what was read back stands
    return result


def write_blocks(way: Way, uid: str, start: int, data: bytes, block_size: int) -> Steps[None]:
    """Write whole blocks, each read back before the next; raises TagError, TagGone."""
    if not data or len(data) % block_size:
        raise ValueError(f"{len(data)} bytes are no whole blocks of {block_size}")
    yield from same(uid)
    yield from held(way, _write_blocks(way, uid, start, data, block_size))
    yield from same(uid)


def _write_blocks(way: Way, uid: str, start: int, data: bytes, block_size: int) -> Steps[None]:
    for at in range(0, len(data), block_size):
        number, part = start + at // block_size, data[at : at + block_size]
        failed = yield from _told(way, uid, iso15693.WRITE_BLOCK, bytes((number,)) + part)
        answer = yield from way.ask(uid, iso15693.READ_BLOCK, bytes((number,)))
        if without_flags(answer, block_size) != part:
            raise failed or TagWriteFailed(f"block {number} holds something else than was written")


def lock_blocks(way: Way, uid: str, start: int, count: int) -> Steps[None]:
    """Lock blocks for ever and read back that they are; raises TagError, TagGone."""
    yield from same(uid)
    yield from held(way, _lock_blocks(way, uid, start, count))


def _lock_blocks(way: Way, uid: str, start: int, count: int) -> Steps[None]:
    for number in range(start, start + count):
        yield from information(way, uid)
        failed = yield from _told(way, uid, iso15693.LOCK_BLOCK, bytes((number,)))
        told = without_flags((yield from way.ask(uid, iso15693.BLOCK_SECURITY, bytes((number, 0)))), 1)
        if not told[0] & 1:
            raise failed or TagWriteFailed(f"block {number} is not locked after it was to be")


def _told(way: Way, uid: str, command: int, data: bytes) -> Steps[TagError | None]:
    """Send a write and return what the tag said against it; silence and refusals are looked into after."""
    try:
        yield from way.ask(uid, command, data)
    except TagError as error:
        return error
    except DeviceRefused as error:
        return TagWriteFailed(error.seen)
    except (TagGone, FrameError):
        return None
    return None


def eas(way: Way, uid: str) -> Steps[EasResult]:
    """Ask for the EAS bit; off is only what a tag that answers other questions is silent to, three times."""
    if not iso15693.has_eas(uid):
        return NO_EAS
    try:
        yield from same(uid)
        return (yield from held(way, _eas(way, uid)))
    except DeviceError as error:
        return EasResult(None, error.seen)


def _eas(way: Way, uid: str) -> Steps[EasResult]:
    yield from information(way, uid)
    for _ in range(LISTENS):
        try:
            heard = yield from way.ask(uid, iso15693.EAS_ALARM, nxp=True)
        except TagGone:
            heard = b""
        if heard == iso15693.EAS_SEQUENCE:
            return EasResult(True)
        yield from information(way, uid)
        if heard:
            return EasResult(None, "the tag's answer to EAS ALARM is not the one that is known")
    return EasResult(False)


def set_eas(way: Way, uid: str, on: bool, *, tries: int = TRIES) -> Steps[EasResult]:
    """Set or reset the EAS bit and ask for it again; only what was heard afterwards counts."""
    if not iso15693.has_eas(uid):
        return NO_EAS
    command = iso15693.SET_EAS if on else iso15693.RESET_EAS
    try:
        yield from same(uid)
        return (yield from held(way, _set_eas(way, uid, command, on, tries)))
    except DeviceError as error:
        return EasResult(None, error.seen)


def _set_eas(way: Way, uid: str, command: int, on: bool, tries: int) -> Steps[EasResult]:
    result = EasResult(None)
    for _ in range(tries):
        failed: DeviceError | None = None
        try:
            yield from way.ask(uid, command, nxp=True)
        except (TagGone, TagError, FrameError) as error:
            failed = error
        result = eas_said(on, (yield from _eas(way, uid)), failed)
        if result.on is on:
            break
    return result
