"""Cells and what they come to."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.imports import values
from central.imports.fields import COLUMNS, MARC_ITEMS, NEEDED, Take, fields
from central.imports.plan import Plan
from central.imports.records import KINDS, Fault, Raw, Row
from central.imports.values import Unfit


@pytest.mark.parametrize(
    ("cell", "order", "expected"),
    [
        ("2026-05-31", "iso", "2026-05-31T00:00:00"),
        ("2026-05-31 23:59:00", "iso", "2026-05-31T23:59:00"),
        ("2026-05-31T23:59", "iso", "2026-05-31T23:59:00"),
        ("2026-05-31 23:59:01.250", "iso", "2026-05-31T23:59:01"),
        ("20260531", "mdy", "2026-05-31T00:00:00"),
        ("1.5.2026", "mdy", "2026-05-01T00:00:00"),
        ("1/5/2026", "dmy", "2026-05-01T00:00:00"),
        ("1/5/2026", "mdy", "2026-01-05T00:00:00"),
        ("01-05-2026 8:05", "dmy", "2026-05-01T08:05:00"),
        ("0000-00-00", "iso", None),
        ("0000-00-00 00:00:00", "iso", None),
    ],
)  # fmt: skip
def test_a_date_is_read_as_it_is_written(cell: str, order: Any, expected: str | None) -> None:
    told = None if expected is None else datetime.fromisoformat(expected)

    assert values.moment(order)(cell) == told
    assert values.day(order)(cell) == (None if told is None else told.date())


@pytest.mark.parametrize(
    "cell", ["2026-05-31T12:00:00Z", "2026-05-31 14:00+02:00", "2026-05-31 14:00:00+0200"]
)
def test_a_time_with_an_offset_is_that_moment(cell: str) -> None:
    at = values.moment("iso")(cell)

    assert at == datetime(2026, 5, 31, 12, tzinfo=timezone(timedelta()))


@pytest.mark.parametrize(
    "cell",
    ["1/5/2026", "2026-02-30", "31/02/2026", "tomorrow", "26-5-1", "2026-05-31 25:00", "２026-05-31", "1999"],
)
def test_what_is_no_date_or_could_be_two_is_not_guessed(cell: str) -> None:
    with pytest.raises(Unfit) as fault:
        values.moment("iso")(cell)

    assert cell not in str(fault.value)


@given(st.dates(date(1000, 1, 1)))
def test_every_day_is_read_back(day: date) -> None:
    assert values.day("iso")(day.isoformat()) == day
    assert values.day("iso")(f"{day.day}.{day.month}.{day.year}") == day
    assert values.day("mdy")(f"{day.month}/{day.day}/{day.year}") == day


@given(
    st.integers(-(10**9) + 1, 10**9 - 1),
    st.sampled_from([("EUR", 2), ("JPY", 0), ("BHD", 3)]),
    st.integers(0, 4),
)
def test_every_amount_is_read_back_whatever_zeros_follow(
    minor: int, currency: tuple[str, int], zeros: int
) -> None:
    code, places = currency
    cell = f"{Decimal(minor).scaleb(-places):f}"
    if places or zeros == 0:
        cell += "0" * zeros if "." in cell else ""

    assert values.amount(code)(cell) == minor
    assert values.amount(code)(cell.replace(".", ",")) == minor


@pytest.mark.parametrize("cell", ["1.005", "", "12 EUR", "1,234.50", "--1", ".5", "1e3", "١"])
def test_an_amount_that_would_have_to_be_rounded_or_guessed_is_refused(cell: str) -> None:
    with pytest.raises(Unfit):
        values.amount("EUR")(cell)


@given(st.text())
def test_a_cleaned_cell_is_one_line_that_prints(cell: str) -> None:
    cleaned = values.clean(cell) if not any("\ud800" <= letter <= "\udfff" for letter in cell) else ""

    assert cleaned == cleaned.strip()
    assert not set(cleaned) & set("\r\n\t\x00")
    assert values.clean(cleaned) == cleaned


@given(st.text(max_size=20))
def test_a_branch_is_always_a_level_of_a_topic(cell: str) -> None:
    from wire.ids import is_station_name

    try:
        name = values.branch(cell)
    except Unfit:
        return

    assert is_station_name(name)
    assert values.branch(name) == name


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_no_row_of_text_is_more_than_a_fault(kind: Any, data: st.DataObject) -> None:
    """And what is accepted fits its column in the ledger."""
    known = fields(kind, "dmy", "EUR")
    taken = {name: Take((name,)) for name in known}
    plan = Plan(tuple(known), taken, known, date(2026, 11, 21))
    cells = data.draw(st.lists(st.text(max_size=80), min_size=len(known), max_size=len(known)))

    told = plan.row(Raw(7, cells))

    if isinstance(told, Fault):
        assert told.line == 7
        assert told.column in known
        return
    assert isinstance(told, Row)
    for name, field in known.items():
        if field.limit is not None and told.told[name] is not None:
            assert len(told.told[name]) <= field.limit
        if field.must:
            assert told.told[name] not in (None, "")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_its_columns_and_every_needed_one_is_a_field(kind: Any) -> None:
    known = set(fields(kind, "iso", "EUR"))

    assert set(COLUMNS[kind]) == known
    assert {name for group in NEEDED[kind] for name in group} <= known
    assert set(MARC_ITEMS) <= set(fields("items", "iso", "EUR"))


def test_a_block_that_is_over_blocks_nobody() -> None:
    """Koha's `debarred` is the day until which somebody may not borrow."""
    known = fields("patrons", "iso", "EUR")
    words = ({"*": "card-lost"}, {"*": "card-blocked"})
    taken = {"blocked": Take(("lost", "debarred"), "flags", words=words)}
    plan = Plan(("lost", "debarred"), taken, known, date(2026, 11, 21))

    def blocked(*cells: str) -> str | None:
        row = plan.row(Raw(1, list(cells)))
        assert isinstance(row, Row)
        found: str | None = row.told["blocked"]
        return found

    assert blocked("0", "2026-11-20") is None
    assert blocked("0", "2026-11-21") == "card-blocked"
    assert blocked("0", "9999-12-31") == "card-blocked"
    assert blocked("1", "") == "card-lost"
    assert blocked("", "0000-00-00") is None
