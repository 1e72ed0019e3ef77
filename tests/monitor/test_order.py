"""The order kept from look to look is the order that sorting gives, whatever arrives."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from monitor import view
from monitor.fleet import Arrived, Fleet, fold
from wire.messages.states import AlarmState, FleetEntry
from wire.topics import topic

AT = datetime(2027, 5, 4, 9, 30, tzinfo=UTC)


def entry(number: int, glyph: str, loans: int) -> Arrived:
    where = topic("fleet", branch="main", station=f"kiosk-{number}")
    said = {
        "station": f"kiosk-{number}", "branch": "main", "kind": "kiosk", "glyph": glyph, "word": {"ok": "fine"}.get(glyph, "odd"),
        "since": AT, "at": AT, "loans_today": loans,
    }  # fmt: skip
    return Arrived(where, FleetEntry.model_validate(said).encode() if glyph else b"")


def alarm(number: int, state: str) -> Arrived:
    said = {
        "alarm": f"a{number}", "station": f"kiosk-{number}", "branch": "main", "rule": "paper-low",
        "severity": "look", "state": state, "since": AT, "at": AT, "seen": "s", "why": "w", "do": "d",
    }  # fmt: skip
    where = topic("alarm", branch="main", alarm=f"a{number}")
    return Arrived(where, AlarmState.model_validate(said).encode() if state else b"")


numbers = st.integers(1, 4)
arrivals = st.one_of(
    st.builds(entry, numbers, st.sampled_from(["ok", "ok", "look", "act", ""]), st.integers(0, 3)),
    st.builds(alarm, numbers, st.sampled_from(["unacknowledged", "acknowledged", ""])),
)


@given(
    st.lists(st.lists(arrivals, max_size=4), max_size=12), st.sampled_from(["", "fine", "!act", "kiosk-2"])
)
def test_the_kept_order_is_the_sorted_one(looks: list[list[Arrived]], text: str) -> None:
    fleet, kept = Fleet(), view.order(Fleet(), text)
    for look in looks:
        fleet = fold(fleet, look)
        kept = view.order(fleet, text, kept)

        assert kept.rows == view.station_rows(fleet, text)
        assert (kept.waiting, kept.counts) == (view.unsettled(fleet), view.counts(fleet))


def test_a_number_that_changes_moves_no_row_and_costs_no_sorting() -> None:
    fleet = fold(Fleet(), [entry(number, "ok", 0) for number in (1, 2, 3)])
    kept = view.order(fleet)

    after = view.order(fold(fleet, [entry(2, "ok", 7)]), old=kept)

    assert after.rows is kept.rows
    assert after.fleet.stations["main", "kiosk-2"].loans_today == 7
