"""One request: what its answer needs, step by step, and the answer. Pure.

`next_need` says what to look up or to do next, from what is known already; None: `answer` can be given. A PIN
that was sent is judged first, and a wrong one lets nothing be done.
"""

import hashlib
from dataclasses import dataclass, replace

from central.sip2 import answers, answers_items
from central.sip2.answers import AboutPatron, Here, Verdict
from central.sip2.effects import (
    Done,
    Found,
    FoundItem,
    FoundPatron,
    FoundWord,
    Judged,
    JudgePin,
    LookItem,
    LookPatron,
    LookWord,
    Need,
    Submit,
)
from central.sip2.fields import read_date
from central.sip2.messages import (
    BlockPatron,
    EndSession,
    EndSessionResponse,
    Message,
    PatronEnable,
    PatronInformation,
    PatronStatusRequest,
)
from central.sip2.messages_items import (
    Checkin,
    Checkout,
    FeePaid,
    Hold,
    ItemInformation,
    ItemStatusUpdate,
    Renew,
    RenewAll,
)
from central.sip2.reads import LONGEST, parts
from central.sip2.refusals import refuse
from central.terminal import (
    AllRenewed,
    AtTerminal,
    Back,
    Bar,
    ChangeHold,
    Describe,
    Described,
    Do,
    DropHold,
    Enable,
    HoldKept,
    Lend,
    Lent,
    Paid,
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


@dataclass(frozen=True, slots=True)
class Work:
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


def usable(number: str) -> str:
    """Return a number as the ledger may have it; empty when it cannot."""
    number = number.strip()
    return number if len(number) <= LONGEST and number.isprintable() else ""


def learn(work: Work, found: Found) -> Work:
    """Add what came back."""
    match found:
        case Judged(verdict):
            return replace(work, pin=verdict)
        case FoundPatron():
            return _looked(work, found, work.item)
        case FoundItem():
            return _looked(work, work.patron, found)
        case FoundWord():
            return replace(work, word=found)
        case Done():
            return replace(work, done=found)


def _looked(work: Work, patron: FoundPatron | None, item: FoundItem | None) -> Work:
    """Return the work with what was read; spelled out, because it is done for every question."""
    return Work(
        work.asked,
        work.frame,
        work.sequence,
        work.checked,
        work.language,
        work.pin_sent,
        work.pin,
        patron,
        item,
        work.word,
        work.done,
    )


def next_need(here: Here, work: Work) -> Need | None:
    """Return what is needed next; None when the answer can be given."""
    asked = work.asked
    if isinstance(asked, ItemInformation):
        item = usable(asked.item)
        return LookItem(item) if item and work.item is None else None
    pin = getattr(asked, "pin", "")
    card = usable(getattr(asked, "patron", ""))
    told = getattr(asked, "no_block", False)
    if pin and work.pin is None and not told and not isinstance(asked, EndSession):
        return JudgePin(card, pin)
    if isinstance(asked, PatronStatusRequest | PatronInformation):
        return None if work.patron is not None or not card else _look(asked, card)
    if isinstance(asked, EndSession) or work.pin in ("wrong", "too-many"):
        return None
    if work.done is None:
        return _before(asked, work, card) or _submit(here, work, card)
    if isinstance(asked, BlockPatron | PatronEnable) and work.patron is None and card:
        return LookPatron(card)
    back = work.done.outcome
    if isinstance(back, Back) and back.hold_card and work.word is None and _names_holder(here):
        return LookWord("name", (back.hold_card,))
    return None


def _names_holder(here: Here) -> bool:
    profile = here.account.profile
    return "DA" in profile.extensions and "DA" not in profile.hidden


def _look(asked: PatronStatusRequest | PatronInformation, card: str) -> LookPatron:
    if isinstance(asked, PatronStatusRequest):
        return LookPatron(card)
    lists = tuple(parts(asked.summary))
    return LookPatron(card, lists, *answers.span(asked)) if lists else LookPatron(card)


def _before(asked: Message, work: Work, card: str) -> Need | None:
    """Return what must be read before the desk is asked: an item by its title, a title by its item."""
    if isinstance(asked, Renew) and not asked.item.strip() and asked.title.strip() and card:
        return LookWord("lent", (card, asked.title.strip())) if work.word is None else None
    if isinstance(asked, Hold) and asked.mode == "+" and asked.hold_type in ANY_COPY and work.item is None:
        item = usable(asked.item)
        return LookItem(item) if item else None
    return None


# --- what is asked of the desk


def _submit(here: Here, work: Work, card: str) -> Submit | None:
    do = _do(here, work, card)
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


def _do(here: Here, work: Work, card: str) -> Do | Refused | None:
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
            return Bar(card, (asked.reason.strip() or "barred at a terminal") + kept)
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
                due=here.local_day(asked.no_block_due) if asked.no_block else None,
                fee_acknowledged=bool(asked.fee_acknowledged),
                happened=asked.no_block,
                cancel=bool(asked.cancel),
            )
        case Renew():
            due = here.local_day(asked.no_block_due) if asked.no_block else None
            return RenewOne(card, item, due, bool(asked.fee_acknowledged), asked.no_block)
        case Checkin():
            return Return(item, happened=asked.no_block, cancel=bool(asked.cancel))
        case ItemStatusUpdate():
            return Describe(item, asked.properties)
        case _:
            return None


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
    day = read_date(asked.expires)
    expires = here.local_day(day)
    pickup = usable(asked.pickup)
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
    key = digest_of(here, b"", card, asked.transaction) if asked.transaction else digest_of(here, work.frame)
    return Pay(card, amount, key, asked.payment_type, usable(asked.fee) or None)


