"""What is done to one tag through a FEIG reader: read, written, locked, secured, each with its look behind.

What marks a tag secured is written and judged as everywhere (`firmware_bridge.read_back`); blocks and locks
are held to the same rule here: only what was read back counts.

Two questions whose answers look alike never follow one another, so that an answer that comes twice cannot
pass for the next one: a read of blocks stands between two others (a change of the count tells chunks apart),
and between EAS commands, whose answers are a bare status, the tag is asked for its system information.
"""

from collections.abc import Callable
from typing import TypeVar

from firmware_bridge.errors import (
    DeviceLost,
    DeviceRefused,
    DeviceTimeout,
    FrameError,
    TagError,
    TagGone,
    TagWriteFailed,
)
from firmware_bridge.feig import commands, custom, words
from firmware_bridge.feig.frames import Frame
from firmware_bridge.feig.line import Line
from firmware_bridge.ports import TagMemory
from firmware_bridge.read_back import ReadBack
from wire.errors import DeviceError

READ_BYTES = 64
"""Bytes of a tag that are read: the basic block and the extension blocks that matter for lending."""
MOST_LOCKED = 16
"""Blocks locked by one command: a lock writes, and takes up to 20 ms each (ISO 15693-3)."""

T = TypeVar("T")


class TagAccess(ReadBack):
    """Tags through the line to a reader. `attempts` is how often a security state is written at most."""

    def __init__(self, line: Line, *, attempts: int, blocks_turned: bool) -> None:
        super().__init__(line, tries=attempts)
        self._line = line
        self._turned = blocks_turned

    async def read_tag(self, uid: str) -> TagMemory:
        """Read system information and the first 64 bytes of a tag; raises TagGone, TagError, DeviceError."""
        system = await self._system(uid)
        wanted = min(system.blocks, -(-READ_BYTES // system.block_size))
        found = await self._read(uid, 0, wanted, system.block_size)
        return _memory(system, found.data, frozenset())

    async def read_all(self, uid: str) -> TagMemory:
        """Read every block of a tag and which of them are locked; raises TagGone, TagError, DeviceError."""
        system = await self._system(uid)
        data, locked, at = b"", frozenset[int](), 0
        for count in chunks(system.blocks, commands.MOST_BYTES // system.block_size):
            found = await self._read(uid, at, count, system.block_size, security=True)
            data += found.data
            locked |= commands.locked(found.security, at)
            at += count
        return _memory(system, data, locked)

    async def lock_afi(self, uid: str) -> None:
        """Lock the AFI for ever. Nothing reads that back but another write, so only an answer counts."""
        await self._tag(commands.lock_afi(uid), "locking the AFI of a tag", _nothing, once=True)

    async def lock_dsfid(self, uid: str) -> None:
        """Lock the DSFID for ever. Nothing reads that back but another write, so only an answer counts."""
        await self._tag(commands.lock_dsfid(uid), "locking the DSFID of a tag", _nothing, once=True)

    async def write_blocks(self, uid: str, start: int, data: bytes, block_size: int) -> None:
        """Write whole blocks and read them back; raises TagLocked or TagWriteFailed when they differ."""
        if not data or len(data) % block_size:
            raise ValueError(f"{len(data)} bytes are no whole blocks of {block_size}")
        step = commands.MOST_BYTES // block_size * block_size
        for at in range(0, len(data), step):
            await self._write_and_compare(uid, start + at // block_size, data[at : at + step], block_size)

    async def _write_and_compare(self, uid: str, start: int, data: bytes, block_size: int) -> None:
        request = commands.write_blocks(uid, start, data, block_size, turned=self._turned)
        failed = await self._try(request, "writing a tag")
        if isinstance(failed, DeviceLost):
            raise failed
        back = await self._read(uid, start, len(data) // block_size, block_size)
        if back.data != data:
            raise failed or TagWriteFailed(
                "the tag holds other bytes than were written", do="Hold the item still and try again."
            )

    async def lock_blocks(self, uid: str, start: int, count: int) -> None:
        """Lock blocks for ever, and read back that they are; raises TagError, TagGone.

        Blocks that were locked before are left alone, so that a call may be repeated after any error.
        """
        wanted = frozenset(range(start, start + count))
        failed: DeviceError | None = None
        for first, number in runs(wanted - await self.locked(uid, start, count)):
            failed = await self._try(commands.lock_blocks(uid, first, number), "locking blocks") or failed
        open_still = sorted(wanted - await self.locked(uid, start, count))
        if open_still:
            raise failed or TagWriteFailed(f"blocks {open_still} are not locked after they were to be")

    async def locked(self, uid: str, start: int, count: int) -> frozenset[int]:
        """Return which blocks are locked; readers or tags without command 2C tell it with the blocks."""
        system = await self._system(uid)
        if start < 0 or count < 1 or start + count > system.blocks:
            raise TagError(f"blocks {start} to {start + count - 1} are not all on a tag of {system.blocks}")
        most = commands.MOST_BYTES // system.block_size
        found = frozenset[int]()
        for at in range(start, start + count, most):
            number = min(most, start + count - at)
            found |= await self._locked(uid, at, number, system.block_size)
            await self._system(uid)  # so that the next answer cannot be this one again
        return found

    async def _locked(self, uid: str, first: int, count: int, size: int) -> frozenset[int]:
        def mine(data: bytes) -> bytes:
            found = commands.parse_block_security(data)
            if len(found) != count:
                raise FrameError("the state of other blocks came than was asked for")
            return found

        request = commands.block_security(uid, first, count)
        try:
            security = await self._tag(request, "asking which blocks are locked", mine)
        except (TagError, DeviceRefused):
            security = (await self._read(uid, first, count, size, security=True)).security
        return commands.locked(security, first)

    async def _put_afi(self, uid: str, afi: int) -> DeviceError | None:
        return await self._try(commands.write_afi(uid, afi), f"writing AFI {afi:02X} to a tag")

    async def _afi_now(self, uid: str) -> int | None:
        return (await self._system(uid)).afi

    async def _put_dsfid(self, uid: str, dsfid: int) -> DeviceError | None:
        return await self._try(commands.write_dsfid(uid, dsfid), f"writing DSFID {dsfid:02X} to a tag")

    async def _dsfid_now(self, uid: str) -> int | None:
        return (await self._system(uid)).dsfid

    async def _put_eas(self, uid: str, on: bool) -> DeviceError | None:
        return await self._try(custom.set_eas(uid, on), f"{'setting' if on else 'resetting'} EAS")

    async def _sounds(self, uid: str) -> bool:
        """Whether the EAS sequence was heard; through transparent mode where the reader has no command."""
        doing = "asking a tag for its EAS bit"
        try:
            return await self._heard(custom.eas_alarm(uid), doing, _nothing)
        except DeviceRefused:
            return await self._heard(custom.raw_eas_alarm(uid), doing, custom.parse_sequence)

    async def _heard(self, request: Frame, doing: str, parse: Callable[[bytes], None]) -> bool:
        try:
            await self._line.ask(request, expect_done(doing, parse))
        except TagGone:
            return False
        return True

    async def open_with(self, uid: str, password: bytes) -> None:
        """Give the password of EAS and AFI to a tag, once: a wrong one mutes the tag until the field was off.

        Raises TagGone when the tag is silent to it, which is what a muted tag is.
        """
        request, doing = custom.get_random(uid), "asking a tag for a random number"
        random = await self._tag(request, doing, lambda data: custom.parse_transparent(data, 2))
        request, doing = custom.set_password(uid, password, random), "giving a password to a tag"
        await self._tag(request, doing, lambda data: custom.parse_transparent(data, 0), once=True)

    async def stay_quiet(self, uid: str) -> None:
        """Let no inventory find a tag until the field was off, or it is reset to ready."""
        await self._tag(commands.stay_quiet(uid), "silencing a tag", _nothing)

    async def reset_to_ready(self, uid: str) -> None:
        """Let inventories find a silenced tag again."""
        await self._tag(commands.reset_to_ready(uid), "waking a tag", _nothing)

    async def select(self, uid: str) -> None:
        """Put one tag into the selected state, and whichever was in it out of it."""
        await self._tag(commands.select(uid), "selecting a tag", _nothing)

    async def _system(self, uid: str) -> commands.SystemInformation:
        def mine(data: bytes) -> commands.SystemInformation:
            found = commands.parse_system_information(data)
            if found.uid != uid:
                raise FrameError("another tag answered than was asked", do="It is asked again by itself.")
            return found

        return await self._tag(commands.system_information(uid), "asking a tag for its state", mine)

    async def _read(
        self, uid: str, first: int, count: int, size: int, *, security: bool = False
    ) -> commands.Blocks:
        def mine(data: bytes) -> commands.Blocks:
            found = commands.parse_blocks(data, turned=self._turned)
            if found.size != size or found.count != count:
                raise FrameError("other blocks came than were asked for", do="They are asked for again.")
            return found

        request = commands.read_blocks(uid, first, count, security=security)
        return await self._tag(request, "reading a tag", mine)

    async def _try(self, request: Frame, doing: str) -> DeviceError | None:
        """Send a write once; return what went wrong, which says nothing yet about what the tag holds."""
        try:
            await self._tag(request, doing, _nothing, once=True)
        except DeviceError as error:
            return error
        return None

    async def _tag(self, request: Frame, doing: str, parse: Callable[[bytes], T], *, once: bool = False) -> T:
        """Ask one tag something, and count whether it was reached."""
        try:
            found = await self._line.ask(request, expect_done(doing, parse), once=once)
        except (DeviceLost, DeviceTimeout, FrameError):
            raise
        except DeviceError:
            self._line.count_tag(reached=False)
            raise
        self._line.count_tag(reached=True)
        return found


_nothing = commands.parse_nothing


def _memory(system: commands.SystemInformation, data: bytes, locked: frozenset[int]) -> TagMemory:
    return TagMemory(system.uid, data, system.block_size, system.afi, system.dsfid, system.blocks, locked)


def chunks(total: int, most: int) -> list[int]:
    """Cut `total` blocks into reads of at most `most`, none as long as the one before it."""
    found: list[int] = []
    while left := total - sum(found):
        count = min(left, most)
        if found and count == found[-1] and count > 1:
            count -= 1
        found.append(count)
    return found


def runs(numbers: frozenset[int]) -> list[tuple[int, int]]:
    """Return the unbroken runs of block numbers as (first, count), none longer than MOST_LOCKED."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        first, count = found[-1] if found else (-2, 0)
        if first + count == number and count < MOST_LOCKED:
            found[-1] = (first, count + 1)
        else:
            found.append((number, 1))
    return found


def expect_done(doing: str, parse: Callable[[bytes], T]) -> Callable[[int, bytes], T]:
    """Return a reading of answers that raises the error of any status but a good one."""

    def read(status: int, data: bytes) -> T:
        if status not in words.DONE:
            raise words.error_of(status, data, doing)
        return parse(data)

    return read
