"""The newcomer's five steps, ticked off by what is seen on the wire and on the tags. Pure.

Nobody tells the page that a step is done: it looks at messages and at the memory of the tags, as an
onlooker would.
"""

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Seen:
    """One message on the wire: its topic below the root, split, and its decoded payload."""

    levels: tuple[str, ...]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been seen so far, for the station that belongs to the newcomer."""

    station: str
    gate: str
    greeted: bool = False
    unsecured: frozenset[str] = frozenset()
    """Items of the newcomer whose tags were unsecured at least once."""
    carried_lent: bool = False
    carried_unlent: bool = False
    alarm_known: bool = False
    cable_out: bool = False
    cable_shown: bool = False
    cable_back: bool = False
    central_away: bool = False
    returned_away: frozenset[str] = frozenset()
    """Items returned while central was away, from the moment that they were secured."""
    recorded_after: frozenset[str] = frozenset()

    @property
    def done(self) -> tuple[bool, bool, bool, bool, bool]:
        """Return which of the five steps are done."""
        return (
            self.greeted,
            len(self.unsecured) >= 3,
            self.carried_lent and self.carried_unlent and self.alarm_known,
            self.cable_shown and self.cable_back,
            bool(self.recorded_after),
        )


STEPS: tuple[tuple[str, str], ...] = (
    ("Say hello", "Put the patron card on the card reader."),
    ("Lend three books", "Lay three books on the pad. Watch AFI turn from 07 to C2."),
    ("Walk out", "Carry a lent book through the gate: silence. Then one that is not lent."),
    ("Pull a cable", "Pull the pad's cable, see what kiosk and console say, plug it in again."),
    ("Lose the centre", "Stop central, return a book, start central: it is in the ledger once."),
)


def tag_unsecured(progress: Progress, item: str) -> Progress:
    """A tag of the newcomer's books has AFI C2 now."""
    return replace(progress, unsecured=progress.unsecured | {item})


def carried(progress: Progress, *, lent: bool) -> Progress:
    """The newcomer went through the gate with a book."""
    return replace(
        progress,
        carried_lent=progress.carried_lent or lent,
        carried_unlent=progress.carried_unlent or not lent,
    )


def cable(progress: Progress, *, out: bool) -> Progress:
    """The pad's cable was pulled, or plugged in."""
    return replace(progress, cable_out=out)


def central(progress: Progress, *, away: bool) -> Progress:
    """Central was stopped, or started."""
    return replace(progress, central_away=away)


def returned(progress: Progress, item: str) -> Progress:
    """A tag was secured on the newcomer's pad or in the bin."""
    if not progress.central_away:
        return progress
    return replace(progress, returned_away=progress.returned_away | {item})


def recorded(progress: Progress, item: str, rows: int) -> Progress:
    """The ledger holds `rows` checkins of an item that came back while central was away."""
    if rows != 1 or item not in progress.returned_away or progress.central_away:
        return progress
    return replace(progress, recorded_after=progress.recorded_after | {item})


def see(progress: Progress, seen: Seen) -> Progress:
    """Take one message into account."""
    body = seen.body
    match seen.levels:
        case ("down", station, "answer") if station == progress.station and body.get("schema") == "account/1":
            return replace(progress, greeted=progress.greeted or bool(body.get("known")))
        case ("pub", _, "alarms", _) if (
            body.get("rule") == "gate-alarm" and body.get("station") == progress.gate
        ):
            return replace(progress, alarm_known=progress.alarm_known or progress.carried_unlent)
        case ("pub", _, "fleet", station) if station == progress.station:
            pad = {part["part"]: part["state"] for part in body.get("parts", ())}.get("pad")
            if pad == "lost" and progress.cable_out:
                return replace(progress, cable_shown=True)
            if pad == "ok" and not progress.cable_out and progress.cable_shown:
                return replace(progress, cable_back=True)
    return progress
