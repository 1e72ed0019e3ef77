"""Snapshots of a pad -> items placed and removed. A pure step.

A radio field flickers: a tag is missed now and then, a hand passes. So a tag counts as placed when it was
seen in `confirm` snapshots in a row, and as removed when it was missed in `absent` snapshots in a row.
The step is never edge-triggered: its input is always the full inventory, so that a lost snapshot, or a
pad that comes back after an hour, puts everything right by itself.
"""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Presence:
    """What lies on a pad, and what is about to come or go."""

    confirm: int = 2
    """Snapshots in a row before a tag is placed."""
    absent: int = 3
    """Snapshots in a row without a tag before it is removed."""
    placed: frozenset[str] = frozenset()
    coming: dict[str, int] = field(default_factory=dict)
    going: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moves:
    """What changed with one snapshot, in a stable order."""

    placed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def see(state: Presence, uids: frozenset[str]) -> tuple[Presence, Moves]:
    """Take one full inventory into account; return the new state and what changed."""
    if uids == state.placed and not state.coming and not state.going:
        return state, Moves()
    coming = {uid: state.coming.get(uid, 0) + 1 for uid in uids - state.placed}
    going = {uid: state.going.get(uid, 0) + 1 for uid in state.placed - uids}
    placed = {uid for uid, times in coming.items() if times >= state.confirm}
    removed = {uid for uid, times in going.items() if times >= state.absent}
    after = replace(
        state,
        placed=(state.placed | placed) - removed,
        coming={uid: times for uid, times in coming.items() if uid not in placed},
        going={uid: times for uid, times in going.items() if uid not in removed},
    )
    return after, Moves(tuple(sorted(placed)), tuple(sorted(removed)))


def forget(state: Presence) -> tuple[Presence, Moves]:
    """The pad is gone: nothing is known to lie on it any more."""
    return Presence(state.confirm, state.absent), Moves(removed=tuple(sorted(state.placed)))
