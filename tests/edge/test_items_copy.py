"""A gate's copy of the items' state against a central that loses, repeats and reorders messages."""

import base64
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from items_kit import Central, GateCopy, settled

from kiosk.items_copy import (
    Copy,
    Forget,
    ItemsView,
    WantChanges,
    WantSnapshot,
    carry_out,
    changes_came,
    connected,
    load,
    signed,
    unpack,
)
from wire.messages.asks import ItemChange, ItemChanges

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
State = Literal["available", "loan", "gone"]
STATES: tuple[State, ...] = ("available", "loan", "gone")


def test_a_new_gate_asks_for_a_snapshot_and_then_has_the_same_as_central() -> None:
    central = Central()
    for h in range(1, 8):
        central.change(h, "available")
    gate = settled(central)

    assert gate.rows() == central.items
    assert gate.copy.n == 7


def test_half_a_snapshot_is_no_copy() -> None:
    central = Central()
    for h in range(1, 8):
        central.change(h, "available")
    gate = GateCopy()
    gate.tick()
    (want,) = gate.wants
    assert isinstance(want, WantSnapshot)
    for page in central.pages(want.ask, "s")[:-1]:
        gate.page(page)

    assert gate.rows() == {}
    assert gate.copy.n is None
    assert not gate.copy.is_fresh(NOW, 3600)


def test_pages_nobody_asked_for_are_left_alone() -> None:
    central = Central()
    central.change(1, "loan")
    gate = settled(central)
    central.change(1, "available")
    for page in central.pages("somebody-else", "s"):
        gate.page(page)

    assert gate.rows() == {1: (1, "loan")}


def test_a_hole_is_asked_for_and_does_not_move_the_number() -> None:
    central = Central()
    central.change(1, "available")
    gate = settled(central)
    central.change(2, "loan")
    gate.mono += 60
    gate.changes(
        ItemChanges(
            central=central.boot, first=3, n=3, at=NOW, changes=(ItemChange(h=f"{3:016x}", v=1, s="loan"),)
        )
    )

    assert gate.copy.n == 1
    assert gate.wants == [WantChanges(1)]
    assert gate.rows()[3] == (1, "loan")


def test_a_change_that_comes_late_does_not_undo_a_newer_one() -> None:
    central = Central()
    central.change(1, "available")
    gate = settled(central)
    late = central.change(1, "loan")
    central.change(1, "available")
    gate.changes(central.changes(1))
    gate.changes(late)

    assert gate.rows() == {1: (3, "available")}


def test_a_long_absence_is_made_up_in_several_replies() -> None:
    central = Central()
    central.change(0, "available")
    gate = settled(central)
    for _ in range(1200):
        central.change(0, "loan")
    gate.wants.clear()
    after = 1
    for _ in range(3):
        gate.changes(
            ItemChanges(
                central=central.boot,
                first=after + 1,
                n=min(after + 500, 1201),
                at=NOW,
                changes=tuple(central.log[after : after + 500]),
            )
        )
        after = gate.copy.n or 0

    assert gate.wants == [WantChanges(501), WantChanges(1001)]
    assert gate.copy.n == 1201


def test_a_central_that_keeps_the_changes_no_more_makes_the_gate_start_anew() -> None:
    central = Central()
    central.change(1, "loan")
    gate = settled(central)
    gate.changes(ItemChanges(central="central-1-anew", first=1, n=0, at=NOW, changes=()))
    forgot = gate.copy.n is None
    gate.settle(central)

    assert forgot
    assert gate.rows() == central.items


def test_an_item_that_left_the_ledger_leaves_the_copy_with_the_next_snapshot() -> None:
    central = Central()
    central.change(1, "available")
    central.change(2, "available")
    gate = settled(central)
    del central.items[2]
    gate.copy = Copy()
    gate.tick()
    gate.settle(central)

    assert gate.rows() == central.items


def test_a_restored_central_with_older_versions_replaces_the_copy() -> None:
    central = Central()
    for _ in range(3):
        central.change(1, "loan")
    gate = settled(central)
    restored = Central("central-2")
    restored.change(1, "available")
    gate.changes(restored.changes(0))
    forgot = gate.copy.n is None
    gate.settle(restored)

    assert forgot
    assert gate.rows() == {1: (1, "available")}


