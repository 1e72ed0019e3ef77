"""Stand-ins for the device ports, shipped: for tests of applications and for trying a station at a desk.

A driver is tested against `sim.devices`, which speaks bytes; these fakes are for the code above the ports.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from firmware_bridge.errors import DeviceLost, TagGone, TagLocked
from firmware_bridge.ports import AfiOutcome, AfiResult, CardEvent, DeviceInfo, PrinterStatus, TagMemory
from wire.errors import DeviceError


class FakeTransport:
    """A cable whose far end is a function: bytes written -> bytes that come back.

    `say` lets bytes come by themselves, `lose` ends the connection.
    """

    def __init__(self, answer: Callable[[bytes], bytes] = lambda _: b"") -> None:
        self.answer = answer
        self.written: list[bytes] = []
        self.closed = False
        self._incoming: asyncio.Queue[bytes] = asyncio.Queue()

    def say(self, data: bytes) -> None:
        """Let bytes arrive."""
        if data:
            self._incoming.put_nowait(data)

    def lose(self) -> None:
        """Cut the connection."""
        self._incoming.put_nowait(b"")

    async def read(self) -> bytes:
        """Return what arrives next; raises DeviceLost when the connection was cut."""
        data = await self._incoming.get()
        if not data:
            raise DeviceLost("the connection was cut")
        return data

    async def write(self, data: bytes) -> None:
        """Remember, and let the answer arrive."""
        self.written.append(data)
        self.say(self.answer(data))

    async def close(self) -> None:
        """Remember."""
        self.closed = True

    def quiet(self) -> bool:
        """Whether nothing arrived that was not read."""
        return self._incoming.empty()


class FakePad:
    """A pad whose tags are put into a dictionary. `lost` makes every call fail, `outcomes` script writes."""

    def __init__(self) -> None:
        self.tags: dict[str, TagMemory] = {}
        self.lost: DeviceError | None = None
        self.outcomes: list[AfiOutcome] = []
        self.writes: list[tuple[str, int]] = []
        self.locked: set[str] = set()

    async def inventory(self) -> frozenset[str]:
        """Return the UIDs of the tags."""
        self._alive()
        return frozenset(self.tags)

    async def read_tag(self, uid: str) -> TagMemory:
        """Return a tag's memory; raises TagGone."""
        self._alive()
        if uid not in self.tags:
            raise TagGone(f"tag {uid} is not there")
        return self.tags[uid]

    async def write_afi(self, uid: str, afi: int) -> AfiResult:
        """Write, unless the next scripted outcome says otherwise."""
        self._alive()
        self.writes.append((uid, afi))
        outcome = self.outcomes.pop(0) if self.outcomes else "verified"
        tag = self.tags.get(uid)
        if tag is None or outcome == "unknown":
            return AfiResult("unknown", None, "the tag went")
        if outcome == "failed":
            return AfiResult("failed", tag.afi, "the tag refused")
        self.tags[uid] = replace(tag, afi=afi)
        return AfiResult("verified", afi)

    async def write_blocks(self, uid: str, start: int, data: bytes, block_size: int) -> None:
        """Write whole blocks; raises TagGone, or TagLocked for a tag in `locked`."""
        tag = await self.read_tag(uid)
        if uid in self.locked:
            raise TagLocked("the block is locked")
        at = start * block_size
        blocks = tag.blocks[:at].ljust(at, b"\0") + data + tag.blocks[at + len(data) :]
        self.tags[uid] = replace(tag, blocks=blocks)

    async def info(self) -> DeviceInfo:
        """Return who made it."""
        self._alive()
        return DeviceInfo("Turnleaf", "fake pad", "1.0", "0")

    def _alive(self) -> None:
        if self.lost is not None:
            raise self.lost


class FakeLamp:
    """A lamp that remembers its orders."""

    def __init__(self) -> None:
        self.orders: list[float] = []

    async def alarm(self, seconds: float) -> None:
        """Remember."""
        self.orders.append(seconds)


class FakeBarriers:
    """Inputs that are set by hand."""

    def __init__(self) -> None:
        self.value = 0

    async def inputs(self) -> int:
        """Return the bits that were set."""
        return self.value


class FakeCardReader:
    """A card reader that says what it is told to say."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[CardEvent] = asyncio.Queue()

    def say(self, event: CardEvent) -> None:
        """Let something happen."""
        self._queue.put_nowait(event)

    async def events(self) -> AsyncIterator[CardEvent]:
        """Yield what was said."""
        while True:
            yield await self._queue.get()


class FakePrinter:
    """A printer whose status is set by hand; `lost` makes every question fail."""

    def __init__(self, status: PrinterStatus | None = None) -> None:
        self.said = status or PrinterStatus("ok", cover_open=False, offline=False, error="")
        self.lost: DeviceError | None = None

    async def status(self) -> PrinterStatus:
        """Return what was set."""
        if self.lost is not None:
            raise self.lost
        return self.said
