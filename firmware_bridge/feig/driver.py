"""The FEIG driver: a pad, a gate's antenna, its inputs and its lamp, behind one reader.

An answer that is lost says nothing about the tag: after a write that timed out, or failed, the AFI is
read; only what was read back counts. A tag that cannot be read is "unknown", never "secured" or not.
Questions and answers are matched by `feig.line`, bytes are read and made by `feig.commands`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from firmware_bridge.errors import (
    DeviceLost,
    DeviceRefused,
    DeviceTimeout,
    FrameError,
    TagLocked,
    TagWriteFailed,
)
from firmware_bridge.feig import commands, words
from firmware_bridge.feig.frames import Frame
from firmware_bridge.feig.line import Line
from firmware_bridge.ports import AfiResult, DeviceInfo, PadHealth, TagMemory, Transport
from firmware_bridge.transport import open_tcp
from wire.errors import DeviceError

READ_BYTES = 64
"""Bytes of a tag that are read: the basic block and the extension blocks that matter for lending."""

T = TypeVar("T")


class FeigPad:
    """A FEIG reader. `Pad`, `TagWriter`, `Barriers` and `Lamp` of the ports in one device.

    `attempts` is how often a question is asked, and a security state written, before it is given up;
    `outputs` are the reader's digital outputs that carry lamp and buzzer (0 is none).
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Transport]],
        *,
        timeout_s: float = 1.0,
        attempts: int = 3,
        outputs: tuple[int, ...] = (1,),
    ) -> None:
        self._line = Line(connect, timeout_s=timeout_s, attempts=attempts)
        self._attempts = attempts
        self._outputs = tuple(number for number in outputs if number)

    @classmethod
    def tcp(
        cls,
        host: str,
        port: int,
        *,
        timeout_s: float = 1.0,
        connect_timeout_s: float = 3.0,
        attempts: int = 3,
        outputs: tuple[int, ...] = (1,),
    ) -> "FeigPad":
        """Return the driver of a reader on the network; it connects with the first command."""
        return cls(
            lambda: open_tcp(host, port, timeout_s=connect_timeout_s),
            timeout_s=timeout_s,
            attempts=attempts,
            outputs=outputs,
        )

    @property
    def health(self) -> PadHealth:
        """How the reader has answered so far."""
        return self._line.health

    async def close(self) -> None:
        """Let the device go; it takes one connection at a time."""
        await self._line.close()

    async def inventory(self) -> frozenset[str]:
        """Return the UIDs of all tags in the field; asks on while the reader has more."""
        uids: set[str] = set()
        more = False
        while True:
            found, more = await self._line.ask(commands.inventory(more=more), _read_inventory)
            uids.update(found)
            if not more:
                return frozenset(uids)

    async def read_tag(self, uid: str) -> TagMemory:
        """Read system information and the first 64 bytes of a tag; raises TagGone, TagError, DeviceError."""
        system = await self._system(uid)
        wanted = min(system.blocks, -(-READ_BYTES // system.block_size))
        blocks = await self._read_blocks(uid, 0, wanted, system.block_size)
        return TagMemory(uid, blocks, system.block_size, system.afi, system.dsfid, system.blocks)

    async def write_afi(self, uid: str, afi: int) -> AfiResult:
        """Write the AFI and read it back, up to `attempts` times.

        Raises DeviceLost or DeviceTimeout when the reader is not there, so that surely nothing was
        written; later it answers "unknown". A caller that is cancelled inside must take it as unknown.
        """
        await self._line.ready()
        result = AfiResult("unknown")
        for _ in range(self._attempts):
            result, final = await self._write_and_look(uid, afi)
            if final:
                break
        return result

    async def _write_and_look(self, uid: str, afi: int) -> tuple[AfiResult, bool]:
        """Return what one write came to, and whether another one would be of no use."""
        reason, locked = "", False
        try:
            await self._tag(
                commands.write_afi(uid, afi), f"writing AFI {afi:02X} to a tag", _nothing, once=True
            )
        except DeviceError as error:
            reason, locked = error.seen, isinstance(error, TagLocked)
        try:
            now = (await self._system(uid)).afi
        except DeviceError as error:
            return AfiResult("unknown", None, error.seen), False
        if now == afi:
            return AfiResult("verified", now), True
        return AfiResult("failed", now, reason or f"AFI {now:02X} was read back"), locked

    async def write_blocks(self, uid: str, start: int, data: bytes, block_size: int) -> None:
        """Write whole blocks and read them back; raises TagLocked or TagWriteFailed when they differ."""
        reason: DeviceError | None = None
        try:
            await self._tag(
                commands.write_blocks(uid, start, data, block_size), "writing a tag", _nothing, once=True
            )
        except DeviceLost:
            raise
        except DeviceError as error:
            reason = error
        back = await self._read_blocks(uid, start, len(data) // block_size, block_size)
        if back != data:
            raise reason or TagWriteFailed(
                "the tag holds other bytes than were written", do="Hold the item still and try again."
            )

    async def info(self) -> DeviceInfo:
        """Ask the reader for its type, firmware and device id (some have none)."""
        found = await self._reader(
            Frame(words.SOFTWARE_VERSION), "asking the reader's version", commands.parse_software_version
        )
        try:
            serial = await self._reader(
                commands.device_id(), "asking the reader's device id", commands.parse_device_id
            )
        except DeviceRefused:
            return found
        return replace(found, serial=serial)

    async def inputs(self) -> int:
        """Return the input lines as bits, input 1 in bit 0 (command 74)."""
        data = await self._reader(Frame(words.GET_INPUT), "reading the inputs", bytes)
        if len(data) != 1:
            raise FrameError(f"{len(data)} bytes came where one byte of inputs was expected")
        return data[0]

    async def alarm(self, seconds: float) -> None:
        """Switch the outputs of lamp and buzzer on for `seconds`, in steps of 100 ms (command 72)."""
        if self._outputs:
            await self._reader(
                commands.set_outputs(self._outputs, seconds), "switching the lamp", commands.parse_nothing
            )

    async def reset_field(self) -> None:
        """Switch the field off and on: tags that were silenced answer again (command 69)."""
        await self._reader(Frame(words.RF_RESET), "resetting the field", commands.parse_nothing)

    async def _system(self, uid: str) -> commands.SystemInformation:
        def mine(data: bytes) -> commands.SystemInformation:
            found = commands.parse_system_information(data)
            if found.uid != uid:
                raise FrameError("another tag answered than was asked", do="It is asked again by itself.")
            return found

        return await self._tag(commands.system_information(uid), "asking a tag for its state", mine)

    async def _read_blocks(self, uid: str, first: int, count: int, size: int) -> bytes:
        def mine(data: bytes) -> bytes:
            found, found_size = commands.parse_blocks(data)
            if found_size != size or len(found) != count * size:
                raise FrameError("other blocks came than were asked for", do="They are asked for again.")
            return found

        return await self._tag(commands.read_blocks(uid, first, count), "reading a tag", mine)

    async def _tag(self, request: Frame, doing: str, parse: Callable[[bytes], T], *, once: bool = False) -> T:
        """Ask one tag something, and count whether it was reached."""
        try:
            found = await self._line.ask(request, _expect_ok(doing, parse), once=once)
        except (DeviceLost, DeviceTimeout, FrameError):
            raise
        except DeviceError:
            self._line.count_tag(reached=False)
            raise
        self._line.count_tag(reached=True)
        return found

    async def _reader(self, request: Frame, doing: str, parse: Callable[[bytes], T]) -> T:
        return await self._line.ask(request, _expect_ok(doing, parse))


_nothing = commands.parse_nothing


def _expect_ok(doing: str, parse: Callable[[bytes], T]) -> Callable[[int, bytes], T]:
    def read(status: int, data: bytes) -> T:
        if status != words.OK:
            raise words.error_of(status, data, doing)
        return parse(data)

    return read


def _read_inventory(status: int, data: bytes) -> tuple[tuple[str, ...], bool]:
    """Return the UIDs of one inventory answer, and whether the reader has more."""
    if status == words.NO_TAG:
        return (), False
    if status not in (words.OK, words.MORE_DATA):
        raise words.error_of(status, data, "looking for tags")
    return commands.parse_inventory(data), status == words.MORE_DATA
