"""Decisions: may this be lent, may it be renewed, what does a withdrawal or a return come to.

A refusal is a value: a code with parameters and a next step, from which the kiosk makes the sentence. The
order of the checks is the order in which a patron can do something about them; a fee is asked for last, so
that nobody agrees to pay for what is refused then. What has happened already (SIP2's *no block*) is not
decided but recorded: `decide_happened` says what it comes to, and which rule it broke.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from circulation.blocks import card_reasons, full, limit_reasons
from circulation.due import due_date, local_date
from circulation.fees import fee_to_acknowledge, fee_to_lend
from circulation.holds import collect, on_checkout, wanted_by_others
from circulation.model import Asked, Block, Hold, Item, OpenLoan, Patron
from circulation.policy import ANY, Policy, Terms
from wire.messages.stream import Refusal


class Granted(NamedTuple):
    """The item is lent, or lent on.

    `renewed`: the patron had it already. `implied_return`: it was on somebody else's card, so it must have
    come back unseen; that loan ends here.
    """

    due: date
    renewed: bool = False
    renewals: int = 0
    implied_return: bool = False
    fee: int = 0
    """What is charged for it, in minor units; a fee of the kind "rental"."""
    hold: Hold | None = None
    """The patron's own hold that is over with it, as it is to be kept."""
    freed: str | None = None
    """Another copy that was kept for that hold: `holds.on_return` says for whom it is now."""


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
    today = local_date(at_ms, asked.place.zone)
    refusal = _refuse_asked(policy, asked, today)
    if refusal is not None:
        return refusal
    patron, item = _both(asked)
    if asked.left:
        return Refusal(code="left-the-pad", next_step="put-back")
    terms = _terms(policy, asked)
    if not terms.for_loan:
        return Refusal(code="item-not-for-loan", next_step="put-back")
    if item.loan is not None and item.loan.patron == patron.patron:
        if _due(policy, asked, at_ms) <= item.loan.due:
            # Laid down twice, or once more after a power cut: nothing is gained, so no renewal is spent.
            return Granted(item.loan.due, renewed=True, renewals=item.loan.renewals)
        return _lend_on(policy, asked, item.loan, at_ms)
    if item.loan is not None and policy.on_loan_elsewhere == "refuse":
        return Refusal(code="on-loan-elsewhere", next_step="desk")
    collected = on_checkout(policy, item, patron.patron, asked.holds, today, asked.free_copies)
    if isinstance(collected, Refusal):
        return collected
    refusal = _refuse_more(patron, item, terms) or _refuse_fee(policy, asked)
    if refusal is not None:
        return refusal
    due = _due(policy, asked, at_ms)
    implied = item.loan is not None
    return Granted(
        due, implied_return=implied, fee=fee_to_lend(terms), hold=collected.hold, freed=collected.freed
    )


def decide_renew(policy: Policy, asked: Asked, at_ms: int) -> Decision:
    """Say whether the patron may keep the item longer."""
    refusal = _refuse_asked(policy, asked, local_date(at_ms, asked.place.zone))
    if refusal is not None:
        return refusal
    patron, item = _both(asked)
    if item.loan is None or asked.left:
        return Refusal(code="not-on-loan", next_step="none")
    if item.loan.patron != patron.patron:
        return Refusal(code="on-loan-elsewhere", next_step="desk")
    return _lend_on(policy, asked, item.loan, at_ms)


@dataclass(frozen=True, slots=True)
class Happened:
    """What something that has happened comes to. `broke`: the first rule it broke, if any."""

    granted: Granted
    broke: Refusal | None = None


def decide_happened(policy: Policy, asked: Asked, at_ms: int, due: date | None = None) -> Happened:
    """Say what a loan or renewal of `at_ms` comes to that was made already; it is never refused.

    `due` is the date the patron was told; None: as the policy has it. That of an own loan never moves back.
    The fee is charged whether or not the patron is known to have agreed.
    """
    decision = decide(policy, asked._replace(fee_accepted=True), at_ms)
    if isinstance(decision, Granted):
        return Happened(decision if due is None else decision._replace(due=_later(asked, due)))
    patron, item = asked.patron, asked.item
    told = due or _due(policy, asked, at_ms)
    if patron is None or item is None:
        return Happened(Granted(told, renewed=asked.kind == "renew"), decision)
    fee = fee_to_lend(_terms(policy, asked))
    if item.loan is not None and item.loan.patron == patron.patron:
        renewals = item.loan.renewals + 1
        return Happened(Granted(_later(asked, told), renewed=True, renewals=renewals, fee=fee), decision)
    own = collect(item, patron.patron, asked.holds)
    lent = Granted(told, implied_return=item.loan is not None, fee=fee, hold=own.hold, freed=own.freed)
    return Happened(lent, decision)


