"""Answers about items and money: 12, 30, 10, 18, 20, 16, 66 and 38, from what came of it at the desk. Pure.

A tag is unlocked only where an answer says so: what was refused leaves it alone.
"""

from typing import Any, Literal

from central.sip2.answers import Here, carried, compact, due_text, iso
from central.sip2.messages_items import (
    Checkin,
    CheckinResponse,
    Checkout,
    CheckoutResponse,
    FeePaid,
    FeePaidResponse,
    Hold,
    HoldResponse,
    ItemInformation,
    ItemInformationResponse,
    ItemStatusUpdate,
    ItemStatusUpdateResponse,
    Renew,
    RenewAll,
    RenewAllResponse,
    RenewResponse,
)
from central.sip2.reads import ItemSeen
from central.terminal import AllRenewed, Back, Described, HoldKept, Lent, Paid, Refused
from circulation.fees import SIP2_FEE_TYPES
from circulation.policy import ANY

MEDIA = {
    "book": "001",
    "magazine": "002",
    "journal": "003",
    "audio": "004",
    "cassette": "004",
    "video": "005",
    "vhs": "005",
    "cd": "006",
    "cd-rom": "006",
    "dvd": "006",
    "diskette": "007",
    "book-diskette": "008",
    "book-cd": "009",
    "book-audio": "010",
}
"""Our words -> SIP2's media types (3M SIP2 2.00, "media type"); another word is 000, other."""
TAPES = frozenset({"004", "005", "007", "008", "010"})
"""Media types that a magnet would wipe."""
STATUSES = {
    "on-order": 2,
    "in-process": 6,
    "to-be-shelved": 9,
    "in-transit": 10,
    "claimed-returned": 11,
    "lost": 12,
    "missing": 13,
}
"""Our words -> SIP2's circulation status (3M SIP2 2.00, "circulation status")."""
OTHER, AVAILABLE, CHARGED, HOLD_SHELF, IN_TRANSIT = 1, 3, 4, 8, 10
ALERTS = {"hold-here": "01", "hold-elsewhere": "02", "transit": "04", "other": "99"}
"""Alert types (CV), an extension of 3M's."""


def media(word: str) -> str:
    """Return CK."""
    return "" if not word else MEDIA.get(word, "000")


def magnetic(word: str) -> Literal["Y", "N", "U"]:
    """Say whether an item is magnetic media."""
    code = media(word)
    return "U" if code in ("", "000") else "Y" if code in TAPES else "N"


def _fee_type(kind: str) -> str:
    return {str(name): code for name, code in SIP2_FEE_TYPES.items()}.get(kind, "01")


def _money(here: Here, outcome: Lent | Refused) -> dict[str, Any]:
    """Return BT, BH and BV of something that costs."""
    if not outcome.fee:
        return {}
    kind = _fee_type(outcome.fee_kind)
    return {"fee_type": kind, "currency": here.currency, "fee": here.amount(outcome.fee)}


def _why(here: Here, outcome: Refused) -> tuple[str, ...]:
    params = {"currency": here.currency} | dict(outcome.refusal.params)
    return (here.say(outcome.refusal.code, **params),)


def loan_answer(
    here: Here, asked: Checkout | Renew, outcome: Lent | Refused, item: str = ""
) -> CheckoutResponse | RenewResponse:
    """Answer 11 and 29. `item` is the one that was found by its title, where none was told."""
    kind = CheckoutResponse if isinstance(asked, Checkout) else RenewResponse
    common: dict[str, Any] = {
        "at": here.at,
        "institution": here.ao(asked.institution),
        "patron": asked.patron,
        "item": asked.item or carried(here, item),
        "title": outcome.title,
        **_money(here, outcome),
    }
    if isinstance(outcome, Refused):
        common["title"] = outcome.title or getattr(asked, "title", "")
        return kind(**common, ok=False, screen=_why(here, outcome))
    return kind(
        **common,
        ok=True,
        renewed=outcome.renewed,
        magnetic=magnetic(outcome.media),
        desensitize=isinstance(asked, Checkout) or here.account.profile.unlock_renewed,
        due=due_text(here, outcome.due),
        media=media(outcome.media),
        properties=outcome.properties,
    )


def checkin_answer(here: Here, asked: Checkin, outcome: Back | Refused, holder: str = "") -> CheckinResponse:
    """Answer 09. `holder` is the name of whoever the item is kept for."""
    common: dict[str, Any] = {
        "at": here.at,
        "institution": here.ao(asked.institution),
        "item": asked.item,
    }
    if isinstance(outcome, Refused):
        return CheckinResponse(
            **common, ok=False, alert=True, title=outcome.title, screen=_why(here, outcome)
        )
    profile = here.account.profile
    lent = outcome.ended or bool(asked.cancel)
    ok = asked.no_block or (outcome.known and (lent or profile.checked_in_ok))
    screen = []
    if not outcome.known:
        screen.append(here.say("item-unknown"))
    elif not lent and not profile.checked_in_ok:
        screen.append(here.say("not-lent"))
    if outcome.alert:
        screen.append(here.say(outcome.alert, branch=outcome.to_branch))
    if outcome.fine:
        screen.append(here.say("fine", fine=here.amount(outcome.fine), currency=here.currency))
    return CheckinResponse(
        **common,
        ok=ok,
        resensitize=outcome.known,
        magnetic=magnetic(outcome.media),
        alert=not outcome.known or outcome.alert in profile.alerts,
        permanent_location=outcome.owner_branch,
        title=outcome.title,
        patron=carried(here, outcome.patron),
        media=media(outcome.media),
        properties=outcome.properties,
        screen=tuple(screen),
        extra=_sorting(here, outcome, holder),
    )


