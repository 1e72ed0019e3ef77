"""Fees: what lateness and lending cost, what is owed, and what a payment pays. In minor units (cents).

A fee is never changed but by paying it, or by striking what is left of it; what is owed is worked out from
the fees each time, so that no balance can disagree with them. That one payment is not taken twice is its
caller's part: it keeps the key under which a payment came (SIP2's BK and CG).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from circulation.calendar import ALWAYS, Calendar
from circulation.model import Block, Patron
from circulation.money import decimal
from circulation.policy import Policy, Terms
from wire.messages.stream import Refusal

FeeKind = Literal[
    "other",
    "administrative",
    "damage",
    "overdue",
    "processing",
    "rental",
    "replacement",
    "computer",
    "hold",
]

SIP2_FEE_TYPES: Final[dict[FeeKind, str]] = {
    "other": "01",
    "administrative": "02",
    "damage": "03",
    "overdue": "04",
    "processing": "05",
    "rental": "06",
    "replacement": "07",
    "computer": "08",
    "hold": "09",
}
"""SIP2 2.00, field "fee type" (BT, and fixed in 18 and 37)."""


@dataclass(frozen=True, slots=True)
class Fee:
    """Something charged to a patron at `at` (ms since 1970 UTC), of which `paid` has been paid."""

    fee: str
    patron: str
    item: str | None
    kind: FeeKind
    amount: int
    paid: int
    at: int

    @property
    def due(self) -> int:
        """What is left to pay."""
        return max(0, self.amount - self.paid)


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a payment that goes to one fee."""

    fee: str
    amount: int


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment that is taken, shared out over fees; the shares come to its amount."""

    amount: int
    shares: tuple[Share, ...]


def outstanding(fees: Iterable[Fee]) -> int:
    """Return all that is left to pay."""
    return sum(fee.due for fee in fees)


def fines_and_fees(fees: Iterable[Fee]) -> tuple[int, int]:
    """Return what is owed in overdue fines, and in all other fees (SIP2 tells them apart)."""
    held = list(fees)
    fines = outstanding(fee for fee in held if fee.kind == "overdue")
    return fines, outstanding(held) - fines


def overdue_fine(terms: Terms, due: date, returned: date, calendar: Calendar = ALWAYS) -> int:
    """Return what a loan costs that came back late; 0 when it did not.

    Each open day of `calendar` after the due date costs, but for the first `grace_days` of them, up to
    `max_fine`. Which calendar that is, `Policy.fine_calendar` knows.
    """
    if terms.fine_per_day == 0 or returned <= due:
        return 0
    late = max(0, calendar.open_days_between(due, returned) - terms.grace_days)
    fine = late * terms.fine_per_day
    return fine if terms.max_fine is None else min(fine, terms.max_fine)


def fee_to_lend(terms: Terms) -> int:
    """Return what lending or renewing costs; the patron agrees to it before anything is lent."""
    return terms.rental_fee


def settle(
    fees: Iterable[Fee], amount: int, fee: str | None = None, kind: FeeKind | None = None
) -> Payment | Refusal:
    """Share `amount` out over what one patron owes: the oldest fee first, or the named fee alone.

    With a `kind`, fees of that kind alone. More than is owed there is not taken: there is no change to give,
    and no credit to keep.
    """
    if amount <= 0:
        return Refusal(code="amount-not-positive", next_step="none")
    owed = sorted((one for one in fees if one.due > 0), key=lambda one: (one.at, one.fee))
    if not owed:
        return Refusal(code="nothing-owed", next_step="none")
    meant = [one for one in owed if fee in (None, one.fee) and kind in (None, one.kind)]
    if not meant:
        return Refusal(code="unknown-fee", next_step="desk")
    most = outstanding(meant)
    if amount > most:
        return Refusal(code="too-much", params={"owed": most}, next_step="none")
    shares, left = [], amount
    for one in meant:
        share = min(left, one.due)
        if share > 0:
            shares.append(Share(one.fee, share))
            left -= share
    return Payment(amount, tuple(shares))


def pay(fees: Iterable[Fee], payment: Payment) -> tuple[Fee, ...]:
    """Return the fees after a payment, in the same order.

    Raises ValueError when a share is of none of them, or of more than is left to pay.
    """
    shares = {share.fee: share.amount for share in payment.shares}
    paid = []
    for one in fees:
        share = shares.pop(one.fee, 0)
        if share > one.due:
            raise ValueError("a share is larger than what is left of its fee")
        paid.append(replace(one, paid=one.paid + share) if share else one)
    if shares:
        raise ValueError("a share is of a fee that is not there")
    return tuple(paid)


def struck(fee: Fee) -> Fee:
    """Return a fee whose reason was taken back: nothing more is owed of it. What was paid stays paid."""
    return replace(fee, amount=min(fee.amount, fee.paid))


def fee_block(policy: Policy, owed: int) -> Block | None:
    """Return why somebody who owes as much is lent nothing; None when nothing is in the way."""
    limit = policy.block_at
    if limit is None or owed <= 0 or owed < limit:
        return None
    currency = policy.fees.currency
    return Block("fees", {"owed": decimal(owed, currency), "currency": currency}, "desk")


def fee_to_acknowledge(policy: Policy, amount: int) -> Refusal:
    """Return the refusal that asks the patron to agree to a fee; asked again with their yes, it is lent."""
    currency = policy.fees.currency
    return Refusal(
        code="fee-to-acknowledge",
        params={"fee": decimal(amount, currency), "currency": currency},
        next_step="desk",
    )


def owing(patron: Patron, fees: Iterable[Fee]) -> Patron:
    """Return the patron with what these fees come to."""
    fines, others = fines_and_fees(fees)
    return patron._replace(fines=fines, fees=others)
