"""Presence: what lies on a pad follows from full inventories alone."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.presence import Presence, forget, see

snapshots = st.lists(st.frozensets(st.sampled_from("abcd")), max_size=40)


def test_an_item_counts_when_it_was_seen_twice_and_is_gone_when_it_was_missed_three_times() -> None:
    state = Presence()
    told = []
    for field in ("a", "a", "", "a", "", "", ""):
        state, moves = see(state, frozenset(field))
        told.append((moves.placed, moves.removed))

    assert told == [((), ()), (("a",), ()), ((), ()), ((), ()), ((), ()), ((), ()), ((), ("a",))]


def test_a_hand_that_passes_once_is_not_an_item() -> None:
    state, _ = see(Presence(), frozenset("a"))
    state, _ = see(state, frozenset())
    state, moves = see(state, frozenset("a"))

    assert moves.placed == ()


@given(snapshots)
def test_placed_and_removed_alternate_for_every_item(fields: list[frozenset[str]]) -> None:
    state = Presence()
    lying: set[str] = set()
    for field in fields:
        state, moves = see(state, field)
        assert lying.isdisjoint(moves.placed)
        assert lying.issuperset(moves.removed)
        lying = (lying | set(moves.placed)) - set(moves.removed)

        assert lying == state.placed


@given(snapshots, st.frozensets(st.sampled_from("abcd")))
def test_a_quiet_field_is_known_exactly_after_a_few_snapshots(
    fields: list[frozenset[str]], last: frozenset[str]
) -> None:
    state = Presence()
    for field in [*fields, last, last, last]:
        state, _ = see(state, field)

    assert last == state.placed


@given(snapshots)
def test_a_lost_pad_takes_everything_away_once(fields: list[frozenset[str]]) -> None:
    state = Presence()
    for field in fields:
        state, _ = see(state, field)

    after, moves = forget(state)

    assert sorted(state.placed) == list(moves.removed)
    assert after == Presence()
