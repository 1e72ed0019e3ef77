"""Who is next, for whom an item is kept, and who may have it."""

import itertools
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circulation.holds import (
    Collected,
    HoldShelf,
    InTransit,
    expire,
    first_waiting,
    is_open,
    kept_for,
    on_checkout,
    on_return,
    position,
    queue,
    satisfies,
    wanted_by_others,
    whereabouts,
)
from circulation.model import Hold, Item, OpenLoan
from circulation.policy import Policy
from circulation.policy_parts import CalendarSettings, HoldSettings
from wire.messages.stream import Refusal

TODAY = date(2026, 3, 2)
POLICY = Policy()
STRICT = Policy(holds=HoldSettings(block_waiting=True))
COPY = Item("i1", "book", "main", title="t1")
OTHER = Item("i2", "book", "main", title="t1")
COPIES = (COPY, OTHER)


def hold(number: int, patron: str = "p1", item: str | None = None, **more: object) -> Hold:
    made = Hold(f"h{number}", patron, item, "t1", "main", placed=number, order=number)
    return replace(made, **more)  # type: ignore[arg-type]  # a test's own fields


@st.composite
def held(draw: st.DrawFn) -> list[Hold]:
    """Holds on a title of two copies such as a desk keeps: a copy is kept for one of them at most."""
    made: list[Hold] = []
    free = ["i1", "i2"]
    for number in range(draw(st.integers(0, 6))):
        wanted = draw(st.sampled_from([None, "i1", "i2"]))
        state = draw(
            st.sampled_from(["waiting", "waiting", "ready", "sent", "collected", "cancelled", "expired"])
        )
        one = hold(
            number,
            draw(st.sampled_from(["p1", "p2", "p3"])),
            wanted,
            pickup=draw(st.sampled_from(["main", "north"])),
            order=draw(st.integers(0, 3)),
            expires=draw(st.none() | days()),
        )
        fitting = [item for item in free if wanted in (None, item)]
        if state in ("ready", "sent") and fitting:
            free.remove(fitting[0])
            until = draw(days()) if state == "ready" else None
            state = "ready" if state == "ready" else "waiting"
            one = replace(one, state=state, ready_item=fitting[0], ready_until=until)
        elif state not in ("ready", "sent"):
            one = replace(one, state=state)
        made.append(one)
    return draw(st.permutations(made))


def days() -> st.SearchStrategy[date]:
    return st.integers(-3, 3).map(lambda n: TODAY + timedelta(days=n))


ITEMS = st.sampled_from(COPIES)
BRANCHES = st.sampled_from(["main", "north"])
PATRONS = st.sampled_from(["p1", "p2", "p3"])


# --- the queue


@given(held())
def test_ready_holds_come_first_then_the_order_in_which_they_were_placed(holds: list[Hold]) -> None:
    waiting = queue(holds)

    assert {one.hold for one in holds if is_open(one)} == {one.hold for one in waiting}
    for earlier, later in itertools.pairwise(waiting):
        assert (earlier.state == "ready", -earlier.order) >= (later.state == "ready", -later.order)


@given(held())
def test_positions_on_any_copy_of_a_title_are_counted_from_one(holds: list[Hold]) -> None:
    title_holds = [one for one in queue(holds) if one.item is None]

    for before, after in itertools.pairwise(title_holds):
        assert position(holds, before.hold) < position(holds, after.hold)
    assert all(1 <= position(holds, one.hold) <= len(queue(holds)) for one in queue(holds))
    assert all(position(holds, one.hold) == 0 for one in holds if not is_open(one))


def test_holds_on_two_copies_do_not_stand_in_each_others_way() -> None:
    holds = [hold(1, "p1", "i1"), hold(2, "p2", "i2"), hold(3, "p3")]

    assert [position(holds, one.hold) for one in holds] == [1, 1, 3]


def test_an_item_without_title_is_wanted_by_who_asked_for_it_alone() -> None:
    bare = replace(COPY, title=None)

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
    assert on_return(replace(COPY, gone=True), [hold(1)], "main", TODAY, POLICY) is None


# --- checkouts


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
        assert item.item == said.hold.ready_item
        assert said.freed == (before.ready_item if before.ready_item != item.item else None)
        assert before.ready_item == item.item or all(one.ready_item != item.item for one in own)


@given(ITEMS, PATRONS, held())
def test_where_the_policy_says_so_who_waits_first_is_first(
    item: Item, patron: str, holds: list[Hold]
) -> None:
    said = on_checkout(STRICT, item, patron, holds, TODAY)
    first = kept_for(item, holds, TODAY) or first_waiting(item, holds, TODAY)

    assert isinstance(said, Refusal) == (first is not None and first.patron != patron)


def test_who_waits_for_any_copy_may_have_another_one_that_is_free() -> None:
    anyones, this_ones = hold(1, "p2"), hold(2, "p3", "i1")

    for free, copies in ((0, Refusal), (1, Collected)):
        assert isinstance(on_checkout(STRICT, COPY, "p1", [anyones], TODAY, free), copies)
        assert (free == 0) == wanted_by_others(COPY, "p1", [anyones], TODAY, free)
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
    unseen = replace(COPY, loan=OpenLoan("r1", "p9", TODAY))

    assert isinstance(on_checkout(POLICY, unseen, "p2", [hold(1, "p1")], TODAY), Refusal)
    assert isinstance(on_checkout(POLICY, unseen, "p1", [hold(1, "p1")], TODAY), Collected)


@given(ITEMS, PATRONS, held())
def test_only_others_make_an_item_wanted(item: Item, patron: str, holds: list[Hold]) -> None:
    mine = [one for one in holds if one.patron == patron]

    assert not wanted_by_others(item, patron, mine, TODAY)
    assert wanted_by_others(item, None, holds, TODAY) == (
        kept_for(item, holds, TODAY) is not None or first_waiting(item, holds, TODAY) is not None
    )


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
        (replace(COPY, loan=OpenLoan("r", "p", TODAY)), [hold(1)], "on-loan"),
        (replace(COPY, gone=True), [hold(1)], "gone"),
    ],
)
def test_a_catalogue_knows_where_an_item_is(item: Item, holds: list[Hold], expected: str) -> None:
    assert expected == whereabouts(item, holds, TODAY)
