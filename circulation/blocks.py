"""What stands against a patron, whatever is asked: the card, the policy's limits, the fees.

`reasons` lists it in the order in which a patron can do something about it; `standing` says it in the words
of SIP2's patron status, which others' kiosks act upon. Both are worked out from the same rules, so that a
kiosk never greets somebody to whom everything is then refused.
"""

from dataclasses import dataclass, fields
from datetime import date

from circulation.fees import fee_block
from circulation.model import Block, Patron
from circulation.policy import ANY, Policy, Terms

CARD_LOST = frozenset({"card-lost", "lost-card"})
"""Codes of blocks that say the card is lost."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The fourteen words of SIP2's patron status, in its order (SIP2 2.00, "patron status"), and why.

    Those without a rule here are never true: Turnleaf has no recalls, keeps no count of renewals in all, and
    lost items and claims of return are its staff's cases.
    """

    charge_denied: bool = False
    renew_denied: bool = False
    recall_denied: bool = False
    hold_denied: bool = False
    card_lost: bool = False
    too_many_charged: bool = False
    too_many_overdue: bool = False
    too_many_renewals: bool = False
    too_many_claims_returned: bool = False
    too_many_lost: bool = False
    excessive_fines: bool = False
    excessive_fees: bool = False
    recall_overdue: bool = False
    too_many_billed: bool = False
    reasons: tuple[Block, ...] = ()

    @property
    def bits(self) -> tuple[bool, ...]:
        """The fourteen alone, in their order."""
        return tuple(getattr(self, one.name) for one in fields(self) if one.name != "reasons")


GOOD = Standing()
"""Of whom nothing stands against."""


def card_reasons(patron: Patron | None, today: date) -> tuple[Block, ...]:
    """Return what is wrong with the card itself."""
    if patron is None:
        return (Block("unknown-card"),)
    if patron.expires is not None and patron.expires < today:
        return (Block("card-expired", {"expired": patron.expires.isoformat()}), *patron.blocks)
    return patron.blocks


def limit_reasons(policy: Policy, patron: Patron, terms: Terms) -> tuple[Block, ...]:
    """Return which of the policy's limits stop lending and renewing: overdue items, fees."""
    found = []
    if terms.overdue_limit is not None and patron.overdue >= terms.overdue_limit:
        found.append(Block("too-many-overdue", {"overdue": patron.overdue}, "return-first"))
    owes = fee_block(policy, patron.owed)
    if owes is not None:
        found.append(owes)
    return tuple(found)


def full(patron: Patron, terms: Terms) -> Block | None:
    """Return the block of somebody who has as many items as may be."""
    if patron.loans < terms.limit:
        return None
    return Block("limit-reached", {"limit": terms.limit}, "return-first")


def standing(policy: Policy, patron: Patron | None, today: date, branch: str = ANY) -> Standing:
    """Say how a patron stands at a branch on a local date. An unknown card may nothing."""
    card = card_reasons(patron, today)
    if patron is None:
        return Standing(True, True, True, True, reasons=card)
    terms = policy.terms(patron.patron_class, ANY, branch)
    limits = limit_reasons(policy, patron, terms)
    charged = full(patron, terms)
    holds = hold_limit(patron, terms)
    if not (card or limits or charged or holds):
        return GOOD
    owes = any(one.code == "fees" for one in limits)
    stopped = bool(card or limits)
    more = tuple(one for one in (charged, holds) if one is not None)
    return Standing(
        charge_denied=stopped or charged is not None,
        renew_denied=stopped,
        recall_denied=bool(card),
        hold_denied=stopped or holds is not None,
        card_lost=any(one.code in CARD_LOST for one in card),
        too_many_charged=charged is not None,
        too_many_overdue=any(one.code == "too-many-overdue" for one in limits),
        excessive_fines=owes and patron.fines > 0,
        excessive_fees=owes and patron.fees > 0,
        reasons=(*card, *limits, *more),
    )


def hold_limit(patron: Patron, terms: Terms) -> Block | None:
    """Return the block of somebody who waits for as much as may be."""
    if patron.holds < terms.hold_limit:
        return None
    return Block("hold-limit-reached", {"limit": terms.hold_limit}, "none")
