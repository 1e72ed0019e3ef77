"""What lateness costs, what is owed, and what a payment pays."""

from dataclasses import replace
from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circulation.calendar import ALWAYS, Calendar, Closure
from circulation.fees import (
    SIP2_FEE_TYPES,
    Fee,
    FeeKind,
    Payment,
    Share,
    fee_block,
    fines_and_fees,
    outstanding,
    overdue_fine,
    owing,
    pay,
    settle,
    struck,
)
from circulation.model import Patron
from circulation.policy import Policy, Terms
from circulation.policy_parts import FeeSettings
from wire.messages.stream import Refusal

KINDS: tuple[FeeKind, ...] = get_args(FeeKind)
TERMS = Policy().terms("adult", "book", "main")
DUE = date(2026, 3, 6)  # a Friday
WEEKDAYS = Calendar(frozenset(range(5)))


@st.composite
def owed(draw: st.DrawFn) -> list[Fee]:
    """Fees of one patron, some of them paid in part or in whole."""
    fees = []
    for number in range(draw(st.integers(0, 6))):
        amount = draw(st.integers(0, 500))
        fees.append(
            Fee(
                f"f{number}",
                "p1",
                draw(st.sampled_from([None, "i1"])),
                draw(st.sampled_from(KINDS)),
                amount,
                draw(st.integers(0, amount)),
                draw(st.integers(1, 4)),
            )
        )
    return fees


def fine(returned: date, calendar: Calendar = ALWAYS, **terms: int) -> int:
    return overdue_fine(replace(TERMS, **terms), DUE, returned, calendar)


@pytest.mark.parametrize(
    ("days", "terms", "expected"),
    [
        (0, {"fine_per_day": 20}, 0),
        (-3, {"fine_per_day": 20}, 0),
        (1, {"fine_per_day": 20}, 20),
        (10, {"fine_per_day": 20}, 200),
        (10, {}, 0),
        (3, {"fine_per_day": 20, "grace_days": 3}, 0),
        (4, {"fine_per_day": 20, "grace_days": 3}, 20),
        (400, {"fine_per_day": 20, "max_fine": 1000}, 1000),
        (400, {"fine_per_day": 20, "max_fine": 0}, 0),
    ],
)
def test_each_day_late_costs_but_for_the_grace_and_up_to_the_most(
    days: int, terms: dict[str, int], expected: int
) -> None:
    assert expected == fine(DUE + timedelta(days=days), **terms)


def test_days_on_which_nothing_could_be_returned_cost_nothing() -> None:
    monday = DUE + timedelta(days=3)
    holiday = Calendar(frozenset(range(5)), (Closure(monday, monday),))

    assert [fine(monday, one, fine_per_day=20) for one in (ALWAYS, WEEKDAYS, holiday)] == [60, 20, 0]


@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.builds(replace, st.just(TERMS), fine_per_day=st.integers(0, 99), grace_days=st.integers(0, 9)),
    st.none() | st.integers(0, 900),
    st.frozensets(st.integers(0, 6)),
)
def test_being_later_never_costs_less_and_closed_days_never_cost_more(
    first: int, more: int, terms: Terms, most: int | None, weekdays: frozenset[int]
) -> None:
    terms = replace(terms, max_fine=most)
    early, late = DUE + timedelta(days=first), DUE + timedelta(days=first + more)
    calendar = Calendar(weekdays)

    assert overdue_fine(terms, DUE, early, calendar) <= overdue_fine(terms, DUE, late, calendar)
    assert 0 <= overdue_fine(terms, DUE, late, calendar) <= overdue_fine(terms, DUE, late)
    assert most is None or overdue_fine(terms, DUE, late) <= most


def test_what_sip2_numbers_are_all_kinds_of_fees() -> None:
    assert list(KINDS) == list(SIP2_FEE_TYPES)
    assert [f"{n:02d}" for n in range(1, 10)] == list(SIP2_FEE_TYPES.values())


@given(owed())
def test_fines_and_fees_come_to_what_is_owed(fees: list[Fee]) -> None:
    fines, others = fines_and_fees(fees)
    patron = owing(Patron("p1", "adult"), fees)

    assert outstanding(fees) == fines + others == patron.owed
    assert sum(fee.amount - fee.paid for fee in fees if fee.kind == "overdue") == fines


