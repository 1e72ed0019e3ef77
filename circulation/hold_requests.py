"""Requests about holds: to place one, to give it back, to change it. Each is granted or refused.

A refusal says no word of other patrons: who waits before one is nobody's business.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from circulation.blocks import card_reasons, hold_limit, limit_reasons
from circulation.due import local_date
from circulation.holds import is_open, kept_for, position, queue, satisfies
from circulation.model import Block, Hold, Item, Patron, Place
from circulation.policy import ANY, Policy
from wire.messages.stream import Refusal


@dataclass(frozen=True, slots=True)
class AskedHold:
    """A request to place a hold, with all that is known of it. `hold` becomes the id of the hold."""

    hold: str
    order: int
    """Its number; higher than that of every hold before."""
    patron: Patron | None
    copies: tuple[Item, ...]
    """The copy that is asked for, or all copies of the title; none: it is not known."""
    pickup: str
    place: Place
    """Where it is asked: its zone says which day it is."""
    title: str | None = None
    any_copy: bool = False
    """Any copy of `title` will do; else it is the one copy."""
    expires: date | None = None
    """Last local date on which it is wanted; None: until it is given back."""
    holds: tuple[Hold, ...] = ()
    """Open holds on the copies and the title, the patron's own among them."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The hold as it is to be kept."""

    hold: Hold
    position: int
    """Its place among those it competes with; 1 is next."""
    available: bool
    """A copy stands on the shelf that nobody waits for: it could be fetched now (SIP2's "item available")."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The hold is over. `freed`: the copy that was kept for it; ask `holds.on_return` about it."""

    hold: Hold
    freed: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """The hold as it is to be kept."""

    hold: Hold


def decide_place(policy: Policy, asked: AskedHold, at_ms: int) -> Placed | Refusal:
    """Say whether the patron may wait for this."""
    today = local_date(at_ms, asked.place.zone)
    refusal = _refuse_patron(policy, asked.patron, today, asked.pickup) or _refuse_copies(policy, asked)
    if refusal is not None:
        return refusal
    if asked.patron is None:
        raise ValueError("a request without patron is refused earlier")
    patron = asked.patron.patron
    if asked.expires is not None and asked.expires < today:
        return Refusal(code="expiry-past", params={"expires": asked.expires.isoformat()}, next_step="none")
    if not _may_collect_at(policy, asked.pickup):
        return Refusal(code="no-pickup-there", params={"branch": asked.pickup}, next_step="none")
    if any(copy.loan is not None and copy.loan.patron == patron for copy in asked.copies):
        return Refusal(code="already-on-loan-to-you", next_step="none")
    made = Hold(
        hold=asked.hold,
        patron=patron,
        item=None if asked.any_copy else asked.copies[0].item,
        title=asked.title if asked.any_copy or asked.title else asked.copies[0].title,
        pickup=asked.pickup,
        placed=at_ms,
        expires=asked.expires,
        order=asked.order,
    )
    if any(is_open(hold) and hold.patron == patron and _same(hold, made) for hold in asked.holds):
        return Refusal(code="already-held", next_step="none")
    terms = policy.terms(asked.patron.patron_class, ANY, asked.pickup)
    block = hold_limit(asked.patron, terms)
    if block is not None:
        return _refusal(block)
    return Placed(made, position((*asked.holds, made), made.hold), _available(asked, today))


def own_hold(
    holds: Iterable[Hold], patron: str, item: Item | None = None, title: str | None = None
) -> Hold | None:
    """Return the patron's open hold that is meant by an item, or by a title; None when there is none.

    By an item: a hold on this copy, else one that the copy is kept for, else one on any copy of its title.
    """
    mine = [hold for hold in queue(holds) if hold.patron == patron]
    if item is None:
        return next((hold for hold in mine if title is not None and hold.title == title), None)
    tests = (
        lambda hold: hold.item == item.item,
        lambda hold: hold.ready_item == item.item,
        lambda hold: satisfies(item, hold),
    )
    return next((hold for fits in tests for hold in mine if fits(hold)), None)


