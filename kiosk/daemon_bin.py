"""The bin's daemon: carries out what `kiosk.bin.step` wants, and tells it what came of it."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Coroutine

from firmware_bridge.ports import Pad
from firmware_bridge.tags.reading import ItemTag
from firmware_bridge.tags.security import writing
from kiosk.bin import (
    Bin,
    BinEffect,
    BinEvent,
    CheckedIn,
    CheckIn,
    Conditions,
    Emptied,
    ItemPlaced,
    KeepCount,
    NoteSecured,
    SayService,
    Secure,
    SecuredNoted,
    TagGone,
    TagsWritten,
    TellFull,
    step,
)
from kiosk.config_bin import BinSettings
from kiosk.pad_loop import (
    PadEvent,
    PadFound,
    PadLost,
    PadSampled,
    Placed,
    Removed,
    open_pad,
    security_rules,
    watch_pad,
)
from kiosk.secure import write_security
from kiosk.station import Station
from kiosk.station_main import ready
from kiosk.station_talk import Outcome
from wire.clock import Clock
from wire.edge import OutboxFull
from wire.errors import DeviceError
from wire.link import Link
from wire.loops import beat
from wire.messages.states import Command

log = logging.getLogger("turnleaf.kiosk.bin")

CLOSE_AT = 0.98
"""Share of the outbox at which a bin closes: a return that began must have room for all it entails."""

LOOK_S = 1.0


def load_count(db: sqlite3.Connection) -> int:
    """Return how many items lie in the box, as it was kept; make the table when it is not there."""
    db.execute("CREATE TABLE IF NOT EXISTS bin_box(one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER)")
    row = db.execute("SELECT count FROM bin_box").fetchone()
    return 0 if row is None else int(row[0])


class BinDaemon:
    """One bin."""

    def __init__(self, station: Station, settings: BinSettings, pad: Pad, count: int) -> None:
        self._station = station
        self._settings = settings
        self._pad = pad
        self._events: asyncio.Queue[BinEvent] = asyncio.Queue()
        self._present: set[str] = set()
        self._pad_works = False
        self._unreadable = 0
        self._tasks: asyncio.TaskGroup | None = None
        self._state = Bin(settings.full_at, count, said_full=count >= settings.full_at, pad=False)
        station.on_command(self._on_command)
        station.set_part("pad", "lost", seen="not tried yet")
        station.set_service("closed", self._state.closed_because)

    async def run(self) -> None:
        """Work until cancelled."""
        clock = self._station.stamper.clock
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._station.run(), name="station")
            tasks.create_task(
                watch_pad(
                    self._pad, self._settings.pad, clock, self._on_pad, sample_s=self._settings.sample_s
                ),
                name="pad",
            )
            tasks.create_task(self._watch_conditions(), name="conditions")
            while True:
                self._state, effects = step(self._state, await self._events.get())
                for effect in effects:
                    self._carry_out(effect)

    def _on_pad(self, event: PadEvent) -> None:
        match event:
            case Placed(uid=uid, reading=reading):
                self._present.add(uid)
                if isinstance(reading, ItemTag):
                    self._events.put_nowait(ItemPlaced(uid, reading.item))
                else:
                    self._unreadable += 1
                    log.warning("before the antenna, and no item of ours: %s", type(reading).__name__)
            case Removed(uid=uid):
                self._present.discard(uid)
                self._events.put_nowait(TagGone(uid))
            case PadLost(error=error):
                self._pad_works = False
                self._station.set_part("pad", "lost", seen=error.seen)
                self._events.put_nowait(self._conditions())
            case PadFound(info=info):
                self._pad_works = True
                self._station.set_part("pad", "ok", info)
                self._events.put_nowait(self._conditions())
            case PadSampled(values=values):
                self._station.sample("pad", **values)
                percent = 100 * self._state.count / self._settings.capacity
                self._station.sample("box", fill_percent=percent, not_items=float(self._unreadable))

    def _conditions(self) -> Conditions:
        return Conditions(
            room=self._station.edge.depth().fill < CLOSE_AT,
            pad=self._pad_works,
            open=self._station.closed_by_operator is None,
        )

    async def _watch_conditions(self) -> None:
        had_room = True
        while True:
            conditions = self._conditions()
            if had_room and not conditions.room:
                await self._station.incident("returns-closed", "the outbox is full; the bin takes nothing")
            had_room = conditions.room
            self._events.put_nowait(conditions)
            await beat(LOOK_S)

    def _carry_out(self, effect: BinEffect) -> None:
        match effect:
            case SayService(reason=reason):
                self._station.set_service("closed" if reason else "open", reason)
            case CheckIn(item=item):
                self._begin(self._check_in(item))
            case Secure():
                self._begin(self._secure(effect))
            case NoteSecured():
                self._begin(self._note(effect))
            case KeepCount(count=count):
                self._begin(self._keep(count))
            case TellFull():
                detail = f"{self._state.count} items in a box for {self._settings.capacity}"
                self._begin(self._station.incident("bin-full", detail))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        assert self._tasks is not None
        self._tasks.create_task(work)

    async def _check_in(self, item: str) -> None:
        try:
            checkin = await self._station.commit(self._station.edge.checkin(item, "bin"))
        except OutboxFull as error:
            log.error("a return was not taken: %s", error.seen)
            checkin = ""
        self._events.put_nowait(CheckedIn(item, checkin))

    async def _secure(self, effect: Secure) -> None:
        written = await write_security(
            self._pad,
            effect.uids,
            writing("secured", security_rules(self._settings.pad)),
            present=self._present.__contains__,
            within_s=self._settings.write_s,
            clock=self._station.stamper.clock,
        )
        if written.outcome != "verified":
            log.warning("a returned item's tag is not secured (%s): %s", written.outcome, written.reason)
        self._events.put_nowait(TagsWritten(effect.item, effect.uids, written))

    async def _note(self, effect: NoteSecured) -> None:
        edge = self._station.edge
        await self._station.commit(edge.secured(effect.checkin, effect.item, effect.outcome, effect.afi))
        self._events.put_nowait(SecuredNoted(effect.item))

    async def _keep(self, count: int) -> None:
        await self._station.edge.run(
            lambda db: db.execute("INSERT OR REPLACE INTO bin_box VALUES (1, ?)", (count,)).rowcount
        )

    async def _on_command(self, command: Command) -> Outcome:
        """Opening a bin means that its box was emptied: the count starts anew."""
        match command.verb:
            case "open":
                self._events.put_nowait(Emptied())
                self._events.put_nowait(self._conditions())
            case "close":
                self._events.put_nowait(self._conditions())
            case "resync":
                return "refused", "a bin holds no copy"
            case "selftest":
                try:
                    info = await self._pad.info()
                    tags = len(await self._pad.inventory())
                except DeviceError as error:
                    return "failed", error.seen
                return "done", f"reader {info.model or info.make or 'answers'}, {tags} tags in the field"
        return "done", ""


async def run_bin(
    settings: BinSettings,
    *,
    link: Link | None = None,
    pad: Pad | None = None,
    clock: Clock | None = None,
    on_ready: Callable[[Station], None] | None = None,
) -> None:
    """Run a bin until cancelled; raises ConfigError for a setting that cannot be used."""
    feig = open_pad(settings.pad) if pad is None else None
    chosen = pad or feig
    assert chosen is not None
    try:
        async with Station.open(settings, "bin", link=link, clock=clock) as station:
            count = await station.edge.run(load_count)
            ready(settings.name)
            if on_ready is not None:
                on_ready(station)
            await BinDaemon(station, settings, chosen, count).run()
    finally:
        if feig is not None:
            await feig.close()