@given(owed(), st.integers(1, 3500))
def test_a_payment_is_shared_out_in_whole_and_the_rest_is_still_owed(fees: list[Fee], amount: int) -> None:
    said = settle(fees, amount)
    before = outstanding(fees)

    if isinstance(said, Refusal):
        assert ("nothing-owed" if before == 0 else "too-much") == said.code
        assert before == 0 or amount > before
    else:
        after = pay(fees, said)

        assert amount == said.amount == sum(share.amount for share in said.shares)
        assert before - amount == outstanding(after)
        assert [replace(fee, paid=0) for fee in fees] == [replace(fee, paid=0) for fee in after]
        assert all(old.paid <= new.paid <= new.amount for old, new in zip(fees, after, strict=True))


@given(owed())
def test_all_that_is_owed_can_be_paid_at_once_and_not_a_cent_more(fees: list[Fee]) -> None:
    all_of_it = outstanding(fees)

    if all_of_it:
        said = settle(fees, all_of_it)
        assert isinstance(said, Payment)
        assert outstanding(pay(fees, said)) == 0
    assert isinstance(settle(fees, all_of_it + 1), Refusal)


@given(owed(), st.integers(1, 3000))
def test_the_oldest_fee_is_paid_before_a_younger_one(fees: list[Fee], amount: int) -> None:
    said = settle(fees, amount)
    if isinstance(said, Payment):
        after = pay(fees, said)
        touched = [new for old, new in zip(fees, after, strict=True) if new.paid > old.paid]
        for fee in touched:
            assert all(other.due == 0 for other in after if other.at < fee.at)


@given(owed(), st.integers(1, 600), st.sampled_from(["f0", "f1", "f5", "f9"]))
def test_a_named_fee_is_paid_alone(fees: list[Fee], amount: int, name: str) -> None:
    said = settle(fees, amount, name)
    named = next((fee for fee in fees if fee.fee == name and fee.due > 0), None)

    if isinstance(said, Payment):
        assert (Share(name, amount),) == said.shares
    elif named is None:
        assert said.code == ("unknown-fee" if outstanding(fees) else "nothing-owed")
    else:
        assert ("too-much", named.due) == (said.code, said.params["owed"])


@given(owed(), st.integers(1, 600), st.sampled_from(KINDS))
def test_a_kind_of_fee_is_paid_alone(fees: list[Fee], amount: int, kind: FeeKind) -> None:
    said = settle(fees, amount, kind=kind)
    of_kind = {fee.fee for fee in fees if fee.kind == kind}

    if isinstance(said, Payment):
        assert {share.fee for share in said.shares} <= of_kind
        assert outstanding(fee for fee in fees if fee.kind == kind) >= amount


@given(owed())
def test_of_a_fee_whose_reason_was_taken_back_nothing_more_is_owed(fees: list[Fee]) -> None:
    after = [struck(fee) for fee in fees]

    assert outstanding(after) == 0
    assert [fee.paid for fee in fees] == [fee.paid for fee in after]


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_paid_with_nothing(amount: int) -> None:
    assert Refusal(code="amount-not-positive", next_step="none") == settle([], amount)


def test_a_share_of_a_fee_that_is_not_there_is_an_error_and_not_lost() -> None:
    fee = Fee("f1", "p1", None, "damage", 100, 60, 1)

    with pytest.raises(ValueError, match="not there"):
        pay([fee], Payment(10, (Share("f2", 10),)))
    with pytest.raises(ValueError, match="larger"):
        pay([fee], Payment(50, (Share("f1", 50),)))


@pytest.mark.parametrize(
    ("block_at", "owes", "blocked"),
    [(None, 10**6, False), ("10", 999, False), ("10", 1000, True), ("0", 0, False), ("0", 1, True)],
)
def test_who_owes_too_much_is_lent_nothing(block_at: str | None, owes: int, blocked: bool) -> None:
    block = fee_block(Policy(fees=FeeSettings(block_at=block_at)), owes)

    assert blocked == (block is not None)
    assert block is None or ("fees", f"{owes // 100}.{owes % 100:02d}") == (block.code, block.params["owed"])