def refuse_patron(
    patron: Patron | None, today: date, policy: Policy | None = None, branch: str = ANY
) -> Refusal | None:
    """Return why this patron may not borrow whatever the item; None when there is no reason.

    Also what a kiosk asks before the first item is laid down (`Account.refusal`). With a `policy`, its limits
    at this branch count too: overdue items, fees.
    """
    refusal = _of(card_reasons(patron, today))
    if refusal is not None or patron is None or policy is None:
        return refusal
    return _of(limit_reasons(policy, patron, policy.terms(patron.patron_class, ANY, branch)))


def _refuse_asked(policy: Policy, asked: Asked, today: date) -> Refusal | None:
    refusal = _of(card_reasons(asked.patron, today)) or _refuse_item(asked)
    if refusal is not None:
        return refusal
    patron, _ = _both(asked)
    return _of(limit_reasons(policy, patron, _terms(policy, asked)))


def _refuse_item(asked: Asked) -> Refusal | None:
    if asked.item is None:
        return Refusal(code="item-unknown", next_step="desk")
    if asked.item.gone:
        return Refusal(code="item-not-for-loan", next_step="desk")
    return _of(asked.item.blocks)


def _refuse_more(patron: Patron, item: Item, terms: Terms) -> Refusal | None:
    block = full(patron, terms)
    if block is not None:
        return _of((block,))
    if terms.class_limit is not None and patron.loans_of_class >= terms.class_limit:
        params: dict[str, str | int] = {"limit": terms.class_limit, "class": item.item_class}
        return Refusal(code="limit-reached", params=params, next_step="return-first")
    return None


def _refuse_fee(policy: Policy, asked: Asked) -> Refusal | None:
    fee = fee_to_lend(_terms(policy, asked))
    return None if fee == 0 or asked.fee_accepted else fee_to_acknowledge(policy, fee)


def _of(blocks: tuple[Block, ...]) -> Refusal | None:
    if not blocks:
        return None
    return Refusal(code=blocks[0].code, params=dict(blocks[0].params), next_step=blocks[0].next_step)


def _terms(policy: Policy, asked: Asked) -> Terms:
    """Return the terms of what is asked; of everybody or everything, where the one is not known."""
    patron_class = ANY if asked.patron is None else asked.patron.patron_class
    item_class = ANY if asked.item is None else asked.item.item_class
    return policy.terms(patron_class, item_class, asked.place.branch)


def _due(policy: Policy, asked: Asked, at_ms: int) -> date:
    place = asked.place
    calendar = policy.due_calendar(place.branch)
    return due_date(at_ms, place.zone, _terms(policy, asked).loan_days, calendar)


def _later(asked: Asked, due: date) -> date:
    """Return a due date that is never earlier than the one the patron's own loan has."""
    loan = None if asked.item is None else asked.item.loan
    own = loan is not None and asked.patron is not None and loan.patron == asked.patron.patron
    return max(due, loan.due) if own and loan is not None else due


def _both(asked: Asked) -> tuple[Patron, Item]:
    if asked.patron is None or asked.item is None:
        raise ValueError("a request without patron or item is refused earlier")
    return asked.patron, asked.item


def _lend_on(policy: Policy, asked: Asked, loan: OpenLoan, at_ms: int) -> Decision:
    patron, item = _both(asked)
    terms = _terms(policy, asked)
    if loan.renewals >= terms.renewals:
        return Refusal(code="renewals-used", params={"due": loan.due.isoformat()}, next_step="none")
    today = local_date(at_ms, asked.place.zone)
    wanted = wanted_by_others(item, patron.patron, asked.holds, today, asked.free_copies)
    if wanted and not policy.holds.renew_when_wanted:
        return Refusal(code="on-hold-for-another", params={"due": loan.due.isoformat()}, next_step="none")
    refusal = _refuse_fee(policy, asked)
    if refusal is not None:
        return refusal
    due = max(_due(policy, asked, at_ms), loan.due)
    return Granted(due, renewed=True, renewals=loan.renewals + 1, fee=fee_to_lend(terms))


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
