"""A UHF gate as the gate's loop sees one: what its reader reported lately is what is in the field.

A UHF reader tells of tags by itself and never says that one has gone, so a tag counts as there for `hold_ms`
after its last report. Its EPC bank says what it is and, by the PC word, whether it is secured; nothing is
read or written besides. A report that is too weak comes from a shelf nearby, not from somebody who walks
through.
"""

import asyncio
from dataclasses import dataclass, replace

from firmware_bridge.errors import DeviceLost, DeviceRefused, TagGone
from firmware_bridge.ports import (
    Barriers,
    DeviceInfo,
    Lamp,
    ReaderFound,
    ReaderLost,
    Sampled,
    TagMemory,
    UhfReader,
    UhfTagSeen,
)
from firmware_bridge.tags.reading import SecurityBits, TagReading, decode_uhf
from firmware_bridge.tags.security import Secured, judge_uhf
from kiosk.gate_pins import Pins
from wire.clock import Clock
from wire.errors import DeviceError


@dataclass(frozen=True, slots=True)
class UhfRules:
    """What counts as a tag in the gate, and how it is read."""

    owners: frozenset[str]
    bits: SecurityBits
    hold_ms: int = 400
    """A tag is there for so long after its last report."""
    least_dbm: int = -70
    """Reports weaker than this are left out; None of the reader's is taken as strong enough."""


class UhfGate:
    """`GateDevice` over a UHF reader; lamp and barriers are on its outputs, on pins, or not fitted."""

    def __init__(
        self,
        reader: UhfReader,
        rules: UhfRules,
        clock: Clock,
        *,
        lamp: Lamp | None = None,
        barriers: Barriers | None = None,
        pins: Pins | None = None,
    ) -> None:
        self.pins = pins or Pins()
        self._reader = reader
        self._rules = rules
        self._clock = clock
        self._lamp = lamp or self.pins.lamp
        self._barriers = barriers or self.pins.inputs
        self._seen: dict[str, tuple[int, UhfTagSeen]] = {}
        self._found: DeviceInfo | None = None
        self._lost: DeviceError = DeviceLost("the UHF reader has not been heard yet")
        self._news = asyncio.Event()
        self._weak_told = 0
        self.weak = 0
        """Reports that were left out."""

    async def run(self) -> None:
        """Follow the reader until cancelled."""
        async for event in self._reader.events():
            match event:
                case UhfTagSeen():
                    self._take(event)
                case ReaderFound(info=info):
                    self._found = info
                case ReaderLost(error=error):
                    self._found, self._lost = None, error
                    self._seen.clear()
            self._news.set()

    def _take(self, event: UhfTagSeen) -> None:
        if event.rssi is not None and event.rssi < self._rules.least_dbm:
            self.weak += 1
            return
        epc, now = event.epc.hex().upper(), self._clock.mono()
        before = self._seen.get(epc)
        if before is not None and before[0] >= now - self._rules.hold_ms:
            event = replace(event, pc=self._stronger(event, before[1]))
        self._seen[epc] = (now, event)

    def _stronger(self, event: UhfTagSeen, before: UhfTagSeen) -> int | None:
        """Return the PC word that counts: one that was reported, and of two that disagree the secured one.

        Two tags with one EPC are a copy of a lent one that covers a secured one.
        """
        if event.pc is None or judge_uhf(before.epc, before.pc, self._rules.bits) == Secured():
            return before.pc
        return event.pc

    async def info(self) -> DeviceInfo:
        """Return what the reader is; raises DeviceError while it is away."""
        return self._there()

    async def inventory(self) -> frozenset[str]:
        """Return the EPCs that were reported lately, in hex; raises DeviceError while the reader is away."""
        self._there()
        oldest = self._clock.mono() - self._rules.hold_ms
        self._seen = {epc: seen for epc, seen in self._seen.items() if seen[0] >= oldest}
        return frozenset(self._seen)

    async def reading(self, uid: str) -> TagReading:
        """Return what a tag is; raises TagGone when it was not reported lately."""
        self._there()
        if uid not in self._seen:
            raise TagGone(f"tag {uid} was not reported any more")
        event = self._seen[uid][1]
        return decode_uhf(event.epc, event.pc, self._rules.owners, self._rules.bits)

    async def read_tag(self, uid: str) -> TagMemory:
        """Refuse: a UHF gate has reports, no blocks."""
        raise DeviceRefused(f"tag {uid} is a UHF tag", do="Ask for its reading.")

    async def inputs(self) -> int:
        """Return the barriers' lines; nothing breaks a barrier that is not fitted."""
        return await self._barriers.inputs() if self._barriers is not None else 0

    async def alarm(self, seconds: float) -> None:
        """Light and sound, where a lamp is fitted."""
        if self._lamp is not None:
            await self._lamp.alarm(seconds)

    def sample(self) -> dict[str, float]:
        """Return how the reader does, for the gate's health sample, and how many reports were too weak."""
        weak, self._weak_told = self.weak - self._weak_told, self.weak
        values = self._reader.sample() if isinstance(self._reader, Sampled) else {}
        return values | {"weak_reports": float(weak)}

    def _there(self) -> DeviceInfo:
        if self._found is None:
            raise self._lost
        return self._found
