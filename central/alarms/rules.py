"""Conditions: what about a station is an alarm, as pure rules with thresholds, hysteresis and duration.

A rule says what stands now. Whether it has stood long enough, and whether somebody knows, is not its
business: that is `central.alarms.book` and `central.alarms.life`. Every condition explains itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from central.fleet import StationView, presence
from wire.errors import TurnleafError

Severity = Literal["look", "act"]


@dataclass(frozen=True, slots=True)
class Key:
    """What makes an alarm one alarm: at most one stands for each key."""

    station: str
    part: str
    rule: str


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that stands now."""

    key: Key
    branch: str
    severity: Severity
    seen: str
    why: str
    do: str
    for_s: float = 0.0
    """Seconds it must stand before it is an alarm."""
    keep_s: float = 3.0
    """Seconds it must be gone before it counts as over (flap suppression)."""
    value: float | None = None
    explained_by: Key | None = None
    """A bigger condition that stands now and has the same cause: that one is the alarm."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a number is an alarm: raised at one value, over at another."""

    outbox_old_s: float = 60.0
    outbox_clear_s: float = 20.0
    paper_low_for_s: float = 5.0
    paper_clear_for_s: float = 20.0
    station_lost_for_s: float = 0.0
    device_lost_for_s: float = 1.0
    device_lost_through_for_s: float = 10.0
    """For what is reached through another part: so long that one may take to be known as lost, or found."""
    device_degraded_for_s: float = 5.0
    device_degraded_keep_s: float = 10.0


def conditions(
    view: StationView, standing: frozenset[Key], limits: Thresholds, now: datetime
) -> Iterator[Condition]:
    """Yield what stands about one station; `standing` are the keys that stood before (hysteresis)."""
    there = presence(view, now)
    name = view.name or view.station
    if there == "lost":
        yield Condition(
            Key(view.station, "", "station-lost"),
            view.branch,
            "act",
            f"{name} is not heard any more, last at {_clock(view.heard)}",
            "Nobody can borrow or return there, or a door is unwatched.",
            "Look at its power and its network; its facts are safe on its own disk.",
            for_s=limits.station_lost_for_s,
        )
    if there != "online":
        return
    yield from _devices(view, name, standing, limits)
    yield from _outbox(view, name, standing, limits, now)
    yield from _paper(view, name, limits)


def judged(view: StationView, known: Iterable[Key], now: datetime) -> frozenset[Key]:
    """Return which of the `known` keys of a station can be judged now: one that is away says nothing of them.

    So what stood before a station was lost still stands (explained by the loss) until it speaks again.
    """
    match presence(view, now):
        case "online" | "left":
            return frozenset(known)
        case "lost" | "stale":
            return frozenset(key for key in known if key.rule == "station-lost")
        case "unseen":
            return frozenset()  # central has just started: what stood in its last life still does


def _clock(at: datetime | None) -> str:
    return f"{at:%H:%M:%S} UTC" if at is not None else "no time"


WHY_DEVICE = {
    "pad": "Nothing can be borrowed or returned here, or the gate is blind.",
    "card-reader": "Patrons cannot say who they are; returns still work.",
    "printer": "Patrons get no receipt.",
    "scanner": "Patrons without a card that can be read cannot say who they are.",
    "lamp": "The gate knows a theft, and neither lights nor sounds.",
    "barriers": "Nobody is counted, and no passage has a direction.",
    "people-counter": "Nobody is counted, and no passage has a direction.",
}


WHY_DEGRADED = {
    "lamp": "The gate may know a theft, and neither light nor sound.",
    "barriers": "People go by uncounted, and passages may have no direction.",
    "people-counter": "People go by uncounted, and passages may have no direction.",
    "printer": "Patrons may get no receipt, or half of one.",
}
DO_DEGRADED = {
    "lamp": "Look at the lamp, its wiring and its fuse; it is over when the lamp next lights.",
    "barriers": "See what stands in the light barriers, and clean them; it is over when they move again.",
    "people-counter": "See what stands before it, and look at its contact; it is over when that moves again.",
    "printer": "Look at its cover, its cutter and its paper.",
    "station": "Two machines may have one name: find the other one and enrol it anew.",
}


def _devices(
    view: StationView, name: str, standing: frozenset[Key], limits: Thresholds
) -> Iterator[Condition]:
    """Act on what is lost, look at what works badly; one cause is one alarm.

    What is reached through a lost part is explained by that, as is a part that was degraded before it was
    lost, and a printer that only wants paper.
    """
    known = {part.part: part for part in view.parts.parts} if view.parts is not None else {}
    for part in known.values():
        lost, degraded = (Key(view.station, part.part, rule) for rule in ("device-lost", "device-degraded"))
        carrier = known.get(part.through or "", part)
        cause = Key(view.station, carrier.part, "device-lost") if carrier.state == "lost" else None
        if part.state == "lost":
            yield Condition(
                lost,
                view.branch,
                "act",
                f"{name}: {part.part} is lost: {part.seen or 'no answer'}"[:300],
                WHY_DEVICE.get(part.part, "A part of the station does not work."),
                f"Look at the cable and the power of {part.part}; it comes back by itself.",
                for_s=limits.device_lost_for_s if carrier is part else limits.device_lost_through_for_s,
                explained_by=cause if carrier is not part else None,
            )
        if part.state == "degraded" or (part.state == "lost" and degraded in standing):
            paper = view.values.get(f"{part.part}.paper_level")
            wants_paper = paper is not None and paper.value < PAPER_FULL
            yield Condition(
                degraded,
                view.branch,
                "look",
                f"{name}: {part.part} works badly: {part.seen or 'it does not say why'}"[:300],
                WHY_DEGRADED.get(part.part, "It works, but not as it should."),
                DO_DEGRADED.get(part.part, f"Look at {part.part}; it is over when that works as it should."),
                for_s=limits.device_degraded_for_s,
                keep_s=limits.device_degraded_keep_s,
                explained_by=cause or (Key(view.station, part.part, "paper-low") if wants_paper else None),
            )


