"""The fields of each kind of row, and under which columns they are found.

Each field has alternatives, tried in turn: our own column name first, then those of Koha's tables
(`borrowers`, `items`, `issues`, `reserves`, `accountlines`) as its reports and exports write them, and for
items of MARC records the subfields of 952 (Koha manual, "Item/Holdings Record Cataloging Guide"). A mapping
file replaces any of them.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, assert_never, get_args

from central.imports.records import Kind
from central.imports.values import (
    DateOrder,
    Parser,
    amount,
    branch,
    count,
    day,
    ident,
    language,
    moment,
    one_of,
    text,
    yes,
)
from circulation.fees import FeeKind


@dataclass(frozen=True, slots=True)
class Field:
    """One field of ours."""

    name: str
    parse: Parser
    blank: Any = ""
    """Its value where the cell is empty."""
    must: bool = False
    """Whether a row without it cannot be taken."""
    limit: int | None = None
    cut: bool = False
    """Whether what is longer is cut, with a notice, rather than refused."""


@dataclass(frozen=True, slots=True)
class Take:
    """How a field's cell is made from columns. `flags` takes the first column that is set, as a word."""

    columns: tuple[str, ...]
    how: Literal["one", "first", "join", "flags"] = "one"
    glue: str = " "
    words: tuple[dict[str, str], ...] = ()
    """With `flags`, for each column: value to word, and `*` for any other that is set."""
    values: dict[str, str] = field(default_factory=dict)
    """Value to value; `*` for any other that is not empty."""
    constant: str | None = None
    """One value for all rows; there are no columns then."""


def _one(*names: str) -> tuple[Take, ...]:
    return tuple(Take((name,)) for name in names)


def _date(field_name: str, order: DateOrder, *, must: bool = False) -> Field:
    return Field(field_name, day(order), None, must)


_PERSON = (Field("patron", ident, None, limit=64), Field("card", ident, None, limit=64))


def fields(kind: Kind, order: DateOrder, currency: str) -> dict[str, Field]:
    """Return the fields of a kind, with dates and amounts read as told."""
    match kind:
        case "patrons":
            made = _of_patrons(order)
        case "items":
            made = _ITEM
        case "loans":
            made = _of_loans(order)
        case "holds":
            made = _of_holds(order)
        case "fees":
            made = _of_fees(order, currency)
        case _:
            assert_never(kind)
    return {one.name: one for one in made}


def _of_patrons(order: DateOrder) -> tuple[Field, ...]:
    return (
        *_PERSON,
        Field("name", text, limit=200),
        Field("first_name", text, limit=60),
        Field("class", text, must=True, limit=64),
        Field("home", branch, must=True),
        Field("language", language),
        _date("expires", order),
        Field("blocked", text, None, limit=64),
        Field("pin", text, None, limit=200),
        Field("address", text, limit=500),
        Field("email", text, limit=200),
        Field("phone", text, limit=60),
        _date("birth", order),
        Field("internet", text, limit=64),
    )


_ITEM = (
    Field("item", ident, must=True, limit=64),
    Field("title", text, limit=300, cut=True),
    Field("class", text, must=True, limit=64),
    Field("media", text, limit=20),
    Field("owner", text, limit=32),
    Field("branch", branch, must=True),
    Field("gone", yes, False),
    Field("title_id", ident, limit=64),
    Field("call_number", text, limit=60, cut=True),
    Field("collection", text, limit=60, cut=True),
    Field("status", text, limit=20),
    Field("place", branch, None),
    Field("properties", text, limit=300),
)


def _of_loans(order: DateOrder) -> tuple[Field, ...]:
    return (
        *_PERSON,
        Field("item", ident, must=True, limit=64),
        Field("start", moment(order), None, must=True),
        _date("due", order, must=True),
        Field("renewals", count, 0),
        Field("branch", branch, None),
        Field("returned", moment(order), None),
    )


def _of_holds(order: DateOrder) -> tuple[Field, ...]:
    return (
        *_PERSON,
        Field("item", ident, None, limit=64),
        Field("title_id", ident, None, limit=64),
        Field("of_item", yes, None),
        Field("placed", moment(order), None, must=True),
        Field("pickup", branch, must=True),
        _date("expires", order),
        Field("priority", count, 0),
        Field("state", one_of(*HOLD_STATES), "waiting"),
        _date("ready_until", order),
        Field("suspended", yes, False),
        Field("ended", moment(order), None),
    )


def _of_fees(order: DateOrder, currency: str) -> tuple[Field, ...]:
    return (
        *_PERSON,
        Field("fee", ident, None, limit=64),
        Field("item", ident, None, limit=64),
        Field("kind", one_of(*FEE_KINDS), "other"),
        Field("amount", amount(currency), None, must=True),
        Field("owed", amount(currency), None),
        Field("at", moment(order), None, must=True),
    )


HOLD_STATES = ("waiting", "ready", "transit", "collected", "expired", "cancelled")
"""As `circulation.model.HoldState`; `transit` is a waiting one whose item is on its way."""

FEE_KINDS: tuple[str, ...] = get_args(FeeKind)