def decide_cancel(patron: Patron | None, hold: Hold | None) -> Cancelled | Refusal:
    """Say whether the patron may give this hold back. Who is blocked may, too."""
    refusal = _refuse_hold(patron, hold)
    if refusal is not None or hold is None:
        return refusal or Refusal(code="hold-unknown", next_step="desk")
    return Cancelled(hold._replace(state="cancelled", ready_item=None, ready_until=None), hold.ready_item)


def decide_change(
    policy: Policy,
    patron: Patron | None,
    hold: Hold | None,
    today: date,
    pickup: str | None = None,
    expires: date | None = None,
) -> Changed | Refusal:
    """Say whether the patron may collect it elsewhere, or want it until another day; None leaves as it is.

    An item that is kept for it stays where it is, or goes where it is going.
    """
    refusal = _refuse_hold(patron, hold)
    if refusal is not None or hold is None:
        return refusal or Refusal(code="hold-unknown", next_step="desk")
    if expires is not None and expires < today:
        return Refusal(code="expiry-past", params={"expires": expires.isoformat()}, next_step="none")
    if pickup is not None and pickup != hold.pickup:
        if not _may_collect_at(policy, pickup):
            return Refusal(code="no-pickup-there", params={"branch": pickup}, next_step="none")
        if hold.ready_item is not None:
            return Refusal(code="hold-ready", params={"branch": hold.pickup}, next_step="desk")
    return Changed(hold._replace(pickup=pickup or hold.pickup, expires=expires or hold.expires))


def _refuse_patron(policy: Policy, patron: Patron | None, today: date, branch: str) -> Refusal | None:
    card = card_reasons(patron, today)
    if card or patron is None:
        return _refusal(card[0])
    limits = limit_reasons(policy, patron, policy.terms(patron.patron_class, ANY, branch))
    return _refusal(limits[0]) if limits else None


def _refuse_copies(policy: Policy, asked: AskedHold) -> Refusal | None:
    """Refuse what is not there, or where no copy can be waited for."""
    if not asked.copies or (asked.any_copy and asked.title is None):
        return Refusal(code="item-unknown", next_step="desk")
    patron_class = ANY if asked.patron is None else asked.patron.patron_class
    for copy in asked.copies:
        terms = policy.terms(patron_class, copy.item_class, copy.branch)
        if terms.holdable and terms.for_loan and not copy.gone:
            return None
    return Refusal(code="not-holdable", next_step="none")


def _refuse_hold(patron: Patron | None, hold: Hold | None) -> Refusal | None:
    if patron is None:
        return Refusal(code="unknown-card", next_step="desk")
    if hold is None or hold.patron != patron.patron:
        return Refusal(code="hold-unknown", next_step="desk")
    return None if is_open(hold) else Refusal(code="hold-over", next_step="none")


def _refusal(block: Block) -> Refusal:
    return Refusal(code=block.code, params=dict(block.params), next_step=block.next_step)


def _may_collect_at(policy: Policy, branch: str) -> bool:
    return not policy.holds.pickup or branch in policy.holds.pickup


def _same(one: Hold, other: Hold) -> bool:
    """Say whether two holds of a patron want the same: one copy twice, or any copy and a copy of it."""
    if one.item is not None and other.item is not None:
        return one.item == other.item
    return one.title is not None and one.title == other.title


def _available(asked: AskedHold, today: date) -> bool:
    """Say whether more copies stand on the shelf than are waited for."""
    shelf = [
        copy
        for copy in asked.copies
        if not copy.gone and copy.loan is None and kept_for(copy, asked.holds, today) is None
    ]
    waiting = sum(hold.state == "waiting" and hold.ready_item is None for hold in asked.holds)
    return len(shelf) > waiting
