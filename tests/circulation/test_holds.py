"""Who is next, for whom an item is kept, and when a hold is over."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from holds_kit import BRANCHES, COPIES, COPY, ITEMS, OTHER, POLICY, TODAY, held, hold
from hypothesis import given
from hypothesis import strategies as st

from circulation.holds import (
    HoldShelf,
    InTransit,
    expire,
    first_waiting,
    is_open,
    kept_for,
    on_return,
    position,
    queue,
    satisfies,
    whereabouts,
)
from circulation.model import Hold, Item, OpenLoan
from circulation.policy import Policy
from circulation.policy_parts import CalendarSettings

# --- the queue


@given(held())
def test_ready_holds_come_first_then_the_order_in_which_they_were_placed(holds: list[Hold]) -> None:
    waiting = queue(holds)

    assert {one.hold for one in holds if is_open(one)} == {one.hold for one in waiting}
    for earlier, later in pairwise(waiting):
        assert (earlier.state == "ready", -earlier.order) >= (later.state == "ready", -later.order)


@given(held())
def test_positions_on_any_copy_of_a_title_are_counted_from_one(holds: list[Hold]) -> None:
    title_holds = [one for one in queue(holds) if one.item is None]

    for before, after in pairwise(title_holds):
        assert position(holds, before.hold) < position(holds, after.hold)
    assert all(1 <= position(holds, one.hold) <= len(queue(holds)) for one in queue(holds))
    assert all(position(holds, one.hold) == 0 for one in holds if not is_open(one))


def test_holds_on_two_copies_do_not_stand_in_each_others_way() -> None:
    holds = [hold(1, "p1", "i1"), hold(2, "p2", "i2"), hold(3, "p3")]

    assert [position(holds, one.hold) for one in holds] == [1, 1, 3]


def test_an_item_without_title_is_wanted_by_who_asked_for_it_alone() -> None:
    bare = COPY._replace(title=None)

    assert satisfies(bare, hold(1, item="i1"))
    assert not satisfies(bare, hold(1))
    assert not satisfies(bare, hold(1, title=None))


# --- what comes back


@given(ITEMS, held(), BRANCHES)
def test_what_comes_back_is_kept_for_the_next_who_still_wants_it(
    item: Item, holds: list[Hold], branch: str
) -> None:
    said = on_return(item, holds, branch, TODAY, POLICY)
    waiting = [
        one
        for one in queue(holds)
        if satisfies(item, one) and one.ready_item is None and (one.expires is None or one.expires >= TODAY)
    ]
    kept = kept_for(item, holds, TODAY)

    if said is None:
        assert waiting == []
        assert kept is None
        return
    assert said.hold.hold == (kept or waiting[0]).hold
    assert said.hold.ready_item == item.item
    if isinstance(said, HoldShelf):
        assert (branch, "ready", said.ready_until) == (
            said.hold.pickup,
            said.hold.state,
            said.hold.ready_until,
        )
        assert said.ready_until >= TODAY
    else:
        assert (said.to, "waiting", None) == (said.hold.pickup, said.hold.state, said.hold.ready_until)
        assert said.to != branch


@given(ITEMS, held(), BRANCHES)
def test_a_return_that_is_told_twice_comes_to_the_same(item: Item, holds: list[Hold], branch: str) -> None:
    said = on_return(item, holds, branch, TODAY, POLICY)
    if said is not None:
        after = [said.hold if one.hold == said.hold.hold else one for one in holds]

        assert said == on_return(item, after, branch, TODAY, POLICY)


@given(held(), st.lists(st.tuples(ITEMS, BRANCHES), max_size=6))
def test_no_item_is_kept_for_two_and_nobody_is_kept_two(
    holds: list[Hold], returns: list[tuple[Item, str]]
) -> None:
    ended = expire(holds, TODAY)
    now = {one.hold: one for one in (*holds, *ended.holds)}
    for item, branch in returns:
        said = on_return(item, now.values(), branch, TODAY, POLICY)
        if said is not None:
            now[said.hold.hold] = said.hold
        kept = [one.ready_item for one in now.values() if is_open(one) and one.ready_item]

        assert len(kept) == len(set(kept))
        assert all(one.ready_item for one in now.values() if one.state == "ready")


def test_a_hold_to_be_collected_elsewhere_is_sent_there_and_kept_from_its_arrival() -> None:
    there = hold(1, pickup="north")
    sent = on_return(COPY, [there], "main", TODAY, POLICY)
    assert isinstance(sent, InTransit)
    arrived = on_return(COPY, [sent.hold], "north", TODAY + timedelta(days=2), POLICY)

    assert (sent.to, whereabouts(COPY, [sent.hold], TODAY)) == ("north", "in-transit")
    assert isinstance(arrived, HoldShelf)
    assert TODAY + timedelta(days=9) == arrived.ready_until


def test_the_last_day_on_the_hold_shelf_is_an_open_one() -> None:
    policy = Policy(calendar=CalendarSettings(closed=("2026-03-09/2026-03-15",)))
    said = on_return(COPY, [hold(1)], "main", TODAY, policy)

    assert isinstance(said, HoldShelf)
    assert date(2026, 3, 16) == said.ready_until


def test_an_item_that_left_the_collection_is_kept_for_nobody() -> None:
    assert on_return(COPY._replace(gone=True), [hold(1)], "main", TODAY, POLICY) is None


# --- the end of a hold


@given(held())
def test_what_expires_is_over_for_good_and_frees_what_was_kept(holds: list[Hold]) -> None:
    ended = expire(holds, TODAY)
    after = {one.hold: one for one in (*holds, *ended.holds)}

    assert expire(after.values(), TODAY).holds == ()
    assert [one.ready_item for one in ended.holds if one.ready_item] == list(ended.freed)
    assert len(ended.freed) == len(set(ended.freed))
    for one in ended.holds:
        assert one.state == "expired"
        last = one.ready_until if one.ready_item else one.expires
        assert last is not None
        assert last < TODAY
    for item in COPIES:
        if item.item in ended.freed:
            assert kept_for(item, after.values(), TODAY) is None


@given(ITEMS, held())
def test_a_hold_that_is_over_stands_in_nobodys_way(item: Item, holds: list[Hold]) -> None:
    """Whether or not `expire` has run: the decision is the same."""
    ended = expire(holds, TODAY)
    after = list({one.hold: one for one in (*holds, *ended.holds)}.values())

    assert kept_for(item, holds, TODAY) == kept_for(item, after, TODAY)
    assert first_waiting(item, holds, TODAY) == first_waiting(item, after, TODAY)


@pytest.mark.parametrize(
    ("item", "holds", "expected"),
    [
        (COPY, [], "available"),
        (COPY, [hold(1)], "available"),
        (COPY, [hold(1, state="ready", ready_item="i1", ready_until=TODAY)], "hold-shelf"),
        (OTHER, [hold(1, state="ready", ready_item="i1", ready_until=TODAY)], "available"),
        (COPY, [hold(1, state="ready", ready_item="i1", ready_until=date(2026, 3, 1))], "available"),
        (COPY, [hold(1, ready_item="i1", expires=date(2026, 3, 1))], "in-transit"),
        (COPY._replace(loan=OpenLoan("r", "p", TODAY)), [hold(1)], "on-loan"),
        (COPY._replace(gone=True), [hold(1)], "gone"),
    ],
)
def test_a_catalogue_knows_where_an_item_is(item: Item, holds: list[Hold], expected: str) -> None:
    assert expected == whereabouts(item, holds, TODAY)
