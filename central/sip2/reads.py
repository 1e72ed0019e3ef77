"""What 63, 23 and 17 show, read from the ledger: a few statements, compiled once and run bare.

Each answer is one statement, so it is of one moment, and sees every commit that was made before. A patron's
account takes some tens of microseconds; it is read where the frame is, without a thread.
"""

import sqlite3
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Date, ScalarSelect, Select, bindparam, func, literal_column, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ColumnElement

from central.ledger import database
from central.ledger.schema import OPEN, branch, card, fee, hold, item, loan, patron
from central.ledger.schema_services import OWED, QUEUED

LONGEST = 64
"""Characters of the longest number that the ledger keeps."""
BUSY_MS = 250
"""How long a read waits for a ledger that is being changed from outside."""


class PatronSeen(NamedTuple):
    """A patron, with what is counted of loans, holds and fees."""

    patron: str
    patron_class: str
    home: str
    language: str
    expires: str | None
    blocked: str | None
    barred: str | None
    has_pin: int
    name: str
    first_name: str
    address: str
    email: str
    phone: str
    birth: str | None
    internet: str
    charged: int
    overdue: int
    ready: int
    waiting: int
    fee_count: int
    fines: int
    fees: int

    def __repr__(self) -> str:
        return "PatronSeen()"


class ItemSeen(NamedTuple):
    """An item, with its loan and who waits for it."""

    item: str
    title: str
    item_class: str
    media: str
    owner: str
    branch: str
    gone: int
    title_id: str
    call_number: str
    collection: str
    status: str
    place: str | None
    properties: str
    due: str | None
    lent: int
    queue: int
    kept: str | None
    """State of the hold that it is kept for: ready, or waiting while it is on its way."""
    kept_until: str | None
    pickup: str | None


class Entry(NamedTuple):
    """One line of a list of 64."""

    item: str
    title: str
    amount: int = 0
    """Of a fee: what is left to pay."""


class Reads(Protocol):
    """What the server reads. Nothing waits: an answer is some tens of microseconds away."""

    def patron(self, card: str, today: date) -> PatronSeen | None:
        """Return the patron of a card."""

    def entries(self, patron: str, which: str, today: date, first: int, count: int) -> list[Entry]:
        """Return lines of a list: `AS`, `AT`, `AU`, `AV`, `CD`; the first is 1."""

    def item(self, number: str) -> ItemSeen | None:
        """Return an item."""

    def branch(self, name: str) -> tuple[str, str] | None:
        """Return a branch's name and zone."""

    def word(self, what: str, *given: str) -> str | None:
        """Return one text; None: there is no such card or loan.

        `pin` of a card as it is stored, empty where it has none; `name` of its patron; the `lent` item of a
        title on it.
        """


# --- the statements

_AT: ColumnElement[str] = bindparam("patron")
_NONE: ColumnElement[Any] = literal_column("0")
_READY: ColumnElement[Any] = literal_column("'ready'")
_LATE: ColumnElement[Any] = bindparam("today", type_=Date)
_EMPTY: ColumnElement[Any] = literal_column("''")
_FINE: ColumnElement[Any] = literal_column("'overdue'")


def _count(
    of: Any, where: ColumnElement[bool], still: Any, more: ColumnElement[bool] | None = None
) -> Select[Any]:
    found = select(func.count()).select_from(of).where(where).where(still)
    return found if more is None else found.where(more)


def _inner(of: Select[Any]) -> ScalarSelect[Any]:
    return of.scalar_subquery()


def _owed(kind: ColumnElement[bool]) -> ScalarSelect[Any]:
    total = func.coalesce(func.sum(fee.c.amount - fee.c.paid), _NONE)
    return _inner(select(total).where(fee.c.patron == patron.c.patron).where(OWED).where(kind))


_HAS, _WAITS = loan.c.patron == patron.c.patron, hold.c.patron == patron.c.patron
PATRON = (
    select(
        *(patron.c[name] for name in ("patron", "class", "home", "language", "expires", "blocked", "barred")),
        patron.c.pin.is_not(None),
        *(
            patron.c[name]
            for name in ("name", "first_name", "address", "email", "phone", "birth", "internet")
        ),
        _inner(_count(loan, _HAS, OPEN)),
        _inner(_count(loan, _HAS, OPEN, loan.c.due < _LATE)),
        _inner(_count(hold, _WAITS, QUEUED, hold.c.state == _READY)),
        _inner(_count(hold, _WAITS, QUEUED, hold.c.state != _READY)),
        _inner(_count(fee, fee.c.patron == patron.c.patron, OWED)),
        _owed(fee.c.kind == _FINE),
        _owed(fee.c.kind != _FINE),
    )
    .join(card, card.c.patron == patron.c.patron)
    .where(card.c.card == bindparam("card"))
)

_KEPT = (hold.c.ready_item == item.c.item, QUEUED)
ITEM = (
    select(
        *(
            item.c[name]
            for name in ("item", "title", "class", "media", "owner", "branch", "gone", "title_id")
        ),
        *(item.c[name] for name in ("call_number", "collection", "status", "place", "properties")),
        _inner(select(loan.c.due).where(loan.c.request == item.c.loan)),
        item.c.loan.is_not(None),
        _inner(_count(hold, hold.c.item == item.c.item, QUEUED))
        + _inner(_count(hold, hold.c.title_id == item.c.title_id, QUEUED, hold.c.title_id != _EMPTY)),
        _inner(select(hold.c.state).where(*_KEPT)),
        _inner(select(hold.c.ready_until).where(*_KEPT)),
        _inner(select(hold.c.pickup).where(*_KEPT)),
    )
).where(item.c.item == bindparam("item"))

