"""One example of each alarm, made by the rules themselves, for docs/reference/alarms.md."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from central.alarms import rules
from central.alarms.rules import Condition, Thresholds, conditions
from central.fleet import StationView, Value
from central.telemetry.port import StoreAway
from wire.messages.states import Part, Parts, Status, Work

NOW = datetime(2026, 5, 2, 9, 30, tzinfo=UTC)


def samples() -> Iterator[Condition]:
    """Yield a condition of each rule."""
    status = Status(state="online", boot="b", at=NOW, kind="kiosk", version="1")
    here = StationView(
        "kiosk-1", "harbour", "kiosk", "Kiosk 1", NOW, heard=NOW, status=status, status_since=NOW
    )
    gone = replace(here, heard=NOW - timedelta(minutes=5))
    lost = Part(part="pad", state="lost", since=NOW, seen="the device closed the connection")
    stuck = Part(part="barriers", state="degraded", since=NOW, seen="input 1 on for 60 s without a break")
    waiting = Work(
        boot="b",
        at=NOW,
        service="open",
        outbox_open=12,
        outbox_oldest=NOW - timedelta(minutes=4),
        outbox_fill=0.01,
    )
    views = (
        gone,
        replace(here, parts=Parts(boot="b", at=NOW, parts=(lost,))),
        replace(here, name="Gate 1", parts=Parts(boot="b", at=NOW, parts=(stuck,))),
        replace(here, work=waiting),
        replace(here, values=MappingProxyType({"printer.paper_level": Value(1, NOW)})),
        replace(here, values=MappingProxyType({"printer.paper_level": Value(0, NOW)})),
    )
    for view in views:
        yield from conditions(view, frozenset(), Thresholds(), NOW)
    yield rules.gate_alarm("gate-1", "harbour", "Gate 1", NOW)
    yield rules.stream_parked("kiosk-1", "harbour", "Kiosk 1", "checkin: no such column")
    yield rules.unknown_station("kiosk-9", NOW)
    yield rules.foreign_stream("kiosk-1", "harbour", "Kiosk 1", "it belongs to kiosk-2")
    yield rules.unreadable("kiosk-1", "harbour", "Kiosk 1", NOW)
    yield rules.clock_set(3_600_000, NOW)
    yield rules.telemetry_away(StoreAway("InfluxDB at http://influx.library.example:8086: no answer"))