def _sorting(here: Here, outcome: Back, holder: str) -> tuple[tuple[str, str], ...]:
    """Return what sorters of several makes read beyond 2.00."""
    values = {
        "CR": outcome.collection,
        "CS": outcome.call_number,
        "CT": outcome.to_branch,
        "CV": ALERTS.get(outcome.alert, "") if outcome.alert in here.account.profile.alerts else "",
        "CY": carried(here, outcome.hold_card),
        "DA": holder,
    }
    offered = here.account.profile.extensions
    return tuple((key, value) for key, value in values.items() if value and key in offered)


def circulation_status(seen: ItemSeen) -> int:
    """Return the number for what an item is at."""
    if seen.lent:
        return CHARGED
    if seen.status in STATUSES:
        return STATUSES[seen.status]
    if seen.gone or seen.status:
        return OTHER
    if seen.kept is not None:
        return HOLD_SHELF if seen.kept == "ready" else IN_TRANSIT
    return AVAILABLE


def item_information(here: Here, asked: ItemInformation, seen: ItemSeen | None) -> ItemInformationResponse:
    """Answer 17."""
    if seen is None:
        return ItemInformationResponse(
            circulation_status=OTHER, at=here.at, item=asked.item, screen=(here.say("item-unknown"),)
        )
    fee = here.policy.terms(ANY, seen.item_class, here.account.branch).rental_fee
    extra = {
        "CR": seen.collection,
        "CS": seen.call_number,
        "CT": seen.pickup if seen.kept == "waiting" and seen.pickup else "",
    }
    offered = here.account.profile.extensions
    said: dict[str, Any] = {
        "circulation_status": circulation_status(seen),
        "fee_type": "06" if fee else "01",
        "at": here.at,
        "hold_queue": str(seen.queue),
        "due": due_text(here, iso(seen.due)),
        "item": asked.item,
        "title": seen.title,
        "owner": seen.owner,
        "media": media(seen.media),
        "permanent_location": seen.branch,
        "current_location": seen.place or seen.branch,
        "properties": seen.properties,
        "extra": tuple((key, value) for key, value in extra.items() if value and key in offered),
    }
    if seen.kept_until:
        said["hold_pickup_date"] = f"{compact(seen.kept_until)}    235900"
    if fee:
        said |= {"currency": here.currency, "fee": here.amount(fee)}
    return ItemInformationResponse.of(said)


def item_updated(
    here: Here, asked: ItemStatusUpdate, outcome: Described | Refused
) -> ItemStatusUpdateResponse:
    """Answer 19."""
    if isinstance(outcome, Refused):
        return ItemStatusUpdateResponse(
            ok=False, at=here.at, item=asked.item, title=outcome.title, screen=_why(here, outcome)
        )
    return ItemStatusUpdateResponse(
        ok=True, at=here.at, item=asked.item, title=outcome.title, properties=outcome.properties
    )


def hold_answer(here: Here, asked: Hold, outcome: HoldKept | Refused) -> HoldResponse:
    """Answer 15."""
    common: dict[str, Any] = {
        "at": here.at,
        "institution": here.ao(asked.institution),
        "patron": asked.patron,
    }
    if isinstance(outcome, Refused):
        return HoldResponse(
            **common,
            ok=False,
            item=asked.item,
            title=asked.title or outcome.title,
            pickup=asked.pickup,
            screen=_why(here, outcome),
        )
    expires = outcome.expires
    return HoldResponse(
        **common,
        ok=True,
        available=outcome.available,
        expires="" if expires is None else f"{compact(expires.isoformat())}    235900",
        queue=str(outcome.position) if outcome.position else "",
        pickup=outcome.pickup or asked.pickup,
        item=asked.item or carried(here, outcome.item),
        title=outcome.title or asked.title,
        screen=(here.say("expiry-unread"),)
        if asked.mode == "+" and not expires and asked.expires.strip()
        else (),
    )


def all_renewed(here: Here, asked: RenewAll, outcome: AllRenewed | Refused) -> RenewAllResponse:
    """Answer 65."""
    if isinstance(outcome, Refused):
        return RenewAllResponse(
            ok=False, at=here.at, institution=here.ao(asked.institution), screen=_why(here, outcome)
        )
    return RenewAllResponse(
        ok=True,
        renewed=min(len(outcome.renewed), 9999),
        unrenewed=min(len(outcome.not_renewed), 9999),
        at=here.at,
        institution=here.ao(asked.institution),
        renewed_items=outcome.renewed,
        unrenewed_items=outcome.not_renewed,
    )


def paid(here: Here, asked: FeePaid, outcome: Paid | Refused) -> FeePaidResponse:
    """Answer 37."""
    refused = isinstance(outcome, Refused)
    return FeePaidResponse(
        accepted=not refused,
        at=here.at,
        institution=here.ao(asked.institution),
        patron=asked.patron,
        transaction=asked.transaction,
        screen=_why(here, outcome) if isinstance(outcome, Refused) else (),
    )