def test_a_central_that_only_restarted_keeps_the_copy() -> None:
    central = Central()
    central.change(1, "loan")
    gate = settled(central)
    central.boot = "central-2"
    gate.changes(central.change(2, "loan"))

    assert gate.copy.n == 2
    assert gate.wants == []


def test_a_copy_grows_old_without_news_and_young_with_any_word_of_central() -> None:
    central = Central()
    central.change(1, "loan")
    gate = settled(central)
    later = NOW + timedelta(hours=2)

    assert gate.copy.is_fresh(NOW, 3600)
    assert not gate.copy.is_fresh(later, 3600)
    assert not gate.copy.is_fresh(NOW - timedelta(hours=1), 3600)

    copy, _ = changes_came(gate.copy, central.changes(1), later, gate.mono, "x")

    assert copy.is_fresh(later, 3600)


def test_a_snapshot_that_stalls_is_asked_for_again() -> None:
    central = Central()
    for h in range(1, 8):
        central.change(h, "available")
    gate = GateCopy()
    gate.tick()
    first = gate.wants.pop()
    assert isinstance(first, WantSnapshot)
    gate.page(central.pages(first.ask, "s1")[0])
    gate.tick(31.0)
    second = gate.wants.pop()

    assert isinstance(second, WantSnapshot)
    assert second.ask != first.ask


def test_a_new_connection_asks_at_once() -> None:
    central = Central()
    central.change(1, "loan")
    gate = settled(central)
    gate.copy = connected(gate.copy)
    gate.tick(0.0)

    assert gate.wants == [WantChanges(1)]


def test_the_copy_outlives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "50% a#1?mode=rwc" / "edge.db"
    file.parent.mkdir()
    db = sqlite3.connect(file)
    db.execute("PRAGMA journal_mode=WAL")
    load(db)
    copy = Copy(5, "central-1", NOW)
    with db:
        db.execute("INSERT INTO items VALUES(?,?,?,?)", (signed(0xF000000000000001), 1, 1, 5))
        carry_out(db, (), copy)
    view = ItemsView(file)
    again = load(sqlite3.connect(file))

    assert (again.n, again.central, again.fresh_at) == (5, "central-1", NOW)
    assert view.state(0xF000000000000001) == "loan"
    assert view.state(7) == "absent"
    view.close()


def test_records_that_are_damaged_are_refused() -> None:
    with pytest.raises(ValueError, match="whole records"):
        unpack(base64.b64encode(b"123").decode())
    with pytest.raises(ValueError, match="base64"):
        unpack("***")


def test_forgetting_empties_the_table() -> None:
    gate = settled_with_one()
    with gate.db:
        carry_out(gate.db, (Forget(),), Copy())

    assert gate.rows() == {}
    assert load(gate.db) == Copy()


def settled_with_one() -> GateCopy:
    central = Central()
    central.change(1, "loan")
    return settled(central)


HISTORY = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(STATES),
        st.sampled_from(["arrives", "lost", "late", "twice"]),
    ),
    max_size=25,
)


@given(before=st.integers(0, 6), history=HISTORY, holes_filled_first=st.booleans())
def test_whatever_is_lost_late_or_doubled_the_copy_ends_equal_and_is_never_ahead_of_what_it_knows(
    before: int, history: list[tuple[int, State, str]], holes_filled_first: bool
) -> None:
    central = Central()
    for h in range(before):
        central.change(h, "available")
    gate = GateCopy()
    gate.tick()
    late: list[ItemChanges] = []
    for h, state, fate in history:
        message = central.change(h, state)
        if fate in ("arrives", "twice"):
            gate.changes(message)
        if fate == "twice":
            gate.changes(message)
        if fate == "late":
            late.append(message)
        if gate.copy.n is not None:
            at_n = {one.h: one.v for one in central.log[: gate.copy.n]}
            have = {f"{h:016x}": v for h, (v, _) in gate.rows().items()}
            assert all(have[h] >= v for h, v in at_n.items())
    if holes_filled_first:
        gate.settle(central)
    for message in reversed(late):
        gate.changes(message)
    gate.settle(central)

    assert gate.rows() == central.items
