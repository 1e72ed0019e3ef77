"""What central knows of each station, folded from states, samples and commits. Pure.

Presence follows design §3: one retained status per station with its boot; the death of another boot is
ignored; no news for three heartbeats is *stale*, for six it is *lost*. The worst thing about a station
gives its glyph and its word.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from wire.messages.states import LATE, FleetEntry, Glyph, Parts, Sample, StationKind, Status, Work

Presence = Literal["unseen", "online", "stale", "lost", "left"]

STALE_BEATS = 3
LOST_BEATS = 6
OUTBOX_OLD = timedelta(seconds=60)
"""An entry that waits longer than this in an outbox is worth a look."""


@dataclass(frozen=True, slots=True)
class Value:
    """The latest of one measurement."""

    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class StationView:
    """One station as far as central knows."""

    station: str
    branch: str
    kind: StationKind
    name: str
    known_since: datetime
    heard: datetime | None = None
    status: Status | None = None
    status_since: datetime | None = None
    parts: Parts | None = None
    work: Work | None = None
    values: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    last_n: Mapping[str, tuple[str, int]] = field(default_factory=lambda: MappingProxyType({}))
    """Part -> (boot, number) of its last sample: holes are counted as lost samples."""
    samples_lost: int = 0
    loans_today: int = 0
    returns_today: int = 0
    day: str = ""


def on_status(view: StationView, status: Status, now: datetime) -> StationView:
    """Take a status into account; a death of another boot than the current one changes nothing."""
    current = view.status
    if current is not None and status.state != "online" and status.boot != current.boot:
        return view
    changed = current is None or (current.state, current.boot) != (status.state, status.boot)
    return replace(
        view,
        status=status,
        heard=now if status.state == "online" else view.heard or now,
        status_since=now if changed else view.status_since,
    )


def on_parts(view: StationView, parts: Parts, now: datetime) -> StationView:
    """Take the list of parts into account."""
    return replace(view, parts=parts, heard=now)


def on_work(view: StationView, work: Work, now: datetime) -> StationView:
    """Take the state of work into account."""
    return replace(view, work=work, heard=now)


def on_sample(view: StationView, part: str, sample: Sample, now: datetime) -> StationView:
    """Take a sample into account; a hole in its numbers counts as lost. A late one says nothing of now."""
    boot, number = view.last_n.get(part, (sample.boot, sample.n - 1))
    lost = max(sample.n - number - 1, 0) if boot == sample.boot else 0
    told = {} if sample.late else sample.values
    values = {f"{part}.{name}": Value(value, sample.at) for name, value in told.items()}
    return replace(
        view,
        heard=now,
        values=MappingProxyType({**view.values, **values}),
        last_n=MappingProxyType({**view.last_n, part: (sample.boot, sample.n)}),
        samples_lost=view.samples_lost + lost,
    )


def on_loan(view: StationView, day: str, *, loans: int = 0, returns: int = 0) -> StationView:
    """Count loans (one fewer when it was withdrawn) and returns of the local day `day` (YYYY-MM-DD).

    A new day begins at zero; what happened on an earlier day and comes late does not count today.
    """
    if day < view.day:
        return view
    fresh = view.day != day
    return replace(
        view,
        day=day,
        loans_today=max((0 if fresh else view.loans_today) + loans, 0),
        returns_today=max((0 if fresh else view.returns_today) + returns, 0),
    )


def presence(view: StationView, now: datetime) -> Presence:
    """Say whether a station is there."""
    if view.status is None or view.heard is None:
        return "unseen"
    if view.status.state != "online":
        return view.status.state
    silent = (now - view.heard).total_seconds() / view.status.heartbeat_s
    if silent > LOST_BEATS:
        return "lost"
    return "stale" if silent > STALE_BEATS else "online"


def in_step(view: StationView, now: datetime) -> bool:
    """Say whether central has what a station did; one that was never seen has done nothing."""
    match presence(view, now):
        case "unseen":
            return True
        case "lost" | "stale":
            return False
        case "left":
            return view.work is None or view.work.outbox_open == 0
        case "online":
            oldest = view.work.outbox_oldest if view.work is not None else None
            return oldest is None or now - oldest <= LATE


def behind(views: Iterable[StationView], now: datetime) -> tuple[str, ...]:
    """Return the gates in whose branch a kiosk is not in step: its loans may be unknown yet (design §5)."""
    stations = tuple(views)
    late = {view.branch for view in stations if view.kind == "kiosk" and not in_step(view, now)}
    return tuple(sorted(view.station for view in stations if view.kind == "gate" and view.branch in late))


def worst(view: StationView, now: datetime) -> tuple[Glyph, str]:
    """Return glyph and word of the worst thing about a station."""
    match presence(view, now):
        case "lost":
            return "act", "lost"
        case "unseen":
            return "silent", "not seen yet"
        case "left":
            return "resting", "switched off"
        case "stale":
            return "silent", "no news"
        case _:
            return _worst_online(view, now)


def _worst_online(view: StationView, now: datetime) -> tuple[Glyph, str]:
    parts = view.parts.parts if view.parts is not None else ()
    for part in parts:
        if part.state == "lost":
            return "act", f"{part.part} lost"
    if view.work is not None and view.work.service == "closed":
        return "look", f"closed: {view.work.reason}"[:40] if view.work.reason else "closed"
    for part in parts:
        if part.state == "degraded":
            return "look", f"{part.part} degraded"
    if view.work is not None:
        oldest = view.work.outbox_oldest
        if oldest is not None and now - oldest > OUTBOX_OLD:
            return "look", f"{view.work.outbox_open} waiting"
        if view.work.service == "returns-only":
            return "look", "returns only"
    return "ok", "fine"


def entry(view: StationView, now: datetime) -> FleetEntry:
    """Return what is published of a station."""
    glyph, word = worst(view, now)
    work, status = view.work, view.status
    return FleetEntry(
        station=view.station,
        branch=view.branch,
        kind=view.kind,
        name=view.name,
        glyph=glyph,
        word=word,
        since=view.status_since or view.known_since,
        at=view.heard or view.known_since,
        boot=status.boot if status else "",
        version=status.version if status else "",
        service=work.service if work else "unknown",
        reason=work.reason if work else "",
        outbox_open=work.outbox_open if work else 0,
        outbox_oldest=work.outbox_oldest if work else None,
        loans_today=view.loans_today,
        returns_today=view.returns_today,
        parts=view.parts.parts if view.parts else (),
        values={name: value.value for name, value in sorted(view.values.items())},
    )
