"""The fleet as a console knows it: a pure fold over what stands on `pub/…` and `central/status`.

How it thinks: one entry per topic, because MQTT keeps order per topic only; so the order in which topics
arrive does not matter and a repetition changes nothing. An emptied topic is gone. What was emptied while
we were away is never told: a new connection `begin`s, what it repeats is confirmed, and `settle` drops the
rest once the broker has said all it retains.

Not for: how it looks (`monitor.view`), how it arrives (`monitor.feed`), what the time is.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from wire.messages.states import AlarmState, CentralStatus, FeedEvent, FleetEntry, Occupancy
from wire.topics import match, topic

EVENTS_KEPT = 1000
"""How many events are kept; older ones are central's business."""
SKEW = timedelta(seconds=2)
"""A clock that differs less from central's is not corrected."""

Key = tuple[str, str]
"""Branch, and station or alarm: the levels of the topic."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message: its full topic and payload; an empty payload of a retained topic removes it."""

    topic: str
    payload: bytes
    at: datetime | None = None
    """When it arrived, by this machine's clock; None for what was retained and may be old."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a branch."""

    branch: str
    told: FeedEvent

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes it one event, however often it arrives."""
        return self.branch, self.told.boot, self.told.n


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything a console knows. Frozen; each fold gives a new one."""

    stations: Mapping[Key, FleetEntry] = field(default_factory=lambda: MappingProxyType({}))
    alarms: Mapping[Key, AlarmState] = field(default_factory=lambda: MappingProxyType({}))
    occupancy: Mapping[str, Occupancy] = field(default_factory=lambda: MappingProxyType({}))
    central: CentralStatus | None = None
    events: tuple[Event, ...] = ()
    """Newest last."""
    feed_at: Mapping[str, tuple[str, int]] = field(default_factory=lambda: MappingProxyType({}))
    """Branch -> (boot of central, number) of its last event."""
    missed: int = 0
    """Events that were numbered but never came; shown, not guessed."""
    unreadable: int = 0
    ahead: timedelta | None = None
    """How far this machine's clock is ahead of central's: the least delay of what central just said."""
    unconfirmed: frozenset[str] = frozenset()
    """Topics known from an earlier connection that this one has not repeated yet."""

    def here(self, now: datetime) -> datetime:
        """Return the time by central's clock, to which the instants in its messages belong."""
        return now if self.ahead is None or abs(self.ahead) < SKEW else now - self.ahead


@dataclass
class _Draft:
    """Copies that one batch writes into, so that a batch costs one copy."""

    stations: dict[Key, FleetEntry]
    alarms: dict[Key, AlarmState]
    occupancy: dict[str, Occupancy]
    central: CentralStatus | None
    events: list[Event]
    feed_at: dict[str, tuple[str, int]]
    missed: int
    unreadable: int
    ahead: timedelta | None


def fold(fleet: Fleet, arrivals: Iterable[Arrived]) -> Fleet:
    """Return the fleet after these messages. A message that cannot be read is counted and changes nothing."""
    draft = _Draft(
        dict(fleet.stations),
        dict(fleet.alarms),
        dict(fleet.occupancy),
        fleet.central,
        list(fleet.events),
        dict(fleet.feed_at),
        fleet.missed,
        fleet.unreadable,
        fleet.ahead,
    )
    seen = set()
    for arrived in arrivals:
        found = match(arrived.topic)
        if found is None:
            continue
        row, levels = found
        take = _TAKERS.get(row.name)
        if take is None:
            continue
        seen.add(arrived.topic)
        try:
            take(draft, levels, arrived)
        except ValidationError:
            draft.unreadable += 1
    if not seen:
        return fleet
    return Fleet(
        MappingProxyType(draft.stations),
        MappingProxyType(draft.alarms),
        MappingProxyType(draft.occupancy),
        draft.central,
        tuple(draft.events[-EVENTS_KEPT:]),
        MappingProxyType(draft.feed_at),
        draft.missed,
        draft.unreadable,
        draft.ahead,
        fleet.unconfirmed - seen,
    )


def begin(fleet: Fleet) -> Fleet:
    """A new connection: nothing known is confirmed any more, and the clocks are compared anew."""
    return replace(fleet, unconfirmed=frozenset(_topics(fleet)), ahead=None)


def settle(fleet: Fleet) -> Fleet:
    """The broker has said all it retains: what it did not repeat is gone."""
    if not fleet.unconfirmed:
        return fleet
    emptied = fold(fleet, [Arrived(where, b"") for where in fleet.unconfirmed])
    return replace(emptied, unconfirmed=frozenset())


def _topics(fleet: Fleet) -> Iterable[str]:
    for branch, station in fleet.stations:
        yield topic("fleet", branch=branch, station=station)
    for branch, alarm in fleet.alarms:
        yield topic("alarm", branch=branch, alarm=alarm)
    for branch in fleet.occupancy:
        yield topic("occupancy", branch=branch)
    if fleet.central is not None:
        yield topic("central")


Levels = Mapping[str, str]


def _fleet(draft: _Draft, levels: Levels, arrived: Arrived) -> None:
    key = (levels["branch"], levels["station"])
    if arrived.payload:
        draft.stations[key] = FleetEntry.decode(arrived.payload)
    else:
        draft.stations.pop(key, None)


def _alarm(draft: _Draft, levels: Levels, arrived: Arrived) -> None:
    key = (levels["branch"], levels["alarm"])
    if arrived.payload:
        draft.alarms[key] = AlarmState.decode(arrived.payload)
    else:
        draft.alarms.pop(key, None)


def _occupancy(draft: _Draft, levels: Levels, arrived: Arrived) -> None:
    if arrived.payload:
        draft.occupancy[levels["branch"]] = Occupancy.decode(arrived.payload)
    else:
        draft.occupancy.pop(levels["branch"], None)


def _central(draft: _Draft, _: Levels, arrived: Arrived) -> None:
    draft.central = CentralStatus.decode(arrived.payload) if arrived.payload else None
    if draft.central is not None and draft.central.state == "online":
        _compare(draft, arrived, draft.central.at)


def _feed(draft: _Draft, levels: Levels, arrived: Arrived) -> None:
    branch = levels["branch"]
    told = FeedEvent.decode(arrived.payload)
    boot, n = draft.feed_at.get(branch, (told.boot, told.n - 1))
    if boot == told.boot:
        if told.n <= n:
            return
        draft.missed += told.n - n - 1
    else:
        draft.missed += told.n - 1  # central began anew and counts from 1
    draft.feed_at[branch] = (told.boot, told.n)
    draft.events.append(Event(branch, told))


def _compare(draft: _Draft, arrived: Arrived, said: datetime) -> None:
    """Learn from what central said this moment how the two clocks differ."""
    if arrived.at is not None:
        delay = arrived.at - said
        draft.ahead = delay if draft.ahead is None else min(draft.ahead, delay)


_TAKERS: dict[str, Callable[[_Draft, Levels, Arrived], Any]] = {
    "fleet": _fleet,
    "alarm": _alarm,
    "occupancy": _occupancy,
    "central": _central,
    "feed": _feed,
}
