"""The fleet as it stands: takes states, samples and commits, publishes what changed, raises alarms.

The folds are pure (`central.fleet`, `central.alarms`); this is where they meet the clock, the link and the
ledger. What changed is published twice a second at most; an alarm is written to the ledger before it is said.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar, assert_never

from pydantic import ValidationError

from central import fleet
from central.alarms.rules import (
    Condition,
    Key,
    Thresholds,
    clock_set,
    conditions,
    foreign_stream,
    gate_alarm,
    judged,
    stream_parked,
    telemetry_away,
    unknown_station,
    unreadable,
)
from central.alarms.say import alarm_of
from central.annunciator import Annunciator, Save
from central.branches import Branches
from central.desk_time import OwnClock
from central.fleet import StationView
from central.ledger.ledger import BranchRow, StationRow
from central.ledger.rows import millis
from central.results import CaseClosed, CaseOpened, Counted, GateAlarm, Happened, Trouble
from central.retained import Retained
from central.telemetry.intake import clean, point
from central.telemetry.port import Point
from wire.clock import Clock
from wire.errors import TurnleafError
from wire.ids import is_station_name, new_id
from wire.link import Link, Outgoing
from wire.loops import beat
from wire.messages.states import STATES_UP, Glyph, Parts, Sample, StationKind, Status, Work
from wire.topics import topic

log = logging.getLogger("turnleaf.central.watch")

TURN_S = 0.5
AT_ONCE, PAUSES, PAUSE_S = 10, 50, 0.002
"""How many stations, or alarms, are looked at in one turn of the loop at least, how often others have their
time meanwhile at most, and how long: two hundred in one go kept the desk waiting for 4 to 7 ms."""
SPOKEN_STANDS_S = 120.0
"""How long a condition stands that is known only while somebody speaks (a stranger, a foreign stream)."""
CLOCK_SLACK_MS = 60_000
"""By how much central's own clock may be set without a word: what NTP mends at a start is less."""
MOMENTARY = frozenset(
    {"clock-set", "foreign-stream", "gate-alarm", "stream-parked", "unknown-station", "unreadable"}
)
"""Rules that central itself judges, whether the station is there or not."""
KINDS: dict[str, StationKind] = {"kiosk": "kiosk", "gate": "gate", "bin": "bin", "sensors": "sensors"}

K = TypeVar("K")
V = TypeVar("V")


