"""An alarm as the message that consoles read, and as a row of the ledger. Pure."""

from datetime import UTC, datetime
from typing import Any, Literal

from central.alarms.life import Alarm
from central.alarms.rules import Key
from central.ledger.alarms import AlarmRow
from wire.messages.states import AlarmState, FeedWord


def message(alarm: Alarm) -> AlarmState:
    """Return what is published while the alarm stands."""
    return AlarmState(
        alarm=alarm.alarm,
        station=alarm.key.station,
        branch=alarm.branch,
        part=alarm.key.part,
        rule=alarm.key.rule,
        severity=alarm.severity,
        state=alarm.state,
        since=alarm.since,
        at=alarm.at,
        seen=alarm.seen,
        why=alarm.why,
        do=alarm.do,
        by=alarm.by,
        note=alarm.note,
    )


def word(alarm: Alarm, told: datetime | None) -> FeedWord | None:
    """Return the feed's word for a change, None when it is no news for integrators.

    `told` is since when the alarm stood as the feed was last told that it was raised; None when it never was.
    """
    if alarm.over:
        return "alarm-cleared"
    return "alarm-raised" if alarm.state == "unacknowledged" and alarm.since != told else None


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)


def _at(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def row(alarm: Alarm, now: datetime) -> AlarmRow:
    """Return the alarm as a row; `closed` is set when it is over."""
    return AlarmRow(
        alarm=alarm.alarm,
        rule=alarm.key.rule,
        station=alarm.key.station,
        branch=alarm.branch,
        part=alarm.key.part,
        severity=alarm.severity,
        state=alarm.state,
        since=int(alarm.since.timestamp() * 1000),
        at=int(alarm.at.timestamp() * 1000),
        seen=alarm.seen,
        why=alarm.why,
        do=alarm.do,
        standing=alarm.standing,
        returned_at=_ms(alarm.returned_at),
        acknowledged_at=_ms(alarm.acknowledged_at),
        acknowledged_by=alarm.by,
        note=alarm.note,
        shelved_until=_ms(alarm.shelved_until),
        shelved_by=alarm.shelved_by,
        suppressed_by=alarm.suppressed_by,
        out_of_service_by=alarm.out_of_service_by,
        times=alarm.times,
        value=alarm.value,
        closed=_ms(now) if alarm.over else None,
    )


def alarm_of(stored: AlarmRow) -> Alarm:
    """Return the alarm of a stored row."""
    severity: Literal["look", "act"] = "act" if stored.severity == "act" else "look"
    moments: dict[str, Any] = {
        name: _at(getattr(stored, name)) for name in ("acknowledged_at", "returned_at", "shelved_until")
    }
    return Alarm(
        alarm=stored.alarm,
        key=Key(stored.station, stored.part, stored.rule),
        branch=stored.branch,
        severity=severity,
        since=datetime.fromtimestamp(stored.since / 1000, UTC),
        at=datetime.fromtimestamp(stored.at / 1000, UTC),
        seen=stored.seen,
        why=stored.why,
        do=stored.do,
        standing=stored.standing,
        by=stored.acknowledged_by,
        note=stored.note,
        shelved_by=stored.shelved_by,
        suppressed_by=stored.suppressed_by,
        out_of_service_by=stored.out_of_service_by,
        times=stored.times,
        value=stored.value,
        **moments,
    )
