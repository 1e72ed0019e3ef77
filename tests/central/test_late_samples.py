"""Measurements that come long after they were made: kept under their own time, silent about now."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central import fleet
from central.alarms.rules import Thresholds, conditions
from central.fleet import StationView
from central.telemetry.intake import LATE, point
from wire.messages.states import Sample, Status

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
VIEW = StationView("sensors-1", "main", "sensors", "Cellar", NOW)


def sample(
    n: int, age: timedelta, *, late: bool | None = True, clock: str = "synced", **values: float
) -> Sample:
    said = {"at": NOW - age, "clock": clock, "boot": "A", "mono": 1, "n": n, "values": values, "late": late}
    return Sample.model_validate(said)


def rules(view: StationView) -> set[str]:
    born = Status.model_validate(
        {"state": "online", "boot": "A", "at": NOW, "kind": "sensors", "version": "1"}
    )
    online = fleet.on_status(view, born, NOW)
    return {one.key.rule for one in conditions(online, frozenset(), Thresholds(), NOW)}


@given(st.timedeltas(timedelta(0), LATE))
def test_a_late_sample_is_kept_under_its_own_time(age: timedelta) -> None:
    made = point("main", "sensors-1", "cellar", sample(1, age, temperature_c=18), NOW)

    assert made is not None
    assert made.at == NOW - age


@pytest.mark.parametrize(
    ("age", "clock"),
    [(LATE + timedelta(seconds=1), "synced"), (timedelta(hours=-1), "synced"), (timedelta(1), "free")],
)
def test_a_late_sample_whose_time_cannot_be_is_not_kept_at_all(age: timedelta, clock: str) -> None:
    assert point("main", "sensors-1", "cellar", sample(1, age, clock=clock, temperature_c=18), NOW) is None


def test_a_late_value_is_not_the_latest_and_raises_no_alarm() -> None:
    now = fleet.on_sample(VIEW, "printer", sample(1, timedelta(0), late=None, paper_level=2), NOW)
    later = fleet.on_sample(now, "printer", sample(2, timedelta(days=2), paper_level=0), NOW)
    told_now = fleet.on_sample(now, "printer", sample(2, timedelta(0), late=None, paper_level=0), NOW)

    assert later.values == now.values
    assert "paper-low" not in rules(later)
    assert "paper-low" in rules(told_now)


def test_late_samples_are_numbered_like_all_others() -> None:
    first = fleet.on_sample(VIEW, "cellar", sample(1, timedelta(hours=2), temperature_c=18), NOW)
    hole = fleet.on_sample(first, "cellar", sample(4, timedelta(0), late=None, temperature_c=18), NOW)

    assert hole.samples_lost == 2


def test_a_sample_that_is_not_late_says_nothing_of_it() -> None:
    assert b"late" not in sample(1, timedelta(0), late=None, temperature_c=18).encode()
