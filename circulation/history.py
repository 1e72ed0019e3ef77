"""What an item's history comes to (streams.md L6): fold, do not patch.

Facts of several stations arrive in any order. So an item's state is worked out from its events in the
order in which they *happened*: a loan that is not withdrawn ends at the earliest later event, another
loan or a return; otherwise it is open. A withdrawn request is as if it had never been, but for what it
did to the tag. Late returns, late loans, implied ends and withdrawals thus come to one result.

`fold` is `step` over the sorted events; so whoever keeps the last `ItemState` may step on from it when
an event is later than all others, and folds anew when it is not. At most one loan is open by shape:
`ItemState` has room for one.

`trouble` names why a person must look: no path ends with a loan and a secured tag, or a return and an
unsecured one, without it.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple, assert_never

Tag = Literal["secured", "unsecured", "unknown"]
"""What is believed of the item's tag, from the latest report."""

Trouble = Literal["tag-unknown", "returned-unsecured", "unsecured-not-lent", "withdrawn-after-written"]


class Lent(NamedTuple):
    """A loan was granted, or happened, at `at` (ms). `id` is its request."""

    id: str
    at: int
    withdrawn: bool = False
    tag: Literal["written", "unknown", "told"] | None = None
    """`told`: a terminal was told to unlock it. It reports no read-back, but undoes what it could not."""
    contested: bool = False
    """It was withdrawn after its tag was written: the loan stays, with a case (L8)."""


class Returned(NamedTuple):
    """The item came back at `at` (ms). `secured` is None until the station reports on the tag."""

    id: str
    at: int
    secured: Literal["verified", "failed", "unknown", "told", "undone"] | None = None
    """`told`: a terminal was told to secure it. `undone`: it could not, and the return was taken back."""


ItemEvent = Lent | Returned


class ItemState(NamedTuple):
    """What the history so far comes to."""

    loan: str | None = None
    """Request of the open loan."""
    last_at: int = 0
    last_id: str = ""
    tag: Tag = "secured"
    trouble: Trouble | None = None

    def before(self, at: int, event_id: str) -> bool:
        """Say whether an event would be later than all there are."""
        return (self.last_at, self.last_id) < (at, event_id)


class Folded(NamedTuple):
    """The state, and when each loan that ended did so."""

    state: ItemState
    ends: dict[str, int]


def order(event: ItemEvent) -> tuple[int, str]:
    """Return the sort key of an event: when it happened; the id breaks ties the same way everywhere."""
    return event.at, event.id


def fold(events: Iterable[ItemEvent]) -> Folded:
    """Work out an item's state from its events, given in any order."""
    state = ItemState()
    ends: dict[str, int] = {}
    for event in sorted(events, key=order):
        following = step(state, event)
        if state.loan is not None and following.loan != state.loan:
            ends[state.loan] = event.at
        state = following
    return Folded(state, ends)


def step(state: ItemState, event: ItemEvent) -> ItemState:
    """Return the state after an event that is later than all before."""
    match event:
        case Lent(withdrawn=True):
            return _withdrawn(state, event)
        case Lent():
            began = ItemState(event.id, event.at, event.id, state.tag)
            return began if event.tag is None else written(began, event.tag, contested=event.contested)
        case Returned():
            if event.secured == "undone":
                return state
            came = ItemState(None, event.at, event.id, state.tag)
            return came if event.secured is None else secured(came, event.secured)
        case _:
            assert_never(event)


def written(
    state: ItemState, tag: Literal["written", "unknown", "told"], *, contested: bool = False
) -> ItemState:
    """Return the state after a report on the tag of the open loan, if that is the latest event."""
    if tag == "unknown":
        return state._replace(tag="unknown", trouble="tag-unknown")
    return state._replace(tag="unsecured", trouble="withdrawn-after-written" if contested else None)


def secured(state: ItemState, outcome: Literal["verified", "failed", "unknown", "told"]) -> ItemState:
    """Return the state after a report on the tag of the return, if that is the latest event."""
    match outcome:
        case "verified" | "told":
            return state._replace(tag="secured", trouble=None)
        case "failed":
            return state._replace(tag="unsecured", trouble="returned-unsecured")
        case "unknown":
            return state._replace(tag="unknown", trouble="returned-unsecured")
        case _:
            assert_never(outcome)


def _withdrawn(state: ItemState, event: Lent) -> ItemState:
    """A withdrawn request never was. But if its tag was touched the item lay on that pad then.

    So a tag report counts as the latest event, and as trouble for an item that is on no loan.
    """
    if event.tag is None or event.tag == "told":  # undone because it could not be unlocked
        return state
    state = state._replace(last_at=event.at, last_id=event.id)
    if state.loan is not None:
        return state
    if event.tag == "written":
        return state._replace(tag="unsecured", trouble="unsecured-not-lent")
    return state._replace(tag="unknown", trouble="tag-unknown")
