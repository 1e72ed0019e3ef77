"""Decisions: may this be lent, may it be renewed, what does a withdrawal or a return come to.

A refusal is a value: a code with parameters and a next step, from which the kiosk makes the sentence. The
order of the checks is the order in which a patron can do something about them.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from circulation.due import due_date, local_date
from circulation.model import Asked, Block, Item, OpenLoan, Patron
from circulation.policy import Policy
from wire.messages.stream import Refusal


@dataclass(frozen=True, slots=True)
class Granted:
    """The item is lent, or lent on.

    `renewed`: the patron had it already. `implied_return`: it was on somebody else's card, so it must have
    come back unseen; that loan ends here.
    """

    due: date
    renewed: bool = False
    renewals: int = 0
    implied_return: bool = False


Decision = Granted | Refusal


def decide(policy: Policy, asked: Asked, at_ms: int) -> Decision:
    """Answer a request made at `at_ms`."""
    return (
        decide_checkout(policy, asked, at_ms)
        if asked.kind == "checkout"
        else decide_renew(policy, asked, at_ms)
    )


def decide_checkout(policy: Policy, asked: Asked, at_ms: int) -> Decision:
    """Say whether the item is lent to the patron; an item already on the patron's card is renewed."""
    refusal = refuse_patron(asked.patron, local_date(at_ms, asked.place.zone)) or _refuse_item(asked)
    if refusal is not None:
        return refusal
    patron, item = _both(asked)
    if asked.left:
        return Refusal(code="left-the-pad", next_step="put-back")
    terms = policy.terms(patron.patron_class, item.item_class, asked.place.branch)
    if not terms.for_loan:
        return Refusal(code="item-not-for-loan", next_step="put-back")
    if item.loan is not None and item.loan.patron == patron.patron:
        if due_date(at_ms, asked.place.zone, terms.loan_days) <= item.loan.due:
            # Laid down twice, or once more after a power cut: nothing is gained, so no renewal is spent.
            return Granted(item.loan.due, renewed=True, renewals=item.loan.renewals)
        return _lend_on(policy, asked, item.loan, at_ms)
    if item.loan is not None and policy.on_loan_elsewhere == "refuse":
        return Refusal(code="on-loan-elsewhere", next_step="desk")
    if patron.loans >= terms.limit:
        return Refusal(code="limit-reached", params={"limit": terms.limit}, next_step="return-first")
    if terms.class_limit is not None and patron.loans_of_class >= terms.class_limit:
        return Refusal(
            code="limit-reached",
            params={"limit": terms.class_limit, "class": item.item_class},
            next_step="return-first",
        )
    due = due_date(at_ms, asked.place.zone, terms.loan_days)
    return Granted(due, implied_return=item.loan is not None)


def decide_renew(policy: Policy, asked: Asked, at_ms: int) -> Decision:
    """Say whether the patron may keep the item longer."""
    refusal = refuse_patron(asked.patron, local_date(at_ms, asked.place.zone)) or _refuse_item(asked)
    if refusal is not None:
        return refusal
    patron, item = _both(asked)
    if item.loan is None or asked.left:
        return Refusal(code="not-on-loan", next_step="none")
    if item.loan.patron != patron.patron:
        return Refusal(code="on-loan-elsewhere", next_step="desk")
    return _lend_on(policy, asked, item.loan, at_ms)


def refuse_patron(patron: Patron | None, today: date) -> Refusal | None:
    """Return why this patron may not borrow whatever the item; None when there is no reason.

    Also what a kiosk asks before the first item is laid down (`Account.refusal`).
    """
    if patron is None:
        return Refusal(code="unknown-card", next_step="desk")
    if patron.expires is not None and patron.expires < today:
        return Refusal(code="card-expired", params={"expired": patron.expires.isoformat()}, next_step="desk")
    return _of(patron.blocks)


def _refuse_item(asked: Asked) -> Refusal | None:
    if asked.item is None:
        return Refusal(code="item-unknown", next_step="desk")
    if asked.item.gone:
        return Refusal(code="item-not-for-loan", next_step="desk")
    return _of(asked.item.blocks)


def _of(blocks: tuple[Block, ...]) -> Refusal | None:
    if not blocks:
        return None
    return Refusal(code=blocks[0].code, params=dict(blocks[0].params), next_step=blocks[0].next_step)


def _both(asked: Asked) -> tuple[Patron, Item]:
    if asked.patron is None or asked.item is None:
        raise ValueError("a request without patron or item is refused earlier")
    return asked.patron, asked.item


def _lend_on(policy: Policy, asked: Asked, loan: OpenLoan, at_ms: int) -> Decision:
    patron, item = _both(asked)
    terms = policy.terms(patron.patron_class, item.item_class, asked.place.branch)
    due = due_date(at_ms, asked.place.zone, terms.loan_days)
    if loan.renewals >= terms.renewals:
        return Refusal(code="renewals-used", params={"due": loan.due.isoformat()}, next_step="none")
    return Granted(max(due, loan.due), renewed=True, renewals=loan.renewals + 1)


Withdrawal = Literal["nothing", "undo", "keep"]


def decide_withdrawal(*, known: bool, tag_written: bool) -> Withdrawal:
    """Say what a withdrawn request comes to (streams.md L8).

    Unknown: nothing. A tag already unlocked: the loan is kept, with a case. Else as if it had never been.
    """
    if not known:
        return "nothing"
    return "keep" if tag_written else "undo"


def decide_checkin(item: Item | None) -> Literal["record", "record-unknown"]:
    """Say what a return comes to: it happened, so it is recorded; of an unknown item with a case."""
    return "record" if item is not None else "record-unknown"
