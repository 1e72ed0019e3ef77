"""Placing a hold, giving it back, changing it: granted, or refused with a reason."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circulation.hold_requests import (
    AskedHold,
    Cancelled,
    Changed,
    Placed,
    decide_cancel,
    decide_change,
    decide_place,
    own_hold,
)
from circulation.holds import queue
from circulation.model import Block, Hold, Item, OpenLoan, Patron, Place
from circulation.policy import Defaults, Policy, Rule
from circulation.policy_parts import FeeSettings, HoldSettings
from wire.messages.stream import Refusal

AT = int(datetime(2026, 3, 2, 10, 0, tzinfo=UTC).timestamp() * 1000)
TODAY = date(2026, 3, 2)
YESTERDAY = date(2026, 3, 1)
HERE = Place("main", "Europe/Copenhagen")
POLICY = Policy(
    defaults=Defaults(overdue_limit=2),
    rules=(Rule(item="film", holdable=False), Rule(item="reference", for_loan=False)),
    fees=FeeSettings(block_at="10"),
    holds=HoldSettings(limit=3, pickup=("main", "north")),
)
ANNA = Patron("p1", "adult")
COPY = Item("i1", "book", "main", title="t1")
OTHER = Item("i2", "book", "main", title="t1")
OUT = COPY._replace(loan=OpenLoan("r1", "p9", TODAY))
MINE = Hold("h1", "p1", "i1", "t1", "main", placed=1, order=1)
THEIRS = Hold("h2", "p2", None, "t1", "main", placed=2, order=2)


def ask(patron: Patron | None = ANNA, *copies: Item, **more: object) -> AskedHold:
    made = AskedHold("h9", 9, patron, copies or (COPY,), "main", HERE)
    return replace(made, **more)  # type: ignore[arg-type]  # a test's own fields


def place(asked: AskedHold, policy: Policy = POLICY) -> Placed | Refusal:
    return decide_place(policy, asked, AT)


def code(said: object) -> str:
    assert isinstance(said, Refusal)
    return said.code


@pytest.mark.parametrize(
    ("expected", "asked"),
    [
        ("unknown-card", ask(None)),
        ("card-expired", ask(ANNA._replace(expires=YESTERDAY))),
        ("card-blocked", ask(ANNA._replace(blocks=(Block("card-blocked"),)))),
        ("too-many-overdue", ask(ANNA._replace(overdue=2))),
        ("fees", ask(ANNA._replace(fines=400, fees=600))),
        ("item-unknown", ask(copies=())),
        ("item-unknown", ask(any_copy=True)),
        ("not-holdable", ask(ANNA, Item("i", "film", "main"))),
        ("not-holdable", ask(ANNA, Item("i", "reference", "main"))),
        ("not-holdable", ask(ANNA, COPY._replace(gone=True))),
        ("expiry-past", ask(expires=YESTERDAY)),
        ("no-pickup-there", ask(pickup="south")),
        ("already-on-loan-to-you", ask(ANNA, OUT._replace(loan=OpenLoan("r", "p1", TODAY)))),
        ("already-held", ask(holds=(MINE,))),
        ("already-held", ask(ANNA, COPY, OTHER, title="t1", any_copy=True, holds=(MINE,))),
        ("already-held", ask(ANNA, OTHER, holds=(MINE._replace(item=None),))),
        ("hold-limit-reached", ask(ANNA._replace(holds=3))),
    ],
)
def test_a_refusal_to_wait_says_why(expected: str, asked: AskedHold) -> None:
    assert expected == code(place(asked))


def test_a_patron_waits_for_one_copy() -> None:
    said = place(ask(ANNA, OUT, expires=TODAY, holds=(THEIRS,)))

    assert isinstance(said, Placed)
    assert Hold("h9", "p1", "i1", "t1", "main", AT, TODAY, order=9) == said.hold
    assert (said.position, said.available) == (2, False)


def test_or_for_any_copy_of_a_title() -> None:
    said = place(ask(ANNA, OUT, OTHER, title="t1", any_copy=True))

    assert isinstance(said, Placed)
    assert (said.hold.item, said.hold.title) == (None, "t1")
    assert (said.position, said.available) == (1, True)


def test_a_copy_on_the_shelf_that_somebody_waits_for_is_not_available() -> None:
    said = place(ask(ANNA, OUT, OTHER, title="t1", any_copy=True, holds=(THEIRS,)))

    assert isinstance(said, Placed)
    assert not said.available


def test_one_copy_that_can_be_waited_for_is_enough() -> None:
    film = Item("i9", "film", "main", title="t1")

    assert isinstance(place(ask(ANNA, film, OUT, title="t1", any_copy=True)), Placed)


def test_holds_on_two_copies_of_a_title_are_two_holds() -> None:
    assert isinstance(place(ask(ANNA, OTHER, holds=(MINE,))), Placed)


def test_a_hold_that_is_over_is_no_reason_not_to_wait_again() -> None:
    assert isinstance(place(ask(holds=(MINE._replace(state="collected"),))), Placed)


@given(st.lists(st.sampled_from(["p1", "p2", "p3"]), max_size=8), st.integers(0, 4))
def test_nobody_is_placed_before_who_waits_already(patrons: list[str], limit: int) -> None:
    """Whoever asks, each new hold is last, nobody has two of one kind, and a refusal changes nothing."""
    policy = Policy(holds=HoldSettings(limit=limit))
    holds: tuple[Hold, ...] = ()
    for number, patron in enumerate(patrons):
        having = sum(one.patron == patron for one in holds)
        said = place(
            ask(
                ANNA._replace(patron=patron, holds=having), OUT, hold=f"h{number}", order=number, holds=holds
            ),
            policy,
        )
        if isinstance(said, Placed):
            holds = (*holds, said.hold)
            assert said.position == len(holds)
        else:
            assert said.code == ("already-held" if having else "hold-limit-reached")
        assert [one.hold for one in holds] == [one.hold for one in queue(holds)]
        assert len({one.patron for one in holds}) == len(holds)


@pytest.mark.parametrize(
    ("expected", "item", "title"),
    [
        ("h1", COPY, None),
        ("h4", OTHER, None),
        ("h3", Item("i3", "book", "main", title="t1"), None),
        ("h3", None, "t1"),
        (None, Item("i4", "book", "main", title="t2"), None),
        (None, Item("i4", "book", "main"), None),
        (None, None, "t2"),
        (None, None, None),
    ],
)
def test_a_hold_is_named_by_a_copy_or_by_its_title(
    expected: str | None, item: Item | None, title: str | None
) -> None:
    any_copy = MINE._replace(hold="h3", item=None)
    kept = MINE._replace(hold="h4", item=None, title="t9", ready_item="i2", order=7)
    over = MINE._replace(hold="h5", state="collected", order=0)
    found = own_hold([THEIRS, over, any_copy, kept, MINE._replace(order=5)], "p1", item, title)

    assert expected == (None if found is None else found.hold)


READY = MINE._replace(state="ready", ready_item="i1", ready_until=TODAY)


def test_a_hold_that_is_given_back_frees_what_was_kept_for_it() -> None:
    assert Cancelled(MINE._replace(state="cancelled")) == decide_cancel(ANNA, MINE)
    assert Cancelled(MINE._replace(state="cancelled"), "i1") == decide_cancel(ANNA, READY)


def test_who_is_blocked_may_give_a_hold_back() -> None:
    blocked = ANNA._replace(blocks=(Block("card-blocked"),), fines=10**6)

    assert isinstance(decide_cancel(blocked, MINE), Cancelled)


@pytest.mark.parametrize(
    ("expected", "patron", "hold"),
    [
        ("unknown-card", None, MINE),
        ("hold-unknown", ANNA, None),
        ("hold-unknown", ANNA, THEIRS),
        ("hold-over", ANNA, MINE._replace(state="collected")),
        ("hold-over", ANNA, MINE._replace(state="cancelled")),
        ("hold-over", ANNA, MINE._replace(state="expired")),
    ],
)
def test_only_ones_own_hold_that_is_not_over_is_given_back_or_changed(
    expected: str, patron: Patron | None, hold: Hold | None
) -> None:
    assert expected == code(decide_cancel(patron, hold))
    assert expected == code(decide_change(POLICY, patron, hold, TODAY, pickup="north"))


def test_a_hold_is_collected_elsewhere_or_wanted_until_another_day() -> None:
    later = TODAY + timedelta(days=5)

    assert Changed(MINE._replace(pickup="north")) == decide_change(POLICY, ANNA, MINE, TODAY, pickup="north")
    assert Changed(MINE._replace(expires=later)) == decide_change(POLICY, ANNA, MINE, TODAY, expires=later)
    assert Changed(MINE) == decide_change(POLICY, ANNA, MINE, TODAY)


def test_what_is_kept_already_stays_where_it_is() -> None:
    sent = MINE._replace(ready_item="i1")

    assert code(decide_change(POLICY, ANNA, READY, TODAY, pickup="north")) == "hold-ready"
    assert code(decide_change(POLICY, ANNA, sent, TODAY, pickup="north")) == "hold-ready"
    assert Changed(READY) == decide_change(POLICY, ANNA, READY, TODAY, pickup="main")


def test_a_hold_cannot_be_wanted_until_yesterday_or_collected_where_nobody_can() -> None:
    assert code(decide_change(POLICY, ANNA, MINE, TODAY, expires=YESTERDAY)) == "expiry-past"
    assert code(decide_change(POLICY, ANNA, MINE, TODAY, pickup="south")) == "no-pickup-there"
