"""A request of a terminal, and what the desk is asked to do for it. Pure.

Numbers that the ledger cannot have (too long, with control characters) are nobody's and nothing's: the desk
is not asked about them. Bytes that are no text never get there either.
"""

import hashlib
from datetime import date
from typing import NamedTuple

from central.sip2.answers import Here, Verdict, local
from central.sip2.effects import Done, FoundItem, FoundPatron, FoundWord, Submit
from central.sip2.fields import read_day
from central.sip2.messages import BlockPatron, Message, PatronEnable
from central.sip2.messages_items import Checkin, Checkout, FeePaid, Hold, ItemStatusUpdate, Renew, RenewAll
from central.sip2.reads import LONGEST
from central.terminal import (
    AtTerminal,
    Bar,
    ChangeHold,
    Describe,
    Do,
    DropHold,
    Enable,
    Lend,
    Pay,
    PlaceHold,
    Refused,
    Return,
)
from central.terminal import Renew as RenewOne
from central.terminal import RenewAll as RenewEach
from circulation.money import minor
from wire.messages.stream import Refusal

ANY_COPY = ("2", "4")
"""Hold types that ask for any copy of the title (3M SIP2 2.00, "hold type")."""


class Work(NamedTuple):
    """A request that is being answered, and what is known for it."""

    asked: Message
    frame: bytes
    sequence: str | None
    checked: bool = False
    """Whether it came with error detection, and is answered so."""
    language: str = "000"
    pin_sent: bool = False
    pin: Verdict | None = None
    patron: FoundPatron | None = None
    item: FoundItem | None = None
    word: FoundWord | None = None
    done: Done | None = None

    def __repr__(self) -> str:
        return f"Work({self.asked.code})"


def usable(number: str) -> str:
    """Return a number as the ledger may have it; empty when it cannot."""
    number = number.strip()
    return number if len(number) <= LONGEST and number.isprintable() else ""


def written(text: str) -> str:
    """Return a text as it can be stored: bytes that were none become question marks."""
    return text.strip().encode("utf-8", "replace").decode("utf-8")


def submit(here: Here, work: Work, card: str) -> Submit | None:
    """Return what the desk is asked; None when it is not asked."""
    do = deed(here, work, card)
    if do is None or isinstance(do, Refused):
        return None
    asked = work.asked
    at_ms = here.now_ms
    if getattr(asked, "no_block", False):
        at = (isinstance(asked, Checkin) and asked.returned) or getattr(asked, "at", None)
        at_ms = here.local_ms(at or None)
    account = here.account
    digest = digest_of(here, work.frame) if work.sequence is not None else ""
    return Submit(AtTerminal(account.name, account.branch, account.zone, at_ms, do, digest))


def digest_of(here: Here, frame: bytes, *more: str) -> str:
    """Return the hash under which something of this terminal is known again."""
    given = "\0".join((here.account.name, *more)).encode(errors="surrogatepass")
    return hashlib.sha256(given + b"\0" + frame).hexdigest()


def deed(here: Here, work: Work, card: str) -> Do | Refused | None:
    """Return what the desk is to do, or why it is not asked; None: nothing is left to be done."""
    asked = work.asked
    item = usable(getattr(asked, "item", ""))
    needs_card = not isinstance(asked, Checkin | ItemStatusUpdate)
    if needs_card and not card:
        return _no("unknown-card")
    match asked:
        case Checkout() | Renew() | Checkin() | ItemStatusUpdate():
            return _about_item(here, work, card, item)
        case RenewAll():
            return RenewEach(card, bool(asked.fee_acknowledged))
        case Hold():
            return _hold(here, work, card, item)
        case FeePaid():
            return _pay(here, work, asked, card)
        case BlockPatron():
            kept = " (card kept)" if asked.card_retained else ""
            return Bar(card, (written(asked.reason) or "barred at a terminal") + kept)
        case PatronEnable():
            return Enable(card)
        case _:
            return None


def _about_item(here: Here, work: Work, card: str, item: str) -> Do | Refused | None:
    asked = work.asked
    if isinstance(asked, Renew) and not item:
        item = (work.word.word if work.word is not None else None) or ""
        if not item:
            return _no("not-on-loan")
    if not item:
        return _no("item-unknown")
    match asked:
        case Checkout():
            return Lend(
                card,
                item,
                renewal=asked.renewal_allowed,
                due=_told_due(here, asked),
                fee_acknowledged=bool(asked.fee_acknowledged),
                happened=asked.no_block,
                cancel=bool(asked.cancel),
            )
        case Renew():
            return RenewOne(card, item, _told_due(here, asked), bool(asked.fee_acknowledged), asked.no_block)
        case Checkin():
            return Return(item, happened=asked.no_block, cancel=bool(asked.cancel))
        case ItemStatusUpdate():
            return Describe(item, written(asked.properties))
        case _:
            return None


def _told_due(here: Here, asked: Checkout | Renew) -> date | None:
    """Return the date the patron was told, with *no block*; one before the loan began nobody was told."""
    due = here.local_day(asked.no_block_due) if asked.no_block else None
    began = local(here.local_ms(asked.at) // 1000, here.account.zone).date()
    return due if due is not None and due >= began else None


def _hold(here: Here, work: Work, card: str, item: str) -> Do | Refused:
    asked = work.asked
    if not isinstance(asked, Hold):
        raise TypeError("only a 15 asks for a hold")
    title: str | None = usable(asked.title) or None
    of: str | None = item or None
    if asked.mode == "+" and asked.hold_type in ANY_COPY and of is not None:
        seen = None if work.item is None else work.item.seen
        if seen is not None and seen.title_id:
            of, title = None, seen.title_id
    if of is None and title is None:
        return _no("title-unknown")
    expires = here.local_day(read_day(asked.expires))
    pickup = usable(asked.pickup)
    if asked.mode == "*" and expires is None and asked.expires.strip():
        return _no("expiry-unread")
    match asked.mode:
        case "-":
            return DropHold(card, of, None if of else title)
        case "*":
            return ChangeHold(card, of, None if of else title, pickup, expires)
        case _:
            return PlaceHold(card, of, None if of else title, pickup or here.account.branch, expires)


def _pay(here: Here, work: Work, asked: FeePaid, card: str) -> Do | Refused:
    if asked.currency.strip() not in ("", here.currency):
        return _no("wrong-currency", currency=here.currency)
    try:
        amount = minor(asked.amount.strip(), here.currency)
    except ValueError:
        return _no("amount-not-positive")
    fee, means = usable(asked.fee) or None, written(asked.payment_type)
    if not asked.transaction:
        return Pay(card, amount, digest_of(here, work.frame), means, fee)
    alike = digest_of(here, b"", card, asked.transaction, str(amount), fee or "")
    # Without a clock the time says nothing: then only soon after is it the same payment.
    told = asked.at.isoformat() if asked.at is not None else f"at {here.now_ms}"
    return Pay(card, amount, f"{alike}:{told}", means, fee, alike)


def _no(code: str, **params: str) -> Refused:
    return Refused(Refusal(code=code, params=dict(params), next_step="desk"))
