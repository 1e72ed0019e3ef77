"""The sensors station at work: hears and keeps, tells what the rules read, and fills in what was missed.

Keeping comes first: a message is in the file before a value of it is told. What is told while central listens
is marked; all the rest (new rules, corrected rules, a line that was cut) is found by one loop that goes
through the file behind the live messages, and is told late, with its own time.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar, TypeVarTuple

from firmware_bridge.errors import DeviceLost, DeviceRefused
from firmware_bridge.ports import DeviceInfo
from firmware_bridge.sensors.mapping import Raw, Reading, Rule
from firmware_bridge.sensors.modbus import ModbusDevice, Round, poll
from firmware_bridge.sensors.mqtt import ForeignBroker, listen
from kiosk.sensors.config import SensorsSettings, broker_of, devices_of
from kiosk.sensors.readings import Rules, samples
from kiosk.sensors.store import Kept, RawStore
from kiosk.station import Station
from kiosk.station_main import ready
from kiosk.station_states import PartState
from kiosk.station_talk import Outcome
from wire.clock import Clock
from wire.errors import LinkError, TurnleafError
from wire.link import Link
from wire.loops import keep_alive
from wire.messages.states import Command

log = logging.getLogger("turnleaf.kiosk.sensors")

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

WAITING = 10_000
"""Messages that wait for the disk at most; what comes above is dropped and counted."""
BATCH = 500
PAGE = 500
IN_FLIGHT = 16
LOOK_S = 1.0
PRUNE_S = 600.0


class SensorsDaemon:
    """One station of foreign sensors."""

    def __init__(self, station: Station, settings: SensorsSettings, store: RawStore) -> None:
        self._station = station
        self._settings = settings
        self._store = store
        self._rules = Rules(settings.rules)
        self._disk = ThreadPoolExecutor(1, "sensors.db")
        self._heard: asyncio.Queue[Raw] = asyncio.Queue(WAITING)
        self._latest: dict[str, Reading] = {}
        self._heard_at: dict[str, int] = {}
        self._kept = store.last()
        self._messages = self._dropped = self._values = self._filled = 0
        self._was_online = False
        station.on_command(self._on_command)

    async def run(self) -> None:
        """Work until cancelled."""
        broker, devices = broker_of(self._settings), devices_of(self._settings)
        self._heard_at = dict.fromkeys((rule.series for rule in self._rules.all), self._mono())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._station.run(), name="station")
                tasks.create_task(self._take_in(), name="taking in")
                tasks.create_task(self._fill_in(), name="filling in")
                tasks.create_task(self._watch(), name="silence")
                tasks.create_task(self._prune(), name="pruning")
                tasks.create_task(self._sample(), name="samples")
                if broker is not None:
                    tasks.create_task(self._listen(broker), name="foreign broker")
                for device in devices:
                    tasks.create_task(self._poll(device), name=f"modbus {device.name}")
        finally:
            self._disk.shutdown()

    @property
    def _online(self) -> bool:
        return self._station.connected and self._station.central_online

    def _mono(self) -> int:
        return self._station.stamper.clock.mono()

    async def _on_disk(self, work: Callable[[*Ts], T], *given: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work, *given)

    # --- hearing ------------------------------------------------------------------------------------

    async def _listen(self, broker: ForeignBroker) -> None:
        def connected() -> None:
            self._say_part("mqtt", "ok")

        self._say_part("mqtt", "lost", seen="not tried yet")
        await keep_alive(
            "foreign broker",
            lambda: listen(broker, self._station.stamper.clock, self._take, connected),
            expect=(DeviceLost, DeviceRefused),
            lost=lambda error: self._lost("mqtt", error),
        )

    async def _poll(self, device: ModbusDevice) -> None:
        def found(info: DeviceInfo) -> None:
            self._say_part(device.name, "ok", info=info)

        def told(done: Round) -> None:
            seen = "; ".join(done.refused)
            self._say_part(device.name, "degraded" if seen else "ok", seen=seen)
            self._station.sample(device.name, response_ms=done.response_ms, refused=float(len(done.refused)))

        self._say_part(device.name, "lost", seen="not tried yet")
        await keep_alive(
            f"modbus {device.name}",
            lambda: poll(device, self._station.stamper.clock, self._take, found, told),
            expect=(DeviceLost,),
            lost=lambda error: self._lost(device.name, error),
        )

    def _lost(self, part: str, error: TurnleafError) -> None:
        self._say_part(part, "lost", seen=error.seen)

    def _say_part(
        self, part: str, state: PartState, *, info: DeviceInfo | None = None, seen: str = "", place: str = ""
    ) -> None:
        if self._station.states.set_part(part, state, info, seen, place):
            self._station.link.post(self._station.states.parts_message())
            self._station.changed.notify()

    def _take(self, raw: Raw) -> None:
        self._messages += 1
        try:
            self._heard.put_nowait(raw)
        except asyncio.QueueFull:
            self._dropped += 1

    # --- keeping and telling ------------------------------------------------------------------------

    async def _take_in(self) -> None:
        while True:
            batch = [await self._heard.get()]
            while len(batch) < BATCH and not self._heard.empty():
                batch.append(self._heard.get_nowait())
            numbers = await self._on_disk(self._store.add, batch)
            told = [
                (number, mark) for number, raw in zip(numbers, batch, strict=True) for mark in self._tell(raw)
            ]
            await self._on_disk(self._store.mark, told)
            self._kept = numbers[-1]

    def _tell(self, raw: Raw) -> list[int]:
        """Tell the values of a message that came just now; return the marks of those that were told."""
        readings = self._rules.readings(raw)
        for one in readings:
            self._latest[one.rule.series] = one
            self._heard_at[one.rule.series] = self._mono()
        for rule in {one.rule.part: one.rule for one in readings}.values():
            if not any(self._silent(other) for other in self._rules.all if other.part == rule.part):
                self._say_part(rule.part, "ok", place=rule.place)
        posted = [self._online and self._post(*sample) for sample in samples(readings)]
        self._values += len(readings)
        return [one.rule.mark for one in readings] if all(posted) else []

    def _post(self, part: str, at: datetime, values: dict[str, float]) -> bool:
        return self._station.link.post(self._station.states.sample_message(part, values, at=at))

    # --- filling in ---------------------------------------------------------------------------------

    async def _fill_in(self) -> None:
        """Tell late what the rules read in kept messages and did not tell: at the start, and ever after."""
        key = self._rules.key
        while True:
            more = False
            if self._online:
                kept, after = self._kept, await self._on_disk(self._store.upto, key)
                page = [
                    one for one in await self._on_disk(self._store.page, after, PAGE) if one.number <= kept
                ]
                more = bool(page) and await self._fill_page(page)
                if more:
                    await self._on_disk(self._store.looked, key, page[-1].number)
            if not more:
                await asyncio.sleep(LOOK_S)

    async def _fill_page(self, page: list[Kept]) -> bool:
        """Tell one page; True when all of it was taken by the broker, and is marked."""
        waiting: list[tuple[Kept, list[Reading]]] = []
        for one in page:
            readings = self._rules.readings(one.raw, one.told)
            if readings:
                waiting.append((one, readings))
        for start in range(0, len(waiting), IN_FLIGHT):
            some = waiting[start : start + IN_FLIGHT]
            messages = [
                self._station.states.sample_message(part, values, at=at, late=True)
                for _, readings in some
                for part, at, values in samples(readings)
            ]
            try:
                await asyncio.gather(*(self._station.link.publish(message) for message in messages))
            except LinkError as error:
                log.info("filling in waits: %s", error.seen)
                return False
            marks = [(one.number, reading.rule.mark) for one, readings in some for reading in readings]
            self._filled += len(marks)
            await self._on_disk(self._store.mark, marks)
            if not self._online:
                return False
        return True

    # --- watching -----------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            if self._online and not self._was_online:
                self._say_again()
            self._was_online = self._online
            for rule in self._rules.all:
                if self._silent(rule):
                    seen = f"no {rule.name} for more than {rule.silent_after_s:g} s"
                    self._say_part(rule.part, "lost", seen=seen, place=rule.place)
            await asyncio.sleep(LOOK_S)

    def _silent(self, rule: Rule) -> bool:
        return 0 < rule.silent_after_s < (self._mono() - self._heard_at[rule.series]) / 1000

    def _say_again(self) -> None:
        """Central came back: tell what holds still, for it may have changed while nobody listened."""
        now = self._station.stamper.clock.now()
        for one in self._latest.values():
            if one.rule.holds:
                self._post(one.rule.part, now, {one.rule.name: one.value})

    async def _prune(self) -> None:
        while True:
            now = self._station.stamper.clock.now()
            gone = await self._on_disk(self._store.prune, now)
            if gone:
                log.info("%d kept messages were too old or too many", gone)
            await asyncio.sleep(PRUNE_S)

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(self._settings.sample_s)
            size = await self._on_disk(self._store.size)
            self._station.sample(
                "sensors",
                messages=float(self._messages),
                values_told=float(self._values),
                values_filled=float(self._filled),
                messages_dropped=float(self._dropped),
                raw_bytes=float(size),
            )

    async def _on_command(self, command: Command) -> Outcome:
        match command.verb:
            case "resync":
                return "refused", "a sensors station holds no copy"
            case "selftest":
                lost = [part.part for part in self._station.states.parts() if part.state != "ok"]
                heard = f"{self._messages} messages, {self._values} values"
                return ("failed", f"not there: {', '.join(lost)}") if lost else ("done", heard)
            case "open" | "close":
                return "done", ""


async def run_sensors(
    settings: SensorsSettings,
    *,
    link: Link | None = None,
    clock: Clock | None = None,
    on_ready: Callable[[Station], None] | None = None,
) -> None:
    """Run a sensors station until cancelled; raises ConfigError for a setting that cannot be used."""
    async with Station.open(settings, "sensors", link=link, clock=clock) as station:
        store = RawStore.open(
            settings.sensors_db,
            keep=timedelta(days=settings.raw.keep_days),
            keep_bytes=settings.raw.keep_mb * 1024 * 1024,
        )
        try:
            daemon = SensorsDaemon(station, settings, store)
            ready(settings.name)
            if on_ready is not None:
                on_ready(station)
            await daemon.run()
        finally:
            store.close()