def _no(code: str, **params: str) -> Refused:
    return Refused(Refusal(code=code, params=dict(params), next_step="desk"))


# --- the answer


def answer(here: Here, work: Work) -> Message:
    """Return the answer, once nothing is needed any more."""
    asked = work.asked
    seen = None if work.patron is None else work.patron.seen
    about = AboutPatron(seen, work.pin, work.pin_sent)
    match asked:
        case PatronStatusRequest():
            return answers.patron_status(here, asked, about)
        case PatronInformation():
            lists = {} if work.patron is None else {name: list(lines) for name, lines in work.patron.lists}
            return answers.patron_information(here, asked, about, lists)
        case ItemInformation():
            found = None if work.item is None else work.item.seen
            return answers_items.item_information(here, asked, found)
        case EndSession():
            return EndSessionResponse(
                ended=True, at=here.at, institution=here.ao(asked.institution), patron=asked.patron
            )
        case BlockPatron():
            return answers.patron_status(here, asked, about)
        case PatronEnable():
            return answers.patron_enabled(here, asked, about)
        case _:
            return _outcome(here, work)


def _outcome(here: Here, work: Work) -> Message:
    """Answer what the desk did, or was not asked to do."""
    asked = work.asked
    if work.pin in ("wrong", "too-many"):
        return refuse(here, asked, "wrong-pin" if work.pin == "wrong" else "too-many-tries")
    if work.done is not None:
        outcome = work.done.outcome
    else:
        refused = _do(here, work, usable(getattr(asked, "patron", "")))
        if not isinstance(refused, Refused):
            return refuse(here, asked, "internal-error")
        outcome = refused
    match asked, outcome:
        case ((Checkout() | Renew()), (Lent() | Refused())):
            found = "" if work.word is None else work.word.word or ""
            return answers_items.loan_answer(here, asked, outcome, found)
        case Checkin(), (Back() | Refused()):
            name = "" if work.word is None else work.word.word or ""
            return answers_items.checkin_answer(here, asked, outcome, name)
        case Hold(), (HoldKept() | Refused()):
            return answers_items.hold_answer(here, asked, outcome)
        case RenewAll(), (AllRenewed() | Refused()):
            return answers_items.all_renewed(here, asked, outcome)
        case FeePaid(), (Paid() | Refused()):
            return answers_items.paid(here, asked, outcome)
        case ItemStatusUpdate(), (Described() | Refused()):
            return answers_items.item_updated(here, asked, outcome)
        case _:
            return refuse(here, asked, "internal-error")
