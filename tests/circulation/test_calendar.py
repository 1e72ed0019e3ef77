"""Open days: counted, and never searched for without end."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circulation.calendar import ALWAYS, Calendar, Closure, closure
from circulation.due import due_date, local_date

DAYS = st.dates(date(2023, 1, 1), date(2029, 12, 31))
WORKDAYS = frozenset(range(5))


@st.composite
def closures(draw: st.DrawFn) -> Closure:
    yearly = draw(st.booleans())
    days = st.dates(date(2000, 1, 1), date(2000, 12, 31)) if yearly else DAYS
    first = draw(days)
    length = draw(st.integers(0, 40))
    if yearly:
        return Closure(first, draw(days) if length > 30 else _within_2000(first, length), yearly=True)
    return Closure(first, first + timedelta(days=length))


def _within_2000(first: date, length: int) -> date:
    return (first + timedelta(days=length)).replace(year=2000)


CALENDARS = st.builds(
    Calendar,
    st.frozensets(st.integers(0, 6)),
    st.lists(closures(), max_size=4).map(tuple),
)


def in_words(calendar: Calendar, day: date) -> bool:
    """`Calendar` read aloud: is it open on this day?"""
    if day.weekday() not in calendar.weekdays:
        return False
    for one in calendar.closures:
        if not one.yearly:
            if one.first <= day <= one.last:
                return False
            continue
        here, first, last = (
            (day.month, day.day),
            (one.first.month, one.first.day),
            (one.last.month, one.last.day),
        )
        if first <= here <= last if first <= last else (here >= first or here <= last):
            return False
    return True


@given(CALENDARS, DAYS)
def test_a_day_is_open_when_neither_its_weekday_nor_a_closure_says_otherwise(
    calendar: Calendar, day: date
) -> None:
    assert in_words(calendar, day) == calendar.is_open(day)


@given(CALENDARS, DAYS, st.integers(-20, 900))
def test_open_days_are_counted_as_if_one_had_walked_through_them(
    calendar: Calendar, after: date, length: int
) -> None:
    until = after + timedelta(days=length)
    walked = sum(in_words(calendar, after + timedelta(days=n)) for n in range(1, length + 1))

    assert walked == calendar.open_days_between(after, until)


@given(CALENDARS, DAYS, st.integers(0, 500), st.integers(0, 500))
def test_open_days_of_two_spells_add_up(calendar: Calendar, day: date, first: int, second: int) -> None:
    middle, end = day + timedelta(days=first), day + timedelta(days=first + second)

    assert calendar.open_days_between(day, end) == calendar.open_days_between(
        day, middle
    ) + calendar.open_days_between(middle, end)


@given(CALENDARS, DAYS)
def test_the_next_open_day_is_open_and_none_is_before_it(calendar: Calendar, day: date) -> None:
    found = calendar.next_open(day)
    days = (day + timedelta(days=n) for n in range(3 * 366))

    assert next((one for one in days if in_words(calendar, one)), None) == found


@pytest.mark.parametrize(
    "calendar",
    [
        Calendar(frozenset()),
        Calendar(closures=(Closure(date.min, date.max),)),
        Calendar(closures=(Closure(date(2000, 1, 1), date(2000, 12, 31), yearly=True),)),
        Calendar(closures=(Closure(date(2000, 7, 1), date(2000, 6, 30), yearly=True),)),
        Calendar(frozenset({0}), (Closure(date.min, date.max),)),
    ],
)
def test_a_branch_that_never_opens_is_an_answer_and_no_endless_search(calendar: Calendar) -> None:
    assert calendar.next_open(date(2026, 3, 2)) is None
    assert calendar.open_days_between(date(2020, 1, 1), date(2030, 1, 1)) == 0
    assert calendar.next_open(date.max) is None


def test_the_last_day_of_all_is_no_trap() -> None:
    wraps = Calendar(closures=(Closure(date(2000, 12, 24), date(2000, 1, 2), yearly=True),))

    assert wraps.next_open(date.max) is None
    assert date.max == ALWAYS.next_open(date.max)
    assert date.max.toordinal() - 1 == ALWAYS.open_days_between(date.min, date.max)
    assert 0 < wraps.open_days_between(date.min, date.max) < date.max.toordinal()


def test_ten_years_of_rebuilding_are_passed_over_at_once() -> None:
    rebuilt = Calendar(WORKDAYS, (Closure(date(2026, 1, 1), date(2035, 12, 31)),))

    assert date(2036, 1, 1) == rebuilt.next_open(date(2026, 3, 2))


def test_the_twenty_ninth_of_february_is_closed_in_years_that_have_one() -> None:
    calendar = Calendar(closures=(closure("02-29"),))

    assert not calendar.is_open(date(2028, 2, 29))
    assert [calendar.is_open(date(2027, 2, 28)), calendar.is_open(date(2027, 3, 1))] == [True, True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-05", Closure(date(2026, 6, 5), date(2026, 6, 5))),
        ("2026-06-05/2026-06-09", Closure(date(2026, 6, 5), date(2026, 6, 9))),
        (" 2026-06-05 / 2026-06-09 ", Closure(date(2026, 6, 5), date(2026, 6, 9))),
        ("12-25", Closure(date(2000, 12, 25), date(2000, 12, 25), yearly=True)),
        ("12-24/01-02", Closure(date(2000, 12, 24), date(2000, 1, 2), yearly=True)),
    ],
)
def test_a_closure_is_a_day_or_two_of_one_year_or_of_every_year(text: str, expected: Closure) -> None:
    assert expected == closure(text)


@pytest.mark.parametrize(
    "text",
    ["", "/", "2026-02-29", "02-30", "13-01", "2026-06-09/2026-06-05", "12-24/2027-01-02", "1.5.2026", "05",
     "2026-06-05/", "2026-W01-1", "20260605"],
)  # fmt: skip
def test_what_is_no_closure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no day|calendar|one end|before it begins"):
        closure(text)


AT = st.integers(1_700_000_000_000, 1_900_000_000_000)


@given(AT, st.integers(0, 400), CALENDARS)
def test_a_due_date_moves_on_to_an_open_day_and_never_back(at: int, days: int, calendar: Calendar) -> None:
    plain = due_date(at, "Europe/Copenhagen", days)
    moved = due_date(at, "Europe/Copenhagen", days, calendar)

    assert local_date(at, "Europe/Copenhagen") + timedelta(days=days) == plain
    assert plain <= moved
    assert calendar.is_open(moved) or (moved == plain and calendar.next_open(plain) is None)
    assert all(not calendar.is_open(plain + timedelta(days=n)) for n in range((moved - plain).days))