class Watch:
    """Central's view of the fleet, and what it says of it."""

    def __init__(
        self,
        link: Link,
        clock: Clock,
        boot: str,
        limits: Thresholds,
        *,
        gate_alarm_stands_s: float,
        save: Save,
        point: Callable[[Point], None],
        heard: Callable[[str, str, int], None],
    ) -> None:
        self.views: dict[str, StationView] = {}
        self._retained = Retained(link)
        self.branches = Branches(clock, boot, say=self._say, retain=self._retained.say)
        self.alarms = Annunciator(self._retained, self.branches, save)
        self._link = link
        self._clock = clock
        self._limits = limits
        self._gate_stands = timedelta(seconds=gate_alarm_stands_s)
        self._point = point
        self._heard = heard
        self._momentary: dict[Key, tuple[Condition, datetime | None]] = {}
        self._there: dict[str, bool] = {}
        self._entries: dict[str, tuple[StationView, tuple[Glyph, str]]] = {}
        """What each station's published entry was made from."""
        self._own_clock = OwnClock(CLOCK_SLACK_MS)
        self.telemetry_trouble: Callable[[], TurnleafError | None] = lambda: None
        self.unreadable = 0

    def registry(self, branches: Iterable[BranchRow], stations: Iterable[StationRow]) -> None:
        """Take the registry into account: stations appear, go, get another name or branch."""
        now = self._clock.now()
        self.branches.registry(branches)
        rows = {row.station: row for row in stations}
        for station in set(self.views) - set(rows):
            self._unpublish(self.views.pop(station))
        for station, row in rows.items():
            old = self.views.get(station)
            kind = KINDS.get(row.kind, "kiosk")
            if old is None:
                self.views[station] = StationView(station, row.branch, kind, row.name, now)
            elif (old.branch, old.name, old.kind) != (row.branch, row.name, kind):
                if old.branch != row.branch:
                    self._unpublish(old)
                self.views[station] = replace(old, branch=row.branch, name=row.name, kind=kind)
            self._momentary.pop(Key(station, "", "unknown-station"), None)

    def _unpublish(self, view: StationView) -> None:
        self._entries.pop(view.station, None)
        self._there.pop(view.station, None)
        self._retained.empty(topic("fleet", branch=view.branch, station=view.station))

    def recall(self, station: str, loans: int, returns: int, entered: int, left: int) -> None:
        """Take up what the ledger knows of today, at the start."""
        view, now = self.views[station], self._clock.now()
        day = self.branches.day(view.branch, now)
        self.views[station] = fleet.on_loan(view, day, loans=loans, returns=returns)
        self.branches.count(view.branch, now, entered, left)

    def known(self, station: str) -> bool:
        """Whether the registry has this station."""
        return station in self.views

    def stranger(self, station: str) -> None:
        """A certificate that is in no branch speaks."""
        if is_station_name(station):
            self._for_a_while(unknown_station(station, self._clock.now()))
        else:
            log.warning("a certificate whose name cannot be a station's writes below up/")

    def trouble(self, trouble: Trouble) -> None:
        """A stream is parked, runs again, or belongs to another station."""
        branch, name = self._called(trouble.station)
        match trouble.kind:
            case "released":
                self._momentary.pop(Key(trouble.station, "", "stream-parked"), None)
            case "parked":
                condition = stream_parked(trouble.station, branch, name, trouble.seen)
                self._momentary[condition.key] = (condition, None)
            case "foreign-stream":
                self._for_a_while(foreign_stream(trouble.station, branch, name, trouble.seen))
            case _:
                assert_never(trouble.kind)

    def unreadable_envelope(self, station: str) -> None:
        """A message of a known station has no readable envelope."""
        self.unreadable += 1
        self._for_a_while(unreadable(station, *self._called(station), self._clock.now()))

    def _called(self, station: str) -> tuple[str, str]:
        view = self.views.get(station)
        return (view.branch, view.name or station) if view is not None else ("all", station)

    def _for_a_while(self, condition: Condition) -> None:
        """Let a condition stand from now on for its while; words of the first time stay."""
        words = self._momentary.get(condition.key, (condition, None))[0]
        until = self._clock.now() + timedelta(seconds=SPOKEN_STANDS_S)
        self._momentary[condition.key] = (words, until)

    def state(self, station: str, payload: bytes, *, retained: bool) -> None:
        """Take a retained state of a station."""
        view = self.views.get(station)
        if view is None:
            if payload:
                self.stranger(station)
            return
        try:
            state = STATES_UP.validate_json(payload)
        except ValidationError:
            self.unreadable += 1
            log.warning("a state of %s cannot be read", station)
            return
        now = self._clock.now()
        match state:
            case Status():
                at = min(state.at, now) if retained else now
                self.views[station] = fleet.on_status(view, state, at)
                if not retained and state.state == "online":
                    self._heard(station, state.boot, state.mono)
            case Parts():
                self.views[station] = fleet.on_parts(view, state, view.heard or state.at if retained else now)
            case Work():
                self.views[station] = fleet.on_work(view, state, view.heard or state.at if retained else now)

    def sample(self, station: str, part: str, payload: bytes) -> None:
        """Take a measurement: the latest stays here, all go to the telemetry store."""
        view = self.views.get(station)
        if view is None:
            return
        try:
            sample = clean(part, Sample.decode(payload))
        except ValidationError:
            sample = None
        if sample is None:
            self.unreadable += 1
            return
        now = self._clock.now()
        self.views[station] = fleet.on_sample(view, part, sample, now)
        made = point(view.branch, station, part, sample, now)
        if made is None:
            self.unreadable += 1
        else:
            self._point(made)

    def happened(self, effect: Happened | CaseOpened | CaseClosed | Counted | GateAlarm) -> None:
        """Take into account what a commit changed."""
        match effect:
            case Happened(event=event, station=station, branch=branch, detail=detail):
                self.branches.lend(branch, station, event, effect.at)
                self.branches.feed(branch, event, station, detail)
            case CaseOpened(station=station, branch=branch, kind=kind):
                self.branches.feed(branch, "case", station, kind)
            case Counted(branch=branch, at=at, entered=entered, left=left):
                self.branches.count(branch, at, entered, left)
            case GateAlarm(alarm=raised, at=at):
                alarm = alarm_of(raised)
                station = alarm.key.station
                condition = gate_alarm(station, alarm.branch, self._called(station)[1], at)
                self._momentary[condition.key] = (condition, self._clock.now() + self._gate_stands)
                self.alarms.adopt(alarm)
            case CaseClosed():
                pass

    def _fold_loans(self) -> None:
        for station, day, loans, returns in self.branches.lent_lately():
            view = self.views.get(station)
            if view is not None:
                self.views[station] = fleet.on_loan(view, day, loans=loans, returns=returns)

    def _say(self, where: str, said: bytes) -> None:
        self._link.post(Outgoing(where, said))

    def forget_said(self) -> None:
        """A new connection: the broker may have lost what it retained, so all is said anew."""
        self._entries.clear()
        self._retained.again()

    async def run(self) -> None:
        """Look twice a second at what changed, until cancelled."""
        while True:
            await self.turn()
            await beat(TURN_S)

    async def turn(self) -> None:
        """Look once."""
        now = self._clock.now()
        if by := self._own_clock.set_by(millis(now), self._clock.mono()):
            self._for_a_while(clock_set(by, now))
        found, scope = await self._judge(now)
        book = self.alarms.book
        await self.alarms.told(book.update(found, scope, iter(new_id, ""), now) + book.tick(now), now)
        self._fold_loans()
        async for view in self._in_turn(self.views):
            self._publish(view, now)
        self.branches.publish({view.branch for view in self.views.values() if view.kind == "gate"})
        async for alarm in self._in_turn(self.alarms.book.alarms):
            self.alarms.say(alarm)

    async def _in_turn(self, held: dict[K, V]) -> AsyncIterator[V]:
        """Return what is held, each as it is when its turn comes; others have their time after every few."""
        few = max(AT_ONCE, len(held) // PAUSES)
        for count, key in enumerate(list(held), 1):
            one = held.get(key)
            if one is not None:  # else it went meanwhile
                yield one
            if count % few == 0:
                await asyncio.sleep(PAUSE_S)

    async def _judge(self, now: datetime) -> tuple[list[Condition], set[Key]]:
        """Return all conditions that stand, and the keys that could be judged at all."""
        known: dict[str, list[Key]] = {}
        for key in {*self.alarms.book.alarms, *self.alarms.book.coming}:
            known.setdefault(key.station, []).append(key)
        standing = self.alarms.book.standing
        found: list[Condition] = []
        scope: set[Key] = set()
        async for view in self._in_turn(self.views):
            found += conditions(view, standing, self._limits, now)
            scope |= judged(view, known.pop(view.station, ()), now)
        for keys in known.values():  # central's own, strangers, stations that left the registry
            scope.update(keys)
        for key, (condition, until) in list(self._momentary.items()):
            if until is not None and now >= until:
                del self._momentary[key]
            else:
                found.append(condition)
        trouble = self.telemetry_trouble()
        if trouble is not None:
            found.append(telemetry_away(trouble))
        return found, scope | {key for key in self.alarms.book.alarms if key.rule in MOMENTARY}

    def _publish(self, view: StationView, now: datetime) -> None:
        """Say a station's entry if it changed; tell the feed when it came or went."""
        there = fleet.presence(view, now) in ("online", "stale")
        before = self._there.get(view.station)
        self._there[view.station] = there
        if before is not None and there != before:
            self.branches.feed(view.branch, "station-online" if there else "station-lost", view.station)
        today = self.branches.day(view.branch, now)
        if view.day and view.day < today:
            view = self.views[view.station] = fleet.on_loan(view, today)
        made_from = (view, fleet.worst(view, now))
        old = self._entries.get(view.station)
        if old is not None and old[0] is view and old[1] == made_from[1]:
            return
        where = topic("fleet", branch=view.branch, station=view.station)
        if self._retained.say(where, fleet.entry(view, now)):
            self._entries[view.station] = made_from
