"""What is said of a branch: its local days, what is lent on them, and its feed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from central.branches import Branches, feed_event
from central.ledger.ledger import BranchRow
from wire.clock import FakeClock
from wire.messages.states import FeedEvent

ZONES = ["Europe/Berlin", "America/Havana", "Pacific/Apia", "Australia/Lord_Howe", "UTC"]
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def branches(zone: str) -> Branches:
    made = Branches(FakeClock(BEGAN), "boot", say=lambda *_: None, retain=lambda *_: True)
    made.registry([BranchRow("main", "Main", zone)])
    return made


@given(st.sampled_from(ZONES), st.lists(st.integers(0, 400 * 24 * 60), max_size=20))
def test_the_day_is_that_of_the_branchs_zone_in_whatever_order_it_is_asked(zone: str, minutes: list[int]):
    made = branches(zone)

    for minute in minutes:
        at = BEGAN + timedelta(minutes=minute)
        assert f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d}" == made.day("main", at)


def test_a_branch_that_moves_to_another_zone_has_its_days():
    made, at = branches("UTC"), datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    before = made.day("main", at)
    made.registry([BranchRow("main", "Main", "Europe/Berlin")])

    assert (before, made.day("main", at)) == ("2026-03-01", "2026-03-02")


def test_what_was_lent_is_taken_once_by_station_and_day():
    made, at = branches("UTC"), datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    for event, later in (
        ("checkout", 0),
        ("checkout", 0),
        ("withdrawn", 0),
        ("checkin", 0),
        ("checkout", 60),
        ("passage", 0),
    ):
        made.lend("main", "k1", event, at + timedelta(minutes=later))

    assert made.lent_lately() == [("k1", "2026-03-01", 1, 1), ("k1", "2026-03-02", 1, 0)]
    assert made.lent_lately() == []


@given(st.integers(1, 2**40), st.datetimes(timezones=st.just(UTC)), st.text(max_size=120))
def test_a_feed_event_is_written_as_its_model_would_be(n: int, at: datetime, detail: str):
    said = FeedEvent(boot="b", n=n, at=at, station="k1", event="checkout", detail=detail)

    assert said.encode() == feed_event("b", n, at, "k1", "checkout", detail)
