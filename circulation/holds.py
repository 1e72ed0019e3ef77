"""Holds: who waits for what, who is next, and for whom an item is kept.

A hold asks for one copy, or for any copy of a title. Holds are served in the order of their numbers. When an
item comes back, the first hold that it can satisfy catches it (`ready_item`): at the pickup branch the hold
is ready, elsewhere the item travels there first. A caught item is kept for its hold until the patron has
collected it, or the hold ends; then whoever freed it asks `on_return` anew. So no item is caught by two
holds, and no hold catches two items, as long as `expire` comes before `on_return` on each new day.

All of these take the open holds of an item and of its title, in any order, and give changed ones back.
Nothing here knows who keeps them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile
from typing import Final, Literal, NamedTuple

from circulation.model import Hold, HoldState, Item
from circulation.policy import Policy
from wire.messages.stream import Refusal

__all__ = [
    "Collected",
    "Ended",
    "Hold",
    "HoldShelf",
    "HoldState",
    "InTransit",
    "expire",
    "first_waiting",
    "is_open",
    "kept_for",
    "on_checkout",
    "on_return",
    "position",
    "queue",
    "reopen",
    "satisfies",
    "wanted_by_others",
    "whereabouts",
]


@dataclass(frozen=True, slots=True)
class HoldShelf:
    """Put it on the hold shelf here: `hold` is ready now, until `ready_until`."""

    hold: Hold
    ready_until: date


@dataclass(frozen=True, slots=True)
class InTransit:
    """Send it to the branch `to`: it is caught for `hold`, which waits for it there."""

    hold: Hold
    to: str


class Collected(NamedTuple):
    """The patron may have the item. `hold` is theirs that is over now, if they had one.

    `freed`: another copy that was kept for that hold; ask `on_return` about it.
    """

    hold: Hold | None = None
    freed: str | None = None


NOBODY_WAITS: Final = Collected()
"""What a checkout comes to for holds when there are none."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Holds that are over, and the items that were kept for them; ask `on_return` about these."""

    holds: tuple[Hold, ...] = ()
    freed: tuple[str, ...] = ()


def is_open(hold: Hold) -> bool:
    """Say whether it still waits, or is ready."""
    return hold.state in ("waiting", "ready")


def satisfies(item: Item, hold: Hold) -> bool:
    """Say whether this item is what the hold asks for."""
    if hold.item is not None:
        return hold.item == item.item
    return hold.title is not None and hold.title == item.title


def queue(holds: Iterable[Hold]) -> list[Hold]:
    """Return open holds in the order in which they are served: those that are ready, then by number."""
    return sorted([hold for hold in holds if is_open(hold)], key=_turn)


def position(holds: Iterable[Hold], hold_id: str) -> int:
    """Return the place of a hold, 1 for the next, among those it competes with; 0 when it is not open.

    A hold on one copy competes with those on that copy and those on any copy of its title; a hold on any copy
    with all holds on its title.
    """
    held = queue(holds)
    own = next((hold for hold in held if hold.hold == hold_id), None)
    if own is None:
        return 0
    return [hold.hold for hold in held if _compete(own, hold)].index(hold_id) + 1


def first_waiting(item: Item, holds: Iterable[Hold], today: date, free_copies: int = 0) -> Hold | None:
    """Return the hold that this item would be caught for: the next without an item that still wants one.

    With `free_copies` of the title on the shelf besides it, as many holds on any copy can do without it.
    """
    for hold in queue(holds):
        if _waits(hold, today) and satisfies(item, hold):
            if hold.item is not None or free_copies <= 0:
                return hold
            free_copies -= 1
    return None


def kept_for(item: Item, holds: Iterable[Hold], today: date) -> Hold | None:
    """Return the hold for which this very item is kept: it is ready, or on its way."""
    kept = [hold for hold in holds if hold.ready_item == item.item and is_open(hold)]
    return next((hold for hold in queue(kept) if not _over(hold, today)), None)


def wanted_by_others(
    item: Item, patron: str | None, holds: Iterable[Hold], today: date, free_copies: int = 0
) -> bool:
    """Say whether somebody else waits for this item or has it kept: then it should not be lent on."""
    others = [hold for hold in holds if hold.patron != patron]
    first = kept_for(item, others, today) or first_waiting(item, others, today, free_copies)
    return first is not None


