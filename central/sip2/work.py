"""One request: what its answer needs, step by step, and the answer. Pure.

`next_need` says what to look up or to do next, from what is known already; None: `answer` can be given. A PIN
that was sent is judged first, and a wrong one lets nothing be done.
"""

from central.sip2 import answers, answers_items
from central.sip2.answers import AboutPatron, Here
from central.sip2.deeds import ANY_COPY, Work, deed, submit, usable, written
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
)
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
from central.sip2.reads import parts
from central.sip2.refusals import refuse
from central.terminal import AllRenewed, Back, Described, HoldKept, Lent, Paid, Refused


def learn(work: Work, found: Found) -> Work:
    """Add what came back."""
    match found:
        case FoundPatron():
            return _looked(work, found, work.item)
        case FoundItem():
            return _looked(work, work.patron, found)
        case Done():
            return work._replace(done=found)
        case Judged(verdict):
            return work._replace(pin=verdict)
        case FoundWord():
            return work._replace(word=found)


def _looked(work: Work, patron: FoundPatron | None, item: FoundItem | None) -> Work:
    """Return the work with what was read; spelled out, because it is done for every question."""
    return Work(
        work.asked, work.frame, work.sequence, work.checked, work.language, work.pin_sent, work.pin,
        patron, item, work.word, work.done,
    )  # fmt: skip


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
        return _before(asked, work, card) or submit(here, work, card)
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
    lists = () if asked.summary.isspace() else tuple(parts(asked.summary))
    return LookPatron(card, lists, *answers.span(asked)) if lists else LookPatron(card)


def _before(asked: Message, work: Work, card: str) -> Need | None:
    """Return what must be read before the desk is asked: an item by its title, a title by its item."""
    if isinstance(asked, Renew) and not asked.item.strip() and asked.title.strip() and card:
        return LookWord("lent", (card, written(asked.title))) if work.word is None else None
    if isinstance(asked, Hold) and asked.mode == "+" and asked.hold_type in ANY_COPY and work.item is None:
        item = usable(asked.item)
        return LookItem(item) if item else None
    return None


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
        refused = deed(here, work, usable(getattr(asked, "patron", "")))
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
