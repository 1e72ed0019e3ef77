"""Who may have an item that others wait for, and what becomes of the patron's own hold."""

from holds_kit import BRANCHES, COPY, ITEMS, PATRONS, POLICY, STRICT, TODAY, held, hold
from hypothesis import given
from hypothesis import strategies as st

from circulation.holds import (
    Collected,
    first_waiting,
    kept_for,
    on_checkout,
    on_return,
    queue,
    reopen,
    satisfies,
    wanted_by_others,
)
from circulation.model import Hold, Item, OpenLoan
from wire.messages.stream import Refusal


@given(ITEMS, PATRONS, held())
def test_what_is_kept_for_one_patron_is_lent_to_no_other(item: Item, patron: str, holds: list[Hold]) -> None:
    kept = kept_for(item, holds, TODAY)
    said = on_checkout(POLICY, item, patron, holds, TODAY)

    if kept is not None and kept.patron != patron:
        assert Refusal(code="on-hold-for-another", next_step="put-back") == said
    else:
        assert isinstance(said, Collected)
        assert said.hold is None or (patron, "collected") == (said.hold.patron, said.hold.state)


@given(ITEMS, PATRONS, held())
def test_the_patrons_own_hold_is_over_with_it_and_frees_the_copy_that_was_kept(
    item: Item, patron: str, holds: list[Hold]
) -> None:
    said = on_checkout(POLICY, item, patron, holds, TODAY)
    if isinstance(said, Refusal):
        return
    own = [one for one in queue(holds) if one.patron == patron and satisfies(item, one)]

    assert (said.hold is None) == (own == [])
    if said.hold is not None:
        before = next(one for one in holds if one.hold == said.hold.hold)
        assert before._replace(state="collected", ready_item=item.item, ready_until=None) == said.hold
        assert said.freed == (before.ready_item if before.ready_item != item.item else None)
        assert before.ready_item == item.item or all(one.ready_item != item.item for one in own)


@given(ITEMS, PATRONS, held())
def test_where_the_policy_says_so_who_waits_first_is_first(
    item: Item, patron: str, holds: list[Hold]
) -> None:
    said = on_checkout(STRICT, item, patron, holds, TODAY)
    first = kept_for(item, holds, TODAY) or first_waiting(item, holds, TODAY)

    assert isinstance(said, Refusal) == (first is not None and first.patron != patron)


def test_of_two_own_holds_the_one_is_over_for_which_the_item_was_kept() -> None:
    first, on_its_way = hold(1), hold(2, ready_item="i1")
    said = on_checkout(POLICY, COPY, "p1", [first, on_its_way], TODAY)

    assert Collected(on_its_way._replace(state="collected", ready_item="i1")) == said


def test_who_waits_for_any_copy_may_have_another_one_that_is_free() -> None:
    anyones, this_ones = hold(1, "p2"), hold(2, "p3", "i1")

    for free, copies in ((0, Refusal), (1, Collected)):
        assert isinstance(on_checkout(STRICT, COPY, "p1", [anyones], TODAY, free), copies)
        assert (free == 0) == wanted_by_others(COPY, "p1", [anyones], TODAY, free)
    assert wanted_by_others(COPY, "p1", [anyones, hold(3, "p3")], TODAY, 1)
    assert isinstance(on_checkout(STRICT, COPY, "p1", [anyones, this_ones], TODAY, 5), Refusal)
    assert isinstance(on_checkout(STRICT, COPY, "p1", [hold(1, "p1"), hold(2, "p2")], TODAY, 1), Collected)
    assert isinstance(on_checkout(STRICT, COPY, "p1", [hold(1, "p2"), hold(2, "p1")], TODAY, 1), Collected)
    assert isinstance(on_checkout(STRICT, COPY, "p1", [hold(1, "p2"), hold(2, "p1")], TODAY, 0), Refusal)


@given(ITEMS, PATRONS, held(), st.integers(0, 4))
def test_more_free_copies_never_take_an_item_from_anybody(
    item: Item, patron: str, holds: list[Hold], free: int
) -> None:
    if isinstance(on_checkout(STRICT, item, patron, holds, TODAY, free), Collected):
        assert isinstance(on_checkout(STRICT, item, patron, holds, TODAY, free + 1), Collected)
    if not wanted_by_others(item, patron, holds, TODAY, free):
        assert not wanted_by_others(item, patron, holds, TODAY, free + 1)


def test_an_item_that_came_back_unseen_is_for_who_waits() -> None:
    unseen = COPY._replace(loan=OpenLoan("r1", "p9", TODAY))

    assert isinstance(on_checkout(POLICY, unseen, "p2", [hold(1, "p1")], TODAY), Refusal)
    assert isinstance(on_checkout(POLICY, unseen, "p2", [hold(1, "p1")], TODAY, 1), Refusal)
    assert isinstance(on_checkout(POLICY, unseen, "p1", [hold(1, "p1")], TODAY), Collected)


@given(ITEMS, PATRONS, held())
def test_only_others_make_an_item_wanted(item: Item, patron: str, holds: list[Hold]) -> None:
    mine = [one for one in holds if one.patron == patron]

    assert not wanted_by_others(item, patron, mine, TODAY)
    assert wanted_by_others(item, None, holds, TODAY) == (
        kept_for(item, holds, TODAY) is not None or first_waiting(item, holds, TODAY) is not None
    )


@given(ITEMS, PATRONS, held(), BRANCHES)
def test_after_a_checkout_that_is_taken_back_the_item_is_kept_for_the_same_patron(
    item: Item, patron: str, holds: list[Hold], branch: str
) -> None:
    said = on_checkout(POLICY, item, patron, holds, TODAY)
    if isinstance(said, Refusal) or said.hold is None:
        return
    before = next(one for one in holds if one.hold == said.hold.hold)
    others = [one for one in holds if one != before and one.ready_item != item.item]
    after = reopen(said.hold, others)
    kept = on_return(item, [*others, after], branch, TODAY, POLICY)

    assert before._replace(state="waiting", ready_item=item.item, ready_until=None) == after
    assert kept is not None
    assert (before.hold, before.order) == (kept.hold.hold, kept.hold.order)
    assert after == reopen(after, others)


def test_what_is_kept_for_another_by_now_is_not_taken_from_them() -> None:
    mine = hold(1, state="collected", ready_item="i1")
    theirs = hold(2, "p2", state="ready", ready_item="i1", ready_until=TODAY)

    assert hold(1, ready_item="i1") == reopen(mine, [mine])
    assert hold(1) == reopen(mine, [mine, theirs])