def on_return(
    item: Item, holds: Iterable[Hold], branch: str, today: date, policy: Policy
) -> HoldShelf | InTransit | None:
    """Say what becomes of an item that came back at `branch`, or was freed there: None is its usual shelf."""
    if item.gone:
        return None
    held = list(holds)
    hold = kept_for(item, held, today) or first_waiting(item, held, today)
    if hold is None:
        return None
    if hold.state == "ready" and hold.ready_until is not None and hold.pickup == branch:
        return HoldShelf(hold, hold.ready_until)
    if hold.pickup != branch:
        caught = hold._replace(state="waiting", ready_item=item.item, ready_until=None)
        return InTransit(caught, hold.pickup)
    until = keep_until(policy, branch, today)
    return HoldShelf(hold._replace(state="ready", ready_item=item.item, ready_until=until), until)


def keep_until(policy: Policy, branch: str, today: date) -> date:
    """Return the last day of an item on the hold shelf; an open one, if the branch ever opens again."""
    try:
        last = today + timedelta(days=policy.holds.ready_days)
    except OverflowError:
        return date.max
    return policy.open_days(branch).next_open(last) or last


def on_checkout(
    policy: Policy, item: Item, patron: str, holds: Iterable[Hold], today: date, free_copies: int = 0
) -> Collected | Refusal:
    """Say whether the holds let the patron have this item, and which of the patron's own is over then.

    What is kept for somebody else is refused. What somebody waits for, before the patron and in need of this
    very copy, only if the policy says so; or if it has come back unseen (it is still on another card), for a
    return would have caught it.
    """
    held = queue(holds)
    if not held:
        return NOBODY_WAITS
    kept = kept_for(item, held, today)
    if kept is None and item.loan is not None and item.loan.patron != patron:
        kept = first_waiting(item, held, today)
    elif kept is None and policy.holds.block_waiting:
        own = [hold for hold in held if hold.patron == patron]
        mine = first_waiting(item, own, today)
        kept = first_waiting(item, takewhile(lambda hold: hold != mine, held), today, free_copies)
    if kept is not None and kept.patron != patron:
        return Refusal(code="on-hold-for-another", next_step="put-back")
    return collect(item, patron, held)


def collect(item: Item, patron: str, holds: Iterable[Hold]) -> Collected:
    """Return the patron's own hold as collected by this item: the one it is kept for, else the first."""
    own = [hold for hold in queue(holds) if hold.patron == patron and satisfies(item, hold)]
    own.sort(key=lambda hold: hold.ready_item != item.item)
    if not own:
        return Collected()
    freed = own[0].ready_item if own[0].ready_item != item.item else None
    return Collected(own[0]._replace(state="collected", ready_item=item.item, ready_until=None), freed)


def reopen(hold: Hold, holds: Iterable[Hold]) -> Hold:
    """Return a collected hold as it stands when the checkout that collected it was taken back.

    It has its place in the queue again, and the item that the patron had in hand is kept for it, unless that
    one is kept for another of `holds` by now. Ask `on_return` where it goes.
    """
    if hold.state != "collected":
        return hold
    others = [one for one in holds if is_open(one) and one.hold != hold.hold]
    taken = any(one.ready_item == hold.ready_item for one in others)
    return hold._replace(state="waiting", ready_item=None if taken else hold.ready_item)


def expire(holds: Iterable[Hold], today: date) -> Ended:
    """Return the holds whose time is up before `today`: not wanted any more, or not collected."""
    over = [hold._replace(state="expired") for hold in queue(holds) if _over(hold, today)]
    return Ended(tuple(over), tuple(hold.ready_item for hold in over if hold.ready_item is not None))


Whereabouts = Literal["available", "on-loan", "hold-shelf", "in-transit", "gone"]


def whereabouts(item: Item, holds: Iterable[Hold], today: date) -> Whereabouts:
    """Say where an item is, as a catalogue shows it."""
    if item.gone:
        return "gone"
    if item.loan is not None:
        return "on-loan"
    kept = kept_for(item, holds, today)
    if kept is None:
        return "available"
    return "hold-shelf" if kept.state == "ready" else "in-transit"


def _turn(hold: Hold) -> tuple[bool, int, int, str]:
    return hold.state != "ready", hold.order, hold.placed, hold.hold


def _compete(own: Hold, other: Hold) -> bool:
    if own.hold == other.hold:
        return True
    if own.item is not None and other.item is not None:
        return own.item == other.item
    return own.title is not None and own.title == other.title


def _over(hold: Hold, today: date) -> bool:
    """With an item kept for it a hold ends with its time on the shelf; without, with the patron's wish.

    On its way to the shelf it does not end by itself: nobody is told to come, and finds nothing.
    """
    last = hold.expires if hold.ready_item is None else hold.ready_until
    return last is not None and last < today


def _waits(hold: Hold, today: date) -> bool:
    return hold.state == "waiting" and hold.ready_item is None and not _over(hold, today)
