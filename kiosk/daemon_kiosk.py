"""The kiosk's daemon: carries out what `kiosk.visit.step` wants, and tells it what came of it.

One loop owns the visit: events come in through one queue, `step` answers, the screen is shown. What is to be
done is carried out by `kiosk.visit_work`, which brings each outcome back into the queue; the devices are
watched by loops that do the same (`kiosk.kiosk_devices`).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Literal

from firmware_bridge import ports
from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.config_kiosk import KioskSettings
from kiosk.kiosk_devices import Fitted, KioskDevices, fitted
from kiosk.pad_loop import open_pad
from kiosk.page.render import Panel
from kiosk.page.server import Page
from kiosk.station import Station
from kiosk.station_main import ready
from kiosk.station_talk import Outcome
from kiosk.station_work import LENDING_STOPS
from kiosk.view import screen
from kiosk.view_model import Screen
from kiosk.visit import step
from kiosk.visit_time import seconds_left
from kiosk.visit_work import VisitWork
from wire.clock import Clock
from wire.errors import DeviceError
from wire.link import Link
from wire.loops import beat
from wire.messages.states import Command
from wire.output import emit

log = logging.getLogger("turnleaf.kiosk.visit")

TICK_S = 0.2
RETURNS_STOP = 0.98
"""Share of the outbox at which returns close: one that began must have room for all it entails."""
TRY_S = 1.0
"""About how long one try to write a tag takes, the pause included; `timeouts.write_s` in tries."""


def rules_of(settings: KioskSettings) -> s.Rules:
    """Return the limits of a visit as the settings have them."""
    times = settings.timeouts
    return s.Rules(
        wait_s=times.answer_s,
        idle_s=times.idle_s,
        warn_s=times.warning_s,
        goodbye_s=times.goodbye_s,
        receipt_s=settings.receipt.offered_s if settings.receipt else times.goodbye_s,
        tries=max(2, round(times.write_s / TRY_S)),
        languages=settings.languages,
    )


def room_of(fill: float) -> Literal["enough", "little", "none"]:
    """Return what the share of the outbox in use means for patrons."""
    if fill >= RETURNS_STOP:
        return "none"
    return "little" if fill >= LENDING_STOPS else "enough"


class KioskDaemon:
    """One kiosk."""

    def __init__(self, station: Station, settings: KioskSettings, fitted: Fitted) -> None:
        self._station = station
        self._settings = settings
        self._pad = fitted.pad
        self._events: asyncio.Queue[e.Event] = asyncio.Queue()
        self._tasks: asyncio.TaskGroup | None = None
        self._devices = KioskDevices(station, settings, fitted, self._events.put_nowait)
        self._work = VisitWork(
            station, settings, fitted.pad, fitted.printer, self._devices.present, self._events.put_nowait
        )
        self._devices.also_sampled = self._work.counts
        self._kiosk = s.Kiosk(rules_of(settings), self._conditions())
        panel = Panel(settings.panel.width_mm, settings.panel.width_px, settings.panel.distance_mm)
        self.page = Page(settings.page.host, settings.page.port, panel, self._screen(), self._on_press)
        station.on_command(self._on_command)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._begin(self._station.run(), "station")
            for name, loop in self._devices.loops():
                self._begin(loop, name)
            self._begin(self._take_answers(), "answers")
            self._begin(self._tick(), "ticks")
            self._begin(self.page.serve(), "page")
            while True:
                before = self._kiosk
                self._kiosk, effects = step(before, await self._events.get())
                for effect in effects:
                    self._carry_out(effect)
                if self._kiosk is not before or seconds_left(before, self._now()) is not None:
                    self.page.show(self._screen())

    # --- what comes in ---

    def _now(self) -> float:
        return self._station.stamper.clock.mono() / 1000

    def _screen(self) -> Screen:
        return screen(self._kiosk, self._now())

    def _on_press(self, button: str, value: str) -> None:
        self._events.put_nowait(e.Pressed(self._now(), button, value))  # type: ignore[arg-type] # checked by the page

    def _conditions(self) -> s.Conditions:
        station, devices = self._station, self._devices
        room = room_of(station.edge.depth().fill)
        return s.Conditions(
            lending=station.lending,
            returns=room != "none" and station.closed_by_operator is None,
            room=room,
            pad=devices.works("pad"),
            reader=devices.works("card-reader"),
            scanner=devices.works("scanner"),
            receipt=devices.receipt,
        )

    async def _tick(self) -> None:
        while True:
            conditions = self._conditions()
            if conditions != self._kiosk.conditions:
                self._events.put_nowait(e.ConditionsChanged(self._now(), conditions))
                self._say_service(conditions)
            self._events.put_nowait(e.Tick(self._now()))
            await beat(TICK_S)

    def _say_service(self, conditions: s.Conditions) -> None:
        if not conditions.pad:
            self._station.set_service("closed", "pad lost")
        elif not conditions.reader and not conditions.scanner:
            self._station.set_service("returns-only", "card reader lost")
        else:
            self._station.set_service("open")

    async def _take_answers(self) -> None:
        while True:
            answer, phase = await self._station.answers.get()
            if phase in ("writing", "refused"):
                self._events.put_nowait(e.Answered(self._now(), answer))

    # --- what is to be done ---

    def _carry_out(self, effect: e.Effect) -> None:
        match effect:
            case e.Sound(tone):
                self.page.tone(tone)
            case e.Ended():
                log.info("the visit is over")
            case _:
                self._work.carry_out(effect, self._begin)

    def _begin(self, work: Coroutine[None, None, None], name: str) -> None:
        assert self._tasks is not None
        self._tasks.create_task(work, name=name)

    async def _on_command(self, command: Command) -> Outcome:
        match command.verb:
            case "selftest":
                try:
                    info = await self._pad.info()
                    count = len(await self._pad.inventory())
                except DeviceError as error:
                    return "failed", error.seen
                return "done", f"pad {info.model or info.make}: {count} tags; {self._devices.said()}"
            case "resync":
                return "refused", "a kiosk holds no copy"
            case "open" | "close":
                return "done", ""


async def run_kiosk(
    settings: KioskSettings,
    *,
    link: Link | None = None,
    pad: ports.Pad | None = None,
    cards: ports.CardReader | None = None,
    scanner: ports.Scanner | None = None,
    clock: Clock | None = None,
    on_ready: Callable[["KioskDaemon"], None] | None = None,
) -> None:
    """Run a kiosk until cancelled; raises ConfigError for a setting that cannot be used.

    `pad`, `cards` and `scanner` take the place of what the settings name. Says `ready URL` on standard
    output; the same URL, which holds the key of this boot, stands in `page.url` in the state folder, readable
    by its owner alone, for the browser's launcher.
    """
    opened = open_pad(settings.pad) if pad is None else None
    chosen = pad or opened
    assert chosen is not None
    try:
        async with Station.open(settings, "kiosk", link=link, clock=clock) as station:
            daemon = KioskDaemon(station, settings, fitted(settings, chosen, cards, scanner))
            where = settings.state_dir / "page.url"
            where.touch(mode=0o600)
            where.write_text(daemon.page.url + "\n")
            emit({"ready": daemon.page.url}, as_json=settings.log.as_json, text=f"ready {daemon.page.url}")
            ready(settings.name)
            if on_ready is not None:
                on_ready(daemon)
            await daemon.run()
    finally:
        if opened is not None:
            await opened.close()
