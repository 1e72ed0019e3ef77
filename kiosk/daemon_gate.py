"""The gate's daemon: puts the field's loop, the items' copy and the station together.

Deciding and sounding happen in the field's loop alone; this module writes down what came of it. The one
queue between the two is the line behind which disk and network may be slow.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from kiosk.config_gate import GateSettings
from kiosk.gate_ask_loop import GateAsks
from kiosk.gate_items import GateItems
from kiosk.gate_lamp import Sounded, light
from kiosk.gate_loop import GateDevice, GateTold, watch_gate
from kiosk.gate_open import gate_device
from kiosk.gate_parts import GateParts, LinesStuck, watched_lines
from kiosk.gate_passage import Passed, Person
from kiosk.gate_pins import HasPins, Pins
from kiosk.pad_loop import PadFound, PadLost, PadSampled
from kiosk.station import Station
from kiosk.station_main import ready
from kiosk.station_talk import Outcome
from wire.clock import Clock, SystemClock
from wire.edge import OutboxFull
from wire.errors import DeviceError
from wire.ids import new_id
from wire.link import Link
from wire.messages.asks import AskVerdict, VerdictSaid
from wire.messages.base import stamped
from wire.messages.facts import Count, Passage
from wire.messages.states import Command

log = logging.getLogger("turnleaf.kiosk.gate")

SELFTEST_LAMP_S = 0.2


@dataclass(slots=True)
class Tally:
    """People counted since the last count that was told."""

    since: datetime
    entered: int = 0
    left: int = 0

    @property
    def people(self) -> int:
        """All of them."""
        return self.entered + self.left


class GateDaemon:
    """One gate."""

    def __init__(
        self, station: Station, settings: GateSettings, items: GateItems, device: GateDevice
    ) -> None:
        self._station = station
        self._settings = settings
        self._items = items
        self._device = device
        self._told: asyncio.Queue[GateTold] = asyncio.Queue()
        self._tally = Tally(station.stamper.clock.now())
        self._decide_ms = 0.0
        self._asks = GateAsks(self._ask, lambda: self._can_ask, station.stamper.clock)
        pins = device.pins if isinstance(device, HasPins) else Pins()
        self._lines = watched_lines(settings.barriers, device, pins)
        self._parts = GateParts(station, settings.barriers, pins, self._lines)
        station.on_command(self._on_command)
        station.set_part("pad", "lost", seen="not tried yet")

    async def run(self) -> None:
        """Work until cancelled; what was seen and counted is written down at the end."""
        clock = self._station.stamper.clock
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._station.run(), name="station")
                tasks.create_task(self._items.run(), name="items")
                tasks.create_task(
                    watch_gate(
                        self._device,
                        self._settings,
                        clock,
                        self._items.known,
                        self._told.put_nowait,
                        self._asks,
                        self._lines,
                    ),
                    name="field",
                )
                tasks.create_task(self._parts.run(), name="lamp and lines")
                tasks.create_task(self._asks.run(), name="asks before sounding")
                tasks.create_task(self._write_down(), name="facts")
                tasks.create_task(self._tell_counts(), name="counts")
        finally:
            while not self._told.empty():
                await self._take(self._told.get_nowait())
            await self._count()

    @property
    def _can_ask(self) -> bool:
        station = self._station
        return station.connected and station.central_online and station.decided_elsewhere

    async def _ask(self, item: str) -> bool | None:
        """Ask central whether an item is on loan elsewhere; None: nobody knows, or not in time."""
        ms = self._settings.policy.ask_ms
        said = await self._station.ask(AskVerdict(ask=new_id(), item=item, within_ms=ms), ms / 1000)
        return said.on_loan if isinstance(said, VerdictSaid) and said.item == item else None

    async def _write_down(self) -> None:
        while True:
            await self._take(await self._told.get())

    async def _take(self, told: GateTold) -> None:
        match told:
            case Passed():
                await self._record(passage(told, self._station))
            case Person(direction=direction):
                self._tally.entered += direction == "in"
                self._tally.left += direction == "out"
                if self._tally.people >= self._settings.count.people:
                    await self._count()
            case Sounded(after_ms=after_ms, seen=seen):
                self._decide_ms = max(self._decide_ms, after_ms)
                log.info("alarm after %.0f ms%s", after_ms, f"; the lamp: {seen}" if seen else "")
                self._parts.sounded(told)
            case LinesStuck(lines=lines):
                self._parts.stuck(lines)
            case PadFound(info=info):
                self._station.set_part("pad", "ok", info)
                self._station.set_service("open")
            case PadLost(error=error):
                self._station.set_part("pad", "lost", seen=error.seen)
                self._station.set_service("closed", "gate reader lost")
            case PadSampled(values=values):
                self._sample(values)

    def _sample(self, values: dict[str, float]) -> None:
        people = values.pop("people_since_tag")
        self._station.sample("pad", **values)
        gate = {"people_since_tag": people, "alarm_ms": self._decide_ms}
        if self._asks.asked:
            gate |= {"asked": float(self._asks.asked), "unanswered": float(self._asks.unanswered)}
        age_s = self._items.age_s()
        if age_s is not None:
            gate["copy_age_s"] = age_s
        self._station.sample("gate", **gate)
        self._parts.sample()
        self._decide_ms = 0.0

    async def _tell_counts(self) -> None:
        while True:
            await asyncio.sleep(self._settings.count.every_s)
            await self._count()

    async def _count(self) -> None:
        tally = self._tally
        if not tally.people:
            return
        stamp = self._station.stamp()
        self._tally = Tally(stamp.at)
        await self._record(Count(since=tally.since, entered=tally.entered, left=tally.left, **stamped(stamp)))

    async def _record(self, body: Passage | Count) -> None:
        """Write down; a gate with a full outbox goes on watching, and says what it could not keep."""
        try:
            await self._station.commit(self._station.edge.record(body))
        except OutboxFull:
            log.error("outbox full; a %s is not recorded", body.schema_name)

    async def _on_command(self, command: Command) -> Outcome:
        match command.verb:
            case "selftest":
                return await self._selftest()
            case "resync":
                await self._items.forget()
                return "done", "a fresh copy of the items is on its way"
            case "open" | "close":
                return "done", ""

    async def _selftest(self) -> Outcome:
        """Ask every part that can answer; the lamp blinks."""
        try:
            info = await self._device.info()
            await self._device.inventory()
            if self._settings.barriers.fitted:
                await self._device.inputs()
            if self._settings.lamp.fitted and (failed := await light(self._device, SELFTEST_LAMP_S)):
                raise failed
        except DeviceError as error:
            return "failed", error.seen
        age_s = self._items.age_s()
        copy = "no copy of the items" if age_s is None else f"copy at {self._items.n}, {age_s:.0f} s old"
        return "done", f"reader {info.model or info.make or 'answers'}; {copy}"


def passage(passed: Passed, station: Station) -> Passage:
    """Return the fact of a passage, stamped now."""
    return Passage(
        direction=passed.direction,
        verdict=passed.verdict,
        degraded=passed.degraded,
        items=passed.items,
        foreign=passed.foreign,
        silent=passed.silent,
        **stamped(station.stamp()),
    )


async def run_gate(
    settings: GateSettings,
    *,
    link: Link | None = None,
    device: GateDevice | None = None,
    clock: Clock | None = None,
    on_ready: Callable[[Station], None] | None = None,
) -> None:
    """Run a gate until cancelled; raises ConfigError for a setting that cannot be used."""
    time = clock or SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        chosen = (
            device if device is not None else await stack.enter_async_context(gate_device(settings, time))
        )
        station = await stack.enter_async_context(Station.open(settings, "gate", link=link, clock=clock))
        items = await GateItems.open(station, settings)
        try:
            ready(settings.name)
            if on_ready is not None:
                on_ready(station)
            await GateDaemon(station, settings, items, chosen).run()
        finally:
            items.close()
