"""A day of simulated patrons is a plan that follows from its seed, and asks nothing impossible."""

from hypothesis import given
from hypothesis import strategies as st

from sim.catalogue import books, people
from sim.habits import Outing, Pace, plan

SEEDS = st.integers(min_value=0, max_value=2**31)
PACES = st.builds(Pace, gap_s=st.floats(0.5, 10), theft=st.floats(0, 0.3))
STAFF = people(12)
SHELVES = books(40)


def day(seed: int, pace: Pace) -> tuple[Outing, ...]:
    return plan(seed, STAFF, SHELVES, seconds=120, pace=pace)


@given(SEEDS, PACES)
def test_the_same_seed_is_the_same_day(seed: int, pace: Pace) -> None:
    assert day(seed, pace) == day(seed, pace)


def test_another_seed_is_another_day() -> None:
    assert len({day(seed, Pace()) for seed in range(20)}) == 20


@given(SEEDS, PACES)
def test_outings_come_in_order_of_time_within_the_day(seed: int, pace: Pace) -> None:
    times = [outing.at for outing in day(seed, pace)]

    assert times == sorted(times)
    assert all(0 <= at < 120 for at in times)


@given(SEEDS, PACES)
def test_nobody_holds_an_item_that_another_holds(seed: int, pace: Pace) -> None:
    holder: dict[str, str] = {}
    for outing in day(seed, pace):
        for book in outing.books:
            match outing.errand:
                case "borrow":
                    assert book.item not in holder
                    holder[book.item] = outing.person.patron
                case "return-bin" | "return-kiosk":
                    assert holder.pop(book.item) == outing.person.patron
                case "carry-out-unlent":
                    assert book.item not in holder


@given(SEEDS, PACES)
def test_every_outing_has_items_and_no_item_twice(seed: int, pace: Pace) -> None:
    for outing in day(seed, pace):
        items = [book.item for book in outing.books]
        assert items
        assert len(set(items)) == len(items)


@given(SEEDS)
def test_the_morning_begins_with_loans_a_theft_and_a_return(seed: int) -> None:
    first = [outing.errand for outing in plan(seed, STAFF, SHELVES, seconds=600)][:4]

    assert first == ["borrow", "carry-out-unlent", "borrow", "return-bin"]