def _outbox(
    view: StationView, name: str, standing: frozenset[Key], limits: Thresholds, now: datetime
) -> Iterator[Condition]:
    work = view.work
    if work is None or work.outbox_oldest is None:
        return
    key = Key(view.station, "", "outbox-old")
    age = (now - work.outbox_oldest).total_seconds()
    if age > (limits.outbox_clear_s if key in standing else limits.outbox_old_s):
        yield Condition(
            key,
            view.branch,
            "look",
            f"{name}: {work.outbox_open} facts wait, the oldest since {_clock(work.outbox_oldest)}",
            "The ledger does not know yet what happened there.",
            f"See whether its stream is parked (turnleaf stream retry {view.station}) or the line is slow.",
            value=age,
        )


PAPER_FULL, PAPER_NEAR_END = 2, 1
"""`paper_level` of a roll that is not near its end, and of one that is; 0 is no paper."""


def _paper(view: StationView, name: str, limits: Thresholds) -> Iterator[Condition]:
    """Look when a roll is near its end, act when it is out.

    A sensor at the edge of a roll flickers and has no second threshold: its hysteresis is time, some to
    raise and more to be over. No paper is certain at once.
    """
    for measured, level in view.values.items():
        part, _, what = measured.partition(".")
        if what != "paper_level" or level.value >= PAPER_FULL:
            continue
        out = level.value < PAPER_NEAR_END
        yield Condition(
            Key(view.station, part, "paper-low"),
            view.branch,
            "act" if out else "look",
            f"{name}: the paper is out" if out else f"{name}: the paper is nearly out",
            "Patrons get no receipt." if out else "Patrons will soon get no receipt.",
            "Put a new roll in.",
            for_s=0.0 if out else limits.paper_low_for_s,
            keep_s=limits.paper_clear_for_s,
            value=level.value,
        )


def gate_alarm(station: str, branch: str, name: str, at: datetime) -> Condition:
    """Return the condition of a gate that sounded; it stands for its own short while."""
    return Condition(
        Key(station, "", "gate-alarm"),
        branch,
        "act",
        f"{name}: an item that is not lent went out at {_clock(at)}",
        "Somebody may have forgotten to borrow it, or it is stolen.",
        "Ask kindly at the door; check the item at the kiosk.",
        keep_s=0.0,
    )


def stream_parked(station: str, branch: str, name: str, seen: str) -> Condition:
    """Return the condition of a stream that waits for an operator."""
    return Condition(
        Key(station, "", "stream-parked"),
        branch,
        "act",
        f"{name}: its facts are held at one that central cannot apply: {seen}"[:300],
        "What happened there since is safe at the station, but not in the ledger.",
        f"turnleaf stream retry {station} after a mended release, or: turnleaf stream skip {station}",
        keep_s=0.0,
    )


def unknown_station(station: str, at: datetime) -> Condition:
    """Return the condition of a certificate that the registry does not know."""
    return Condition(
        Key(station, "", "unknown-station"),
        "all",
        "look",
        f"{station} speaks since {_clock(at)}, but is in no branch",
        "Its facts are not taken; they wait on its own disk.",
        "Add it to the registry (turnleaf ledger load), or revoke its certificate.",
        keep_s=0.0,
    )


def foreign_stream(station: str, branch: str, name: str, seen: str) -> Condition:
    """Return the condition of a stream that another station owns: a disk was moved or copied."""
    return Condition(
        Key(station, "", "foreign-stream"),
        branch,
        "act",
        f"{name} sends the stream of another station: {seen}"[:300],
        "Of this stream nothing is taken, so that nothing is recorded under the wrong name.",
        "Put the disk back into its own station, or enrol this station anew with an empty disk.",
        keep_s=0.0,
    )


def unreadable(station: str, branch: str, name: str, at: datetime) -> Condition:
    """Return the condition of a message whose envelope cannot be read; nothing moves."""
    return Condition(
        Key(station, "", "unreadable"),
        branch,
        "look",
        f"{name} sent something at {_clock(at)} that cannot be read at all",
        "Its facts may stand still; they are safe on its own disk.",
        "Compare the versions of station and central; look at the station's log.",
        keep_s=0.0,
    )


def clock_set(by_ms: int, at: datetime) -> Condition:
    """Return the condition of central's own clock, which somebody set, or whose machine slept."""
    minutes = abs(by_ms) // 60_000
    span = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
    return Condition(
        Key("central", "clock", "clock-set"),
        "all",
        "act",
        f"Central's clock was set {'back' if by_ms < 0 else 'forward'} by {span} to {_clock(at)}",
        "It is wrong now, or was before: loans and returns by it bear a wrong time, and may be due wrongly.",
        "Let the machine keep its time by NTP (timedatectl); look at the loans of that while.",
        keep_s=0.0,
    )


def telemetry_away(error: TurnleafError) -> Condition:
    """Return the condition of a telemetry store that does not take measurements."""
    return Condition(
        Key("central", "telemetry", "telemetry-away"),
        "all",
        "look",
        error.seen[:300],
        error.why[:300] or "Measurements wait on central's disk; alarms work all the same.",
        error.do[:300] or "Look at the telemetry store.",
        for_s=5.0,
    )
