"""What is done to one tag through a 3M reader: read, written, locked, secured, each with its look behind.

What marks a tag secured is written and judged as everywhere (`firmware_bridge.read_back`); blocks and locks
are held to the same rule here: only what was read back counts.

Two questions whose answers look alike never follow one another across a change: a write, or a question of
another kind, stands between two looks at the same thing, so that an answer that comes twice cannot pass for
the next one.

What the reader cannot do: its EAS check answers 0 for a tag whose EAS is off and for a tag that is not there.
An 810 knows no tag info; then the tag's end is found by reading on until a block does not exist.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from firmware_bridge import iso15693
from firmware_bridge.errors import (
    DeviceLost,
    DeviceRefused,
    DeviceTimeout,
    FrameError,
    TagError,
    TagGone,
    TagWriteFailed,
)
from firmware_bridge.ports import TagMemory
from firmware_bridge.read_back import ReadBack
from firmware_bridge.threem import commands, words
from firmware_bridge.threem.commands import MOST_BLOCKS, Blocks, TagInfo
from firmware_bridge.threem.frames import Frame
from firmware_bridge.threem.line import Line
from wire.errors import DeviceError

READ_BYTES: Final = 64
"""Bytes of a tag that are read: the basic block and the extension blocks that matter for lending."""
MOST_TAG_BLOCKS: Final = 256

T = TypeVar("T")


class TagAccess(ReadBack):
    """Tags through the line to a reader. `write_tries` is how often a security state is written at most."""

    def __init__(self, line: Line, *, write_tries: int) -> None:
        super().__init__(line, tries=write_tries)
        self._line = line
        self._knows_info = True

    async def read_tag(self, uid: str) -> TagMemory:
        """Read what a tag says of itself and its first 64 bytes; raises TagGone, TagError, DeviceError."""
        return await self._memory(uid, READ_BYTES)

    async def read_all(self, uid: str) -> TagMemory:
        """Read every block of a tag and which of them are locked; raises TagGone, TagError, DeviceError."""
        return await self._memory(uid, None)

    async def _memory(self, uid: str, most_bytes: int | None) -> TagMemory:
        info = await self.tag_info(uid)
        size = info.block_size or commands.BLOCK_BYTES
        wanted = MOST_TAG_BLOCKS if most_bytes is None else -(-most_bytes // size)
        if info.blocks is not None:
            found = await self._read(uid, 0, min(wanted, info.blocks), size)
            count = info.blocks
        else:
            found = await self._read_to_the_end(uid, wanted, size)
            count = len(found.data) // size
        return TagMemory(uid, found.data, size, info.afi, info.dsfid, count, found.locked)

    async def tag_info(self, uid: str) -> TagInfo:
        """Ask a tag for DSFID, AFI and size; a reader without that command is asked for the AFI alone."""
        if self._knows_info:
            request = commands.to_tag(words.TAG_INFO, uid, bytes((commands.ALL_INFO,)))
            try:
                return await self._tag(uid, request, "asking a tag for its state", commands.parse_tag_info)
            except DeviceRefused:
                self._knows_info = False
        return TagInfo(afi=await self.afi(uid))

    async def afi(self, uid: str) -> int:
        """Ask a tag for its AFI; raises TagGone, TagError."""
        request = commands.to_tag(words.GET_AFI, uid)
        return await self._tag(uid, request, "asking a tag for its AFI", commands.parse_byte)

    async def _read(self, uid: str, first: int, count: int, size: int) -> Blocks:
        data, locked = b"", frozenset[int]()
        for at in range(first, first + count, MOST_BLOCKS):
            found = await self._read_some(uid, at, min(MOST_BLOCKS, first + count - at), size)
            data, locked = data + found.data, locked | found.locked
        return Blocks(data, locked)

    async def _read_some(self, uid: str, first: int, count: int, size: int) -> Blocks:
        return await self._tag(
            uid,
            commands.read_blocks(uid, first, count),
            "reading a tag",
            lambda data: commands.parse_blocks(data, first, count, size),
        )

    async def _read_to_the_end(self, uid: str, wanted: int, size: int) -> Blocks:
        """Read at most `wanted` blocks of a tag that does not say how many it has."""
        data, locked, step = b"", frozenset[int](), MOST_BLOCKS
        while (at := len(data) // size) < wanted and step:
            try:
                found = await self._read_some(uid, at, min(step, wanted - at), size)
            except TagError:
                step //= 2  # the last of them does not exist; perhaps the first does
                if not step and not data:
                    raise
                continue
            data, locked = data + found.data, locked | found.locked
        return Blocks(data, locked)

    async def lock_afi(self, uid: str) -> None:
        """Lock the AFI for ever. Nothing reads that back but another write, so only an answer counts."""
        await self._order(uid, commands.to_tag(words.LOCK_AFI, uid), "locking the AFI of a tag")

    async def dsfid(self, uid: str) -> int:
        """Ask a tag for its DSFID; raises TagGone, TagError."""
        request = commands.to_tag(words.GET_DSFID, uid)
        return await self._tag(uid, request, "asking a tag for its DSFID", commands.parse_byte)

    async def lock_dsfid(self, uid: str) -> None:
        """Lock the DSFID for ever. Nothing reads that back but another write, so only an answer counts."""
        await self._order(uid, commands.to_tag(words.LOCK_DSFID, uid), "locking the DSFID of a tag")

    async def write_blocks(self, uid: str, start: int, data: bytes, block_size: int) -> None:
        """Write whole blocks and read them back; raises TagLocked or TagWriteFailed when they differ."""
        if not data or len(data) % block_size:
            raise ValueError(f"{len(data)} bytes are no whole blocks of {block_size}")
        step = MOST_BLOCKS * block_size
        for at in range(0, len(data), step):
            part, first = data[at : at + step], start + at // block_size
            failed = await self._try(
                uid, commands.write_blocks(uid, first, part, block_size), "writing a tag"
            )
            if isinstance(failed, DeviceLost):
                raise failed
            if (await self._read(uid, first, len(part) // block_size, block_size)).data != part:
                raise failed or TagWriteFailed(
                    "the tag holds other bytes than were written", do="Hold the item still and try again."
                )

    async def lock_blocks(self, uid: str, start: int, count: int) -> None:
        """Lock blocks for ever, and read back that they are; raises TagError, TagGone.

        Blocks that were locked before are left alone, so that a call may be repeated after any error.
        """
        info = await self.tag_info(uid)
        size = info.block_size or commands.BLOCK_BYTES
        if start < 0 or count < 1 or start + count > (info.blocks or MOST_TAG_BLOCKS):
            raise TagError(f"blocks {start} to {start + count - 1} are not all on the tag")
        wanted = frozenset(range(start, start + count))
        failed: DeviceError | None = None
        for number in sorted(wanted - (await self._read(uid, start, count, size)).locked):
            request = commands.to_tag(words.LOCK_BLOCK, uid, bytes((number,)))
            failed = await self._try(uid, request, f"locking block {number}") or failed
        await self.afi(uid)  # so that the next answer cannot be the first look again
        open_still = sorted(wanted - (await self._read(uid, start, count, size)).locked)
        if open_still:
            raise failed or TagWriteFailed(f"blocks {open_still} are not locked after they were to be")

    async def _put_afi(self, uid: str, afi: int) -> DeviceError | None:
        request = commands.to_tag(words.WRITE_AFI, uid, bytes((afi,)))
        return await self._try(uid, request, f"writing AFI {afi:02X} to a tag")

    async def _afi_now(self, uid: str) -> int | None:
        return await self.afi(uid)

    async def _put_dsfid(self, uid: str, dsfid: int) -> DeviceError | None:
        request = commands.to_tag(words.WRITE_DSFID, uid, bytes((dsfid,)))
        return await self._try(uid, request, f"writing DSFID {dsfid:02X} to a tag")

    async def _dsfid_now(self, uid: str) -> int | None:
        return await self.dsfid(uid)

    async def _put_eas(self, uid: str, on: bool) -> DeviceError | None:
        request = commands.to_tag(words.EAS_CONTROL, uid, bytes((int(on),)))
        return await self._try(uid, request, f"{'setting' if on else 'resetting'} EAS")

    async def _sounds(self, uid: str) -> bool:
        """Whether the reader heard the tag's EAS sequence; its 0 is silence, of whatever kind."""
        request = commands.to_tag(words.CHECK_EAS, uid)
        return bool(await self._tag(uid, request, "asking a tag for its EAS bit", commands.parse_byte))

    async def quiet(self, uid: str) -> None:
        """Let no inventory find a tag until it was out of the field."""
        await self._order(uid, commands.to_tag(words.QUIET, uid), "silencing a tag")

    async def air(self, request: iso15693.Request, answer_bytes: int) -> bytes:
        """Send a request byte for byte to the tag, once, and return the data of its answer.

        `answer_bytes` counts the answer's flags and data, without CRC. Raises TagGone when the tag was
        silent, the TagError that it named, FrameError for an answer of another length.
        """
        frame = commands.pass_through(iso15693.encode_request(request), answer_bytes)
        doing = f"asking a tag: {request.name}"

        def fitting(raw: bytes) -> bytes:
            # What does not fit is judged here, so that the line stays in doubt: it may be an older answer.
            data = commands.parse_pass_through(raw)
            if data and iso15693.decode_response(data).error is None and len(data) != answer_bytes:
                raise FrameError(f"{len(data)} bytes came where {answer_bytes} were expected")
            return data

        data = await self.reader(frame, doing, fitting, once=True)
        if not data:
            raise TagGone(f"{doing}: no tag answered", do="Put the item back on the pad.")
        found = iso15693.decode_response(data)
        if found.error is not None:
            raise iso15693.error_of(found.error, doing)
        return found.data

    async def open_with(self, uid: str, password: bytes) -> None:
        """Give the password of EAS and AFI to a tag, once: a wrong one mutes the tag until it was away.

        Raises TagGone when the tag is silent to it, which is what a muted tag is.
        """
        random = await self.air(iso15693.nxp(iso15693.GET_RANDOM, uid), 3)
        covered = bytes((iso15693.EAS_AFI_PASSWORD,)) + iso15693.cover_password(password, random)
        await self.air(iso15693.nxp(iso15693.SET_PASSWORD, uid, covered), 1)

    async def _order(self, uid: str, request: Frame, doing: str) -> None:
        await self._tag(uid, request, doing, commands.parse_done, once=True)

    async def _try(self, uid: str, request: Frame, doing: str) -> DeviceError | None:
        """Send a write once; return what went wrong, which says nothing yet about what the tag holds."""
        try:
            await self._order(uid, request, doing)
        except DeviceError as error:
            return error
        return None

    async def _tag(
        self, uid: str, request: Frame, doing: str, parse: Callable[[bytes], T], *, once: bool = False
    ) -> T:
        """Ask one tag something, hold its answer to its UID, and count whether it was reached."""
        try:
            found = await self.reader(
                request, doing, lambda data: parse(commands.parse_mine(uid, data)), once=once
            )
        except (DeviceLost, DeviceTimeout, FrameError):
            raise
        except DeviceError:
            self._line.count_tag(reached=False)
            raise
        self._line.count_tag(reached=True)
        return found

    async def reader(
        self, request: Frame, doing: str, parse: Callable[[bytes], T], *, once: bool = False
    ) -> T:
        """Ask the reader something; raises the error that it names."""

        def read(code: int, data: bytes) -> T:
            if code != words.OK:
                raise words.error_of(code, doing)
            return parse(data)

        return await self._line.ask(request, read, once=once)