_KOHA_FEES = {
    **dict.fromkeys(("OVERDUE", "F", "FU", "FOR", "LATE"), "overdue"),
    **dict.fromkeys(("LOST", "L", "LOST_ITEM"), "replacement"),
    **dict.fromkeys(("PROCESSING", "PF"), "processing"),
    **dict.fromkeys(("RENT", "RENT_DAILY", "RENT_RENEW", "RENT_DAILY_RENEW", "Rent"), "rental"),
    **dict.fromkeys(("RESERVE", "RESERVE_EXPIRED", "Res", "HE"), "hold"),
    **dict.fromkeys(("NEW_CARD", "N", "ACCOUNT", "ACCOUNT_RENEW", "A"), "administrative"),
    **{kind: kind for kind in FEE_KINDS},
    "*": "other",
}
"""`accountlines.debit_type_code` of Koha, and the `accounttype` of releases before 19.11."""

_LOST = {"4": "missing", "5": "missing", "*": "lost"}
"""Authorised values LOST of a default Koha: 1 lost, 2 long overdue, 3 lost and paid for, 4 and 5 missing."""
_NOT_FOR_LOAN = {"-1": "on-order", "*": "not-for-loan"}
_STATUS = (_LOST, _NOT_FOR_LOAN, {"*": "damaged"})
_BLOCKED = ({"*": "card-lost"}, {"*": "card-blocked"}, {"*": "address-unknown"})
_ADDRESS = ("streetnumber", "address", "address2", "zipcode", "city", "state", "country")
_FOUND = {"W": "ready", "T": "transit", "P": "waiting", "F": "collected"}
_WHO = {"patron": _one("patron", "borrowernumber"), "card": _one("card", "cardnumber")}

COLUMNS: dict[Kind, dict[str, tuple[Take, ...]]] = {
    "patrons": {
        **_WHO,
        "name": (*_one("name"), Take(("firstname", "surname"), "join")),
        "first_name": _one("first_name", "firstname"),
        "class": _one("class", "categorycode"),
        "home": _one("home", "branchcode"),
        "language": _one("language", "lang"),
        "expires": _one("expires", "dateexpiry"),
        "blocked": (*_one("blocked"), Take(("lost", "debarred", "gonenoaddress"), "flags", words=_BLOCKED)),
        "pin": _one("pin", "password"),
        "address": (Take(_ADDRESS, "join", ", "),),
        "email": (Take(("email", "emailpro", "B_email"), "first"),),
        "phone": (Take(("phone", "mobile", "phonepro"), "first"),),
        "birth": _one("birth", "dateofbirth"),
        "internet": _one("internet"),
    },
    "items": {
        "item": _one("item", "barcode"),
        "title": _one("title"),
        "class": _one("class", "itype", "itemtype"),
        "media": _one("media"),
        "owner": _one("owner"),
        "branch": _one("branch", "homebranch"),
        "gone": _one("gone", "withdrawn", "wthdrawn"),
        "title_id": _one("title_id", "biblionumber"),
        "call_number": _one("call_number", "itemcallnumber"),
        "collection": (*_one("collection"), Take(("ccode", "location"), "first")),
        "status": (*_one("status"), Take(("itemlost", "notforloan", "damaged"), "flags", words=_STATUS)),
        "place": _one("place", "holdingbranch"),
        "properties": _one("properties"),
    },
    "loans": {
        **_WHO,
        "item": _one("item", "barcode"),
        "start": _one("start", "issuedate"),
        "due": _one("due", "date_due"),
        "renewals": _one("renewals", "renewals_count"),
        "branch": _one("branch", "branchcode"),
        "returned": _one("returned", "returndate"),
    },
    "holds": {
        **_WHO,
        "item": _one("item", "barcode"),
        "title_id": _one("title_id", "biblionumber"),
        "of_item": _one("of_item", "item_level_hold"),
        "placed": _one("placed", "reservedate"),
        "pickup": _one("pickup", "branchcode"),
        "expires": _one("expires", "patron_expiration_date"),
        "priority": _one("priority"),
        "state": (*_one("state"), Take(("found",), values=_FOUND)),
        "ready_until": _one("ready_until", "expirationdate"),
        "suspended": _one("suspended", "suspend"),
        "ended": _one("ended", "cancellationdate"),
    },
    "fees": {
        **_WHO,
        "fee": _one("fee", "accountlines_id"),
        "item": _one("item", "barcode"),
        "kind": (
            *_one("kind"),
            *(Take((name,), values=_KOHA_FEES) for name in ("debit_type_code", "accounttype")),
        ),
        "amount": _one("amount"),
        "owed": _one("owed", "amountoutstanding"),
        "at": _one("at", "date"),
    },
}

MARC_ITEMS: dict[str, tuple[Take, ...]] = {
    "item": _one("952$p"),
    "title": (Take(("245$a", "245$b", "245$n", "245$p"), "join"),),
    "class": _one("952$y"),
    "branch": _one("952$a"),
    "gone": _one("952$0"),
    "title_id": (Take(("999$c", "001"), "first"),),
    "call_number": _one("952$o"),
    "collection": (Take(("952$8", "952$c"), "first"),),
    "status": (Take(("952$1", "952$7", "952$4"), "flags", words=_STATUS),),
    "place": _one("952$b"),
}
"""Koha's holdings field in MARC 21, and where the record tells its title and number."""

NEEDED: dict[Kind, tuple[tuple[str, ...], ...]] = {
    "patrons": (("patron", "card"),),
    "items": (("item",),),
    "loans": (("patron", "card"), ("item",), ("start",), ("due",)),
    "holds": (("patron", "card"), ("item", "title_id"), ("placed",), ("pickup",)),
    "fees": (("patron", "card"), ("amount",), ("at",)),
}
"""One of each group must be in a file. What a new patron or item needs besides is looked at row by row."""