_LOANS = (
    select(loan.c.item, func.coalesce(item.c.title, _EMPTY), _NONE)
    .join(item, item.c.item == loan.c.item, isouter=True)
    .where(loan.c.patron == _AT)
    .where(OPEN)
    .order_by(loan.c.due, loan.c.start, loan.c.item)
)
_OTHER = item.alias("other")
_COPY = func.coalesce(
    hold.c.ready_item,
    hold.c.item,
    _inner(select(func.min(_OTHER.c.item)).where(_OTHER.c.title_id == hold.c.title_id).correlate(hold)),
    hold.c.title_id,
)
_HOLDS = (
    select(
        _COPY,
        func.coalesce(_inner(select(item.c.title).where(item.c.item == _COPY)), _EMPTY),
        _NONE,
    )
    .where(hold.c.patron == _AT)
    .where(QUEUED)
    .order_by(hold.c.n)
)
_FEES = (
    select(
        func.coalesce(fee.c.item, fee.c.fee),
        func.coalesce(item.c.title, _EMPTY),
        fee.c.amount - fee.c.paid,
    )
    .join(item, item.c.item == fee.c.item, isouter=True)
    .where(fee.c.patron == _AT)
    .where(OWED)
    .order_by(fee.c.at, fee.c.fee)
)
LISTS = {
    "AS": _HOLDS.where(hold.c.state == _READY),
    "AT": _LOANS.where(loan.c.due < _LATE),
    "AU": _LOANS,
    "AV": _FEES,
    "CD": _HOLDS.where(hold.c.state != _READY),
}
"""Field of 64 -> the list; those of recalls (BU) are empty: there are none."""

_BY_CARD = card.c.card == bindparam("a")
WORDS = {
    "pin": select(func.coalesce(patron.c.pin, _EMPTY))
    .join(card, card.c.patron == patron.c.patron)
    .where(_BY_CARD),
    "name": select(patron.c.name).join(card, card.c.patron == patron.c.patron).where(_BY_CARD),
    "lent": select(func.min(loan.c.item))
    .join(card, card.c.patron == loan.c.patron)
    .join(item, item.c.item == loan.c.item)
    .where(_BY_CARD)
    .where(OPEN)
    .where((item.c.title == bindparam("b")) | (item.c.title_id == bindparam("b"))),
}
"""What `word` answers; the first text given is `a`, the second `b`."""
BRANCH = select(branch.c.name, branch.c.zone).where(branch.c.branch == bindparam("branch"))


def _sql(statement: Select[Any]) -> str:
    """Return a statement as the driver runs it; a list gives a part of itself."""
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))


def _by_place(statement: Select[Any], *given: str) -> str:
    """Return a statement that takes its values by their place, which the driver finds sooner than by name."""
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))
    if tuple(compiled.positiontup or ()) != given:
        raise ValueError(f"the statement takes {compiled.positiontup}, not {given}")
    return str(compiled)


class LedgerReads:
    """Reads of the ledger on a connection of its own, which cannot write."""

    def __init__(self, url: str) -> None:
        self._db = sqlite3.connect(
            database.path_of(url), isolation_level=None, check_same_thread=False, cached_statements=64
        )
        for pragma in ("query_only=ON", f"busy_timeout={BUSY_MS}", "cache_size=-32768"):
            self._db.execute(f"PRAGMA {pragma}")
        self._run = self._db.execute
        self._patron = _by_place(PATRON, "today", "card")
        self._item = _by_place(ITEM, "item")
        self._branch = _sql(BRANCH)
        self._words = {name: _sql(statement) for name, statement in WORDS.items()}
        self._lists = {name: f"{_sql(one)} LIMIT :count OFFSET :first" for name, one in LISTS.items()}

    def patron(self, card: str, today: date) -> PatronSeen | None:
        """Return the patron of a card."""
        row = self._run(self._patron, (today.isoformat(), card)).fetchone()
        return None if row is None else PatronSeen._make(row)

    def entries(self, patron: str, which: str, today: date, first: int, count: int) -> list[Entry]:
        """Return lines of a list, from the `first`, which is 1."""
        statement = self._lists.get(which)
        if statement is None:
            return []
        given = {"patron": patron, "today": today.isoformat(), "first": first - 1, "count": count}
        return [Entry._make(row) for row in self._run(statement, given)]

    def item(self, number: str) -> ItemSeen | None:
        """Return an item."""
        row = self._run(self._item, (number,)).fetchone()
        return None if row is None else ItemSeen._make(row)

    def word(self, what: str, *given: str) -> str | None:
        """Return one text."""
        row = self._run(self._words[what], dict(zip("ab", given, strict=False))).fetchone()
        return None if row is None or row[0] is None else str(row[0])

    def branch(self, name: str) -> tuple[str, str] | None:
        """Return a branch's name and zone."""
        row: tuple[str, str] | None = self._run(self._branch, {"branch": name}).fetchone()
        return row

    def close(self) -> None:
        """Close the connection."""
        self._db.close()


def parts(summary: str) -> Iterator[str]:
    """Return the lists that the summary of a 63 asks for, by their field."""
    for at, which in enumerate(("AS", "AT", "AU", "AV", "BU", "CD")):
        if summary[at : at + 1].upper() == "Y":
            yield which
