"""The life cycle of one alarm after ISA-18.2, as a pure step.

                 stands                acknowledged
    (none) -----------------> unacknowledged ------> acknowledged
                                   |  ^                   | gone
                              gone |  | stands            v
                                   v  |    acknowledged  (none)
                          returned-unacknowledged -----> (none)

Beside these stand three states in which an alarm says nothing: *shelved* by an operator until a time,
*suppressed* by design while a bigger alarm explains it, *out of service* until an operator ends it. When
they end, the alarm is unacknowledged if its condition stands, else it is over. Which of the three shows
is settled by rank: out of service, then shelved, then suppressed.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, assert_never

from central.alarms.rules import Condition, Key, Severity

Shown = Literal[
    "unacknowledged", "acknowledged", "returned-unacknowledged", "shelved", "suppressed", "out-of-service"
]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm, from its first raising until nobody has to know of it any more."""

    alarm: str
    key: Key
    branch: str
    severity: Severity
    since: datetime
    at: datetime
    seen: str
    why: str
    do: str
    standing: bool = True
    acknowledged_at: datetime | None = None
    by: str = ""
    note: str = ""
    returned_at: datetime | None = None
    shelved_until: datetime | None = None
    shelved_by: str = ""
    suppressed_by: str = ""
    out_of_service_by: str = ""
    times: int = 1
    value: float | None = None

    @property
    def state(self) -> Shown:
        """Return the state that is shown."""
        if self.out_of_service_by:
            return "out-of-service"
        if self.shelved_until is not None:
            return "shelved"
        if self.suppressed_by:
            return "suppressed"
        if not self.standing:
            return "returned-unacknowledged"
        return "acknowledged" if self.acknowledged_at is not None else "unacknowledged"

    @property
    def over(self) -> bool:
        """Whether nobody has to know of it any more."""
        if self.out_of_service_by or self.shelved_until is not None:
            return False
        return not self.standing and (self.acknowledged_at is not None or bool(self.suppressed_by))


@dataclass(frozen=True, slots=True)
class Stands:
    """The condition stands (again)."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Gone:
    """The condition is over."""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """An operator has seen it."""

    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shelve:
    """An operator wants no word of it until a time."""

    by: str
    until: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Suppress:
    """A bigger alarm explains it (its key as text), or none does any more (empty)."""

    by: str


@dataclass(frozen=True, slots=True)
class OutOfService:
    """An operator takes it out of service, or back into it (empty)."""

    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on."""


Event = Stands | Gone | Acknowledge | Shelve | Suppress | OutOfService | Tick


def raise_alarm(alarm: str, condition: Condition, now: datetime) -> Alarm:
    """Return the new alarm of a condition."""
    return Alarm(
        alarm=alarm,
        key=condition.key,
        branch=condition.branch,
        severity=condition.severity,
        since=now,
        at=now,
        seen=condition.seen,
        why=condition.why,
        do=condition.do,
        value=condition.value,
    )


def step(alarm: Alarm, event: Event, now: datetime) -> Alarm:
    """Return the alarm after an event; look at `over` afterwards."""
    match event:
        case Stands(condition=condition):
            return _stands(alarm, condition, now)
        case Gone():
            return replace(alarm, standing=False, returned_at=now, at=now) if alarm.standing else alarm
        case Acknowledge(by=by, note=note):
            return replace(alarm, acknowledged_at=now, by=by, note=note or alarm.note, at=now)
        case Shelve(by=by, until=until, note=note):
            return replace(alarm, shelved_until=until, shelved_by=by, by=by, note=note or alarm.note, at=now)
        case Suppress(by=by):
            return alarm if alarm.suppressed_by == by else replace(alarm, suppressed_by=by, at=now)
        case OutOfService(by=by, note=note):
            return replace(alarm, out_of_service_by=by, by=by or alarm.by, note=note or alarm.note, at=now)
        case Tick():
            return _unshelved(alarm, now)
        case _:
            assert_never(event)


def _stands(alarm: Alarm, condition: Condition, now: datetime) -> Alarm:
    """The condition stands: words are renewed; one that comes back has to be acknowledged again."""
    words = replace(alarm, seen=condition.seen, severity=condition.severity, value=condition.value)
    if alarm.standing:
        return words
    return replace(
        words,
        standing=True,
        acknowledged_at=None,
        returned_at=None,
        times=alarm.times + 1,
        since=now,
        at=now,
    )


def _unshelved(alarm: Alarm, now: datetime) -> Alarm:
    """A shelf time that is over ends; what stands has to be acknowledged anew, the rest is known."""
    if alarm.shelved_until is None or now < alarm.shelved_until:
        return alarm
    acknowledged = None if alarm.standing else now
    return replace(alarm, shelved_until=None, shelved_by="", acknowledged_at=acknowledged, at=now)
