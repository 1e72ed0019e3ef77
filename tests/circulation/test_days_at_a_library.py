"""Any days at a library with holds and fees: what was true without them stays true.

Whatever its patrons do: an item is on one card at most, a refusal changes nothing, the same days come to the
same end, an item is kept for one hold at most and lent to nobody else, and every cent that was charged is paid
or owed.
"""

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from library_kit import BRANCHES, PATRONS, TITLES, Days, Doing, Library

from circulation.fees import outstanding
from circulation.history import fold
from circulation.holds import first_waiting, is_open, kept_for
from circulation.policy import Defaults, Policy
from circulation.policy_parts import CalendarSettings, FeeSettings, HoldSettings

POLICIES = st.builds(
    Policy,
    defaults=st.builds(
        Defaults,
        loan_days=st.just(3),
        limit=st.sampled_from([1, 3]),
        renewals=st.just(2),
        overdue_limit=st.sampled_from([None, 1]),
    ),
    on_loan_elsewhere=st.sampled_from(["implied-return", "refuse"]),
    calendar=st.sampled_from(
        [CalendarSettings(), CalendarSettings(weekdays=("mon", "thu"), due_on_open_days=True)]
    ),
    fees=st.builds(
        FeeSettings,
        fine_per_day=st.just("0.50"),
        rental_fee=st.sampled_from(["0", "1"]),
        block_at=st.sampled_from([None, "2"]),
    ),
    holds=st.builds(
        HoldSettings, limit=st.sampled_from([1, 3]), ready_days=st.just(2), block_waiting=st.booleans()
    ),
)

# At least a dozen: by themselves lists are of five, and five doings seldom meet on a shelf.
DOINGS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("lend", "lend", "renew", "return", "return", "happened", "withdraw"),
                *("place", "place-title", "cancel", "pay", "wait"),
            ]
        ),
        st.sampled_from(PATRONS),
        st.sampled_from(list(TITLES)),
        st.sampled_from(BRANCHES),
        st.integers(0, 4),
    ),
    min_size=12,
    max_size=60,
)


def check(policy: Policy, before: Library, after: Library, what: str) -> None:
    if after.refused > before.refused:
        assert replace(after, refused=before.refused) == before
    for item in TITLES:
        folded = fold(event for of, event in after.events if of == item)
        open_loans = [loan for of, loan in after.loans if of == item]
        assert ([] if folded.state.loan is None else [folded.state.loan]) == [
            loan.request for loan in open_loans
        ]
        kept = kept_for(after.item(item), before.holds, after.today)
        had = dict(before.loans).get(item)
        if what == "lend" and before.loans != after.loans and kept is not None:
            lent = [loan for loan in open_loans if loan not in dict(before.loans).values()]
            had_it = None if had is None else had.patron
            assert all(loan.patron in (kept.patron, had_it) for loan in lent)
        was_kept = kept_for(before.item(item), before.holds, before.today) is not None
        if was_kept and not open_loans and kept_for(after.item(item), after.holds, after.today) is None:
            assert first_waiting(after.item(item), after.holds, after.today) is None
    caught = [hold.ready_item for hold in after.holds if is_open(hold) and hold.ready_item is not None]
    assert len(caught) == len(set(caught))
    was = {hold.hold: hold for hold in before.holds}
    for hold in after.holds:
        assert hold.state != "ready" or None not in (hold.ready_item, hold.ready_until)
        assert is_open(was.get(hold.hold, hold)) or was[hold.hold] == hold or what == "withdraw"
    assert after.charged == after.paid + outstanding(after.fees)
    assert all(0 <= fee.paid <= fee.amount for fee in after.fees)
    for patron in PATRONS:
        had, has = (sum(one.patron == patron and is_open(one) for one in of.holds) for of in (before, after))
        assert has <= max(policy.holds.limit, had) or what == "withdraw"


@settings(max_examples=200, deadline=None)
@given(POLICIES, DOINGS)
def test_any_days_with_holds_and_fees_break_no_rule(policy: Policy, doings: list[Doing]) -> None:
    Days(policy, random.Random(1), check).play(doings)


@settings(max_examples=60, deadline=None)
@given(POLICIES, DOINGS, st.integers(2, 9))
def test_the_same_days_come_to_the_same_end(policy: Policy, doings: list[Doing], seed: int) -> None:
    """Also when all that is kept is looked at in another order."""
    assert Days(policy, random.Random(1), check).play(doings) == Days(
        policy, random.Random(seed), check
    ).play(doings)


NOTHING_SET = Policy(defaults=Defaults(loan_days=3, limit=3))
LENDING = DOINGS.map(lambda doings: [one for one in doings if one[0] in ("lend", "renew", "return", "wait")])


@settings(max_examples=60, deadline=None)
@given(LENDING)
def test_where_nobody_waits_and_nothing_is_set_lending_is_as_it_was(doings: list[Doing]) -> None:
    library = Days(NOTHING_SET, random.Random(1), check).play(doings)

    assert (library.holds, library.fees) == ((), ())
