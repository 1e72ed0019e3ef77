"""A PC/SC contactless reader as a small pad for one item tag: `Pad` and `TagTools` of the ports.

Every PC/SC call blocks, so each operation is one sequence that runs whole in one worker thread. Whoever is
cancelled, or tired of waiting, leaves the sequence to its end: the reader is never left inside a session, and
the next operation waits its turn. What was written by an operation that nobody waited for is not known.

The inventory is one tag or none: PC/SC readers show one card at a time. Not for a stack of items, and not for
gates.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from firmware_bridge import pcsc_pad_steps as pad_steps
from firmware_bridge.apdu import Steps, T
from firmware_bridge.errors import DeviceRefused, DeviceTimeout, TagGone
from firmware_bridge.pcsc_card import SMOOTH
from firmware_bridge.pcsc_link import PcscLink
from firmware_bridge.pcsc_pad_ways import Way, WayName, way_of
from firmware_bridge.ports import AfiResult, DeviceInfo, EasResult, PadHealth, TagMemory
from firmware_bridge.worker import Worker


@dataclass(frozen=True, slots=True)
class PcscPadSettings:
    """Which reader, and how tags are reached through it."""

    reader: str = ""
    """A part of the reader's name; empty takes the first."""
    way: WayName | None = None
    """Way to the tag; None chooses by the reader's name."""
    timeout_s: float = 5.0
    """Seconds for one operation; a whole tag of 79 blocks is one."""
    lends: bool = False
    """Whether AFIs are to be written: a reader that knows blocks alone is refused before the first loan."""


class PcscPad:
    """One reader. Close it with `close`; it opens itself, and anew after a restart of pcscd."""

    def __init__(self, settings: PcscPadSettings | None = None) -> None:
        self._settings = settings or PcscPadSettings()
        self._link = PcscLink(self._settings.reader)
        self._worker = Worker("pcsc-pad")
        self._health = PadHealth()

    @property
    def health(self) -> PadHealth:
        """Counters since this was made."""
        return replace(self._health, connections=self._link.connections)

    async def close(self) -> None:
        """Give the reader back after what is running; never raises."""
        self._worker.close(self._link.close)

    async def inventory(self) -> frozenset[str]:
        """Return the UID of the tag on the reader, or nothing; raises DeviceLost, DeviceTimeout."""
        try:
            uid = await self._do(lambda _: pad_steps.who())
        except TagGone:
            return frozenset()
        return frozenset({uid}) if uid else frozenset()

    async def read_tag(self, uid: str) -> TagMemory:
        """Read what a tag says of itself and its first 64 bytes; raises TagGone, TagError, DeviceError."""
        return await self._do(lambda way: pad_steps.read(way, uid))

    async def read_all(self, uid: str) -> TagMemory:
        """Read every block and which are locked; DeviceRefused where the reader cannot tell the locks."""
        return await self._do(lambda way: pad_steps.read(way, uid, most_bytes=None, locks=True))

    async def write_afi(self, uid: str, afi: int) -> AfiResult:
        """Write the AFI and read it back; raises a DeviceError only when surely nothing was written.

        Raises DeviceRefused over a reader that knows blocks alone.
        """
        try:
            return await self._do(lambda way: pad_steps.write_afi(way, uid, afi))
        except DeviceTimeout as error:
            return AfiResult("unknown", None, error.seen)

    async def write_blocks(self, uid: str, start: int, data: bytes, block_size: int) -> None:
        """Write whole blocks and read them back; raises TagError, TagGone."""
        await self._do(lambda way: pad_steps.write_blocks(way, uid, start, data, block_size))

    async def lock_blocks(self, uid: str, start: int, count: int) -> None:
        """Lock blocks for ever and read back that they are; raises TagError, TagGone, DeviceRefused."""
        await self._do(lambda way: pad_steps.lock_blocks(way, uid, start, count))

    async def eas(self, uid: str) -> EasResult:
        """Ask for the EAS bit; None where the reader cannot, or the tag did not answer."""
        return await self._do(lambda way: pad_steps.eas(way, uid))

    async def set_eas(self, uid: str, on: bool) -> EasResult:
        """Set or reset the EAS bit and ask for it again; only what was heard afterwards counts."""
        try:
            return await self._do(lambda way: pad_steps.set_eas(way, uid, on))
        except DeviceTimeout as error:
            return EasResult(None, error.seen)

    async def info(self) -> DeviceInfo:
        """Return what the reader is, as far as it tells; raises DeviceLost, DeviceRefused."""
        return await self._in_worker(self._known)

    def _known(self) -> DeviceInfo:
        name = self._link.find()
        self._way(name)
        return self._link.info()

    def _way(self, name: str) -> Way:
        way = way_of(name, self._settings.way)
        if self._settings.lends and way.name == "storage":
            raise DeviceRefused(
                f"reader {name} knows the blocks of a storage card alone, as far as is known here",
                why="It cannot switch the security of an item (AFI), so nothing can be lent on it.",
                do="Use an ACR1552U or a uTrust 3720F, or give [pad] way for a reader that works like one.",
            )
        return way

    async def _do(self, steps: Callable[[Way], Steps[T]]) -> T:
        """Run one sequence in the worker, in the way that fits the reader found."""

        def work() -> T:
            return self._link.run(steps(self._way(self._link.find())))

        return await self._in_worker(work)

    async def _in_worker(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                found = await self._worker.run(work)
        except TimeoutError as error:
            self._health = replace(self._health, timeouts=self._health.timeouts + 1)
            raise DeviceTimeout(
                f"the reader did not answer within {self._settings.timeout_s:g} s",
                why="Whether a write reached the tag is not known.",
                do="Look at the reader's plug.",
            ) from error
        before, took = self._health.response_ms, (loop.time() - started) * 1000
        mean = before + (took - before) * SMOOTH if before else took
        self._health = replace(self._health, exchanges=self._health.exchanges + 1, response_ms=mean)
        return found
