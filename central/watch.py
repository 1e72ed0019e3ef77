"""The fleet as it stands: takes states, samples and commits, publishes what changed, raises alarms.

The folds are pure (`central.fleet`, `central.alarms`); this is where they meet the clock, the link and the
ledger. What changed is published twice a second at most; an alarm is written to the ledger before it is said.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from central import fleet
from central.alarms.book import Book
from central.alarms.life import Alarm
from central.alarms.life import Event as AlarmEvent
from central.alarms.rules import (
    Condition,
    Key,
    Thresholds,
    conditions,
    gate_alarm,
    stream_parked,
    unknown_station,
)
from central.alarms.say import message, word
from central.fleet import StationView
from central.ledger.ledger import BranchRow, StationRow
from central.results import CaseClosed, CaseOpened, Counted, Happened, Trouble
from central.telemetry.port import Point
from wire.clock import Clock
from wire.ids import new_id
from wire.link import Link, Outgoing
from wire.messages.base import Message
from wire.messages.states import (
    STATES_UP,
    FeedEvent,
    FeedWord,
    Occupancy,
    Parts,
    Sample,
    StationKind,
    Status,
    Work,
)
from wire.topics import topic

log = logging.getLogger("turnleaf.central.watch")

TURN_S = 0.5
UNKNOWN_STANDS_S = 120.0

Save = Callable[[list[Alarm], datetime], Awaitable[None]]


@dataclass(slots=True)
class BranchView:
    """What is counted for one branch today."""

    zone: ZoneInfo
    day: str = ""
    entered: int = 0
    left: int = 0
    feed: "count[int]" = field(default_factory=lambda: count(1))


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
        self.book = Book()
        self.branches: dict[str, BranchView] = {}
        self._link = link
        self._clock = clock
        self._boot = boot
        self._limits = limits
        self._gate_stands = timedelta(seconds=gate_alarm_stands_s)
        self._save = save
        self._point = point
        self._heard = heard
        self._said: dict[str, bytes] = {}
        self._momentary: dict[Key, tuple[Condition, datetime | None]] = {}
        self.unreadable = 0

    def registry(self, branches: Iterable[BranchRow], stations: Iterable[StationRow]) -> None:
        """Take the registry into account: new stations appear, moved ones change their branch."""
        now = self._clock.now()
        for branch in branches:
            self.branches.setdefault(branch.branch, BranchView(ZoneInfo(branch.zone)))
        for row in stations:
            old = self.views.get(row.station)
            kind: StationKind = "gate" if row.kind == "gate" else "bin" if row.kind == "bin" else "kiosk"
            fresh = StationView(row.station, row.branch, kind, row.name, now)
            if old is None or old.branch != row.branch or old.name != row.name:
                self.views[row.station] = fresh

    def known(self, station: str) -> bool:
        """Whether the registry has this station."""
        return station in self.views

    def stranger(self, station: str) -> None:
        """A certificate that is in no branch speaks."""
        now = self._clock.now()
        condition = unknown_station(station, now)
        self._momentary.setdefault(condition.key, (condition, now + timedelta(seconds=UNKNOWN_STANDS_S)))

    def trouble(self, trouble: Trouble) -> None:
        """A stream is parked, or runs again."""
        key = Key(trouble.station, "", "stream-parked")
        if trouble.kind == "released":
            self._momentary.pop(key, None)
            return
        view = self.views.get(trouble.station)
        branch, name = (view.branch, view.name) if view is not None else ("all", trouble.station)
        self._momentary[key] = (stream_parked(trouble.station, branch, name, trouble.seen), None)

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
        before = fleet.presence(view, now)
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
        after = fleet.presence(self.views[station], now)
        if before != after and "online" in (before, after):
            self.feed(view.branch, "station-online" if after == "online" else "station-lost", station)

    def sample(self, station: str, part: str, payload: bytes) -> None:
        """Take a measurement: the latest stays here, all go to the telemetry store."""
        view = self.views.get(station)
        if view is None:
            return
        try:
            sample = Sample.decode(payload)
        except ValidationError:
            self.unreadable += 1
            return
        self.views[station] = fleet.on_sample(view, part, sample, self._clock.now())
        self._point(Point(view.branch, station, part, sample.at, sample.values))

    def happened(self, effect: Happened | CaseOpened | CaseClosed | Counted) -> None:
        """Take into account what a commit changed."""
        match effect:
            case Happened(event=event, station=station, branch=branch, at=at, detail=detail):
                self._count(effect)
                if event == "gate-alarm":
                    view = self.views.get(station)
                    condition = gate_alarm(station, branch, view.name if view else station, at)
                    self._momentary[condition.key] = (condition, self._clock.now() + self._gate_stands)
                self.feed(branch, event, station, detail)
            case CaseOpened(station=station, branch=branch, kind=kind):
                self.feed(branch, "case", station, kind)
            case Counted(branch=branch, entered=entered, left=left):
                self._occupancy(branch, entered, left)
            case CaseClosed():
                pass

    def _count(self, happened: Happened) -> None:
        view = self.views.get(happened.station)
        branch = self.branches.get(happened.branch)
        if view is None or branch is None:
            return
        day = f"{happened.at.astimezone(branch.zone):%Y-%m-%d}"
        loans, returns = int(happened.event == "checkout"), int(happened.event == "checkin")
        if loans or returns:
            self.views[happened.station] = fleet.on_loan(view, day, loans=loans, returns=returns)

    def _occupancy(self, branch: str, entered: int, left: int) -> None:
        view = self.branches.get(branch)
        if view is None:
            return
        now = self._clock.now()
        day = f"{now.astimezone(view.zone):%Y-%m-%d}"
        if day != view.day:
            view.day, view.entered, view.left = day, 0, 0
        view.entered += entered
        view.left += left
        inside = max(view.entered - view.left, 0)
        said = Occupancy(branch=branch, at=now, entered=view.entered, left=view.left, inside=inside)
        self._retain(topic("occupancy", branch=branch), said)

    def feed(self, branch: str, event: FeedWord, station: str, detail: str = "") -> None:
        """Say one thing that happened on the branch's numbered feed."""
        view = self.branches.get(branch)
        if view is None:
            return
        said = FeedEvent(
            boot=self._boot,
            n=next(view.feed),
            at=self._clock.now(),
            station=station,
            event=event,
            detail=detail[:120],
        )
        self._link.post(Outgoing(topic("feed", branch=branch), said.encode()))

    def _retain(self, where: str, said: Message | None) -> None:
        payload = said.encode() if said is not None else b""
        if self._said.get(where) != payload and self._link.post(Outgoing(where, payload, retain=True)):
            self._said[where] = payload

    def forget_said(self) -> None:
        """A new connection: the broker may have lost what it retained, so all is said anew."""
        self._said.clear()

    async def act(self, alarm: str, event: AlarmEvent) -> bool:
        """Let an operator's event happen to an alarm; False when there is no such alarm."""
        key = self.book.find(alarm)
        if key is None:
            return False
        await self._tell(self.book.act(key, event, self._clock.now()))
        return True

    async def run(self) -> None:
        """Look twice a second at what changed, until cancelled."""
        while True:
            await self.turn()
            await asyncio.sleep(TURN_S)

    async def turn(self) -> None:
        """Look once."""
        now = self._clock.now()
        standing = self.book.standing
        found = [one for view in self.views.values() for one in conditions(view, standing, self._limits, now)]
        for key, (condition, until) in list(self._momentary.items()):
            if until is not None and now >= until:
                del self._momentary[key]
            else:
                found.append(condition)
        scope = {condition.key for condition in found} | set(self.book.alarms) | set(self.book.coming)
        changed = self.book.update(found, scope, iter(new_id, ""), now) + self.book.tick(now)
        await self._tell(changed)
        for view in self.views.values():
            said = fleet.entry(view, now)
            self._retain(topic("fleet", branch=view.branch, station=view.station), said)
        for alarm in self.book.alarms.values():
            self._retain(topic("alarm", branch=alarm.branch, alarm=alarm.alarm), message(alarm))

    async def _tell(self, changed: list[Alarm]) -> None:
        """Write changed alarms to the ledger, then say them."""
        if not changed:
            return
        latest = {alarm.alarm: alarm for alarm in changed}
        await self._save(list(latest.values()), self._clock.now())
        for alarm in latest.values():
            where = topic("alarm", branch=alarm.branch, alarm=alarm.alarm)
            self._retain(where, None if alarm.over else message(alarm))
            event = word(alarm)
            if event is not None:
                self.feed(alarm.branch, event, alarm.key.station, alarm.key.rule)
