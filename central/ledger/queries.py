"""Cold reads: accounts, items, snapshots, cases. SQLAlchemy Core, one connection, one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, false, func, select

from central.ledger import pins
from central.ledger.rows import moment
from central.ledger.schema import (
    UNFINISHED,
    asked,
    branch,
    card,
    case,
    change,
    checkin,
    count,
    dead_letter,
    fee,
    item,
    journal,
    lease,
    loan,
    meta,
    passage,
    patron,
    station,
    stream,
)
from central.ledger.schema_services import OWED
from circulation.decide import refuse_patron
from circulation.due import local_date
from circulation.fees import Fee, owing
from circulation.model import Block, Patron
from circulation.policy import Policy
from wire.ids import item_hash
from wire.messages.asks import Account, ItemChange, ItemSeen
from wire.messages.stream import Refusal

STATES = {"available": 0, "loan": 1, "gone": 2}
"""As `wire.messages.asks.ItemsPage` packs them."""

_OPEN = and_(loan.c.ended.is_(None), loan.c.withdrawn == false())


@dataclass(frozen=True, slots=True)
class BranchRow:
    """A branch of the registry."""

    branch: str
    name: str
    zone: str


@dataclass(frozen=True, slots=True)
class StationRow:
    """A station of the registry."""

    station: str
    branch: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case, open while `closed` is None."""

    key: str
    kind: str
    station: str
    branch: str
    item: str
    detail: str
    opened: datetime
    closed: datetime | None
    times: int


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A stream that waits for an operator."""

    stream: str
    station: str
    seq: int
    seen: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All items' states at change number `n` or later: (keyed hash, version, state 0|1|2) each.

    Some may be newer than `n`: the changes after it tell them again, and the same version changes nothing.
    """

    n: int
    rows: Sequence[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Changes:
    """Item changes first..n without holes; `n` is first - 1 and `changes` empty when there are none.

    `at` is when the last of them was committed.
    """

    first: int
    n: int
    at: datetime
    changes: tuple[ItemChange, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened since a moment."""

    loans: int
    returns: int
    entered: int
    left: int


def account(db: Connection, policy: Policy, ask: str, number: str, pin: str | None, now: int) -> Account:
    """Return a patron's account as a kiosk may show it."""
    row = db.execute(
        select(patron, branch.c.zone)
        .join(card, card.c.patron == patron.c.patron)
        .join(branch, branch.c.branch == patron.c.home, isouter=True)
        .where(card.c.card == number)
    ).one_or_none()
    if row is None:
        return Account(ask=ask, known=False, refusal=refuse_patron(None, local_date(now, "UTC")))
    if pin is not None and not pins.right(pin, row.pin, of_none=policy.pin_of_none == "right"):
        return Account(ask=ask, known=False, refusal=Refusal(code="wrong-pin", next_step="try-later"))
    having = db.execute(
        select(func.count()).select_from(loan).where(loan.c.patron == row.patron).where(_OPEN)
    ).scalar_one()
    patron_class = row._mapping["class"]
    terms = policy.terms(patron_class, "*", row.home)
    today = local_date(now, row.zone or "UTC")
    known = Patron(row.patron, patron_class, row.expires, having, 0, _blocks(row))
    if terms.overdue_limit is not None:
        known = known._replace(overdue=_overdue(db, row.patron, today))
    if policy.block_at is not None:
        known = owing(known, _owed(db, row.patron))
    refusal = refuse_patron(known, today, policy, row.home)
    return Account(
        ask=ask,
        known=True,
        greeting=(row.first_name or None) if policy.greet_by_name else None,
        language=row.language or None,
        loans=having,
        limit=terms.limit,
        refusal=refusal,
    )


def _blocks(row: Row[Any]) -> tuple[Block, ...]:
    found = (Block(row.blocked),) if row.blocked else ()
    return (*found, Block("card-blocked")) if row.barred is not None else found


def _overdue(db: Connection, number: str, today: date) -> int:
    late = select(func.count()).select_from(loan).where(loan.c.patron == number).where(_OPEN)
    return db.execute(late.where(loan.c.due < today)).scalar_one()


def _owed(db: Connection, number: str) -> list[Fee]:
    return [Fee(*row) for row in db.execute(select(fee).where(fee.c.patron == number).where(OWED))]


def item_seen(db: Connection, ask: str, number: str) -> ItemSeen:
    """Return title and whereabouts of an item."""
    row = db.execute(
        select(item.c.title, item.c.media, item.c.loan, loan.c.due)
        .join(loan, loan.c.request == item.c.loan, isouter=True)
        .where(item.c.item == number)
    ).one_or_none()
    if row is None:
        return ItemSeen(ask=ask, item=number, known=False)
    return ItemSeen(
        ask=ask,
        item=number,
        known=True,
        title=row.title or None,
        media=row.media or None,
        on_loan=row.loan is not None,
        due=row.due,
    )


def on_loan(db: Connection, number: str) -> bool | None:
    """Say whether an item is on loan; None when it is not known here."""
    row = db.execute(select(item.c.loan).where(item.c.item == number)).one_or_none()
    return None if row is None else row.loan is not None


def on_its_way(db: Connection, number: str) -> frozenset[str]:
    """Return the kinds of requests about an item that are still on their way to an authority elsewhere."""
    found = select(asked.c.kind).where(asked.c.item == number).where(UNFINISHED)
    return frozenset(db.execute(found).scalars())


def items_after(
    db: Connection, number: str, key: bytes, limit: int
) -> tuple[list[tuple[int, int, int]], str | None]:
    """Return the states of at most `limit` items behind the one of this number, and the last one's number."""
    found = db.execute(
        select(item.c.item, item.c.version, item.c.loan, item.c.gone)
        .where(item.c.item > number)
        .order_by(item.c.item)
        .limit(limit)
    ).all()
    rows = [(item_hash(key, one), version, STATES[_word(held, gone)]) for one, version, held, gone in found]
    return rows, found[-1].item if found else None


def _word(held: str | None, gone: bool) -> str:
    return "gone" if gone else ("available" if held is None else "loan")


def last_change(db: Connection) -> int:
    """Return the number of the newest change of an item; 0 before the first."""
    return max(_floor(db), db.execute(select(func.max(change.c.n))).scalar_one() or 0)


def _floor(db: Connection) -> int:
    return int(db.execute(select(meta.c.value).where(meta.c.key == "changes_upto")).scalar() or 0)


def changes_after(db: Connection, n: int, key: bytes, limit: int) -> Changes | None:
    """Return changes after `n`; None when they are pruned, or when `n` was never reached here."""
    if n < _floor(db) or n > last_change(db):
        return None
    rows = db.execute(
        select(change.c.n, change.c.item, change.c.version, change.c.state, change.c.at)
        .where(change.c.n > n)
        .order_by(change.c.n)
        .limit(limit)
    ).all()
    changes = tuple(
        ItemChange(h=f"{item_hash(key, number):016x}", v=version, s=state)
        for _, number, version, state, _ in rows
    )
    at = moment(rows[-1].at if rows else 0)
    return Changes(n + 1, n + len(changes), at, changes)


def stations(db: Connection) -> list[StationRow]:
    """Return the registry's stations by name."""
    found = db.execute(
        select(station.c.station, station.c.branch, station.c.kind, station.c.name).order_by(
            station.c.station
        )
    )
    return [StationRow(*row) for row in found]


def branches(db: Connection) -> list[BranchRow]:
    """Return the registry's branches by name."""
    found = db.execute(select(branch.c.branch, branch.c.name, branch.c.zone).order_by(branch.c.branch))
    return [BranchRow(*row) for row in found]


def cases(db: Connection, open_only: bool, limit: int) -> list[CaseRow]:
    """Return cases, newest first."""
    query = select(
        case.c.key,
        case.c.kind,
        case.c.station,
        case.c.branch,
        case.c.item,
        case.c.detail,
        case.c.opened,
        case.c.closed,
        case.c.times,
    )
    if open_only:
        query = query.where(case.c.closed.is_(None))
    return [
        CaseRow(*row[:6], moment(row[6]), None if row[7] is None else moment(row[7]), row[8])
        for row in db.execute(query.order_by(case.c.opened.desc(), case.c.key).limit(limit))
    ]


def parked(db: Connection) -> list[ParkedRow]:
    """Return the streams that wait for an operator, longest first."""
    found = db.execute(
        select(stream.c.stream, stream.c.station, stream.c.upto, stream.c.parked_seen, stream.c.parked_at)
        .where(stream.c.parked_id.is_not(None))
        .order_by(stream.c.parked_at)
    )
    return [ParkedRow(name, of, upto + 1, seen or "", moment(at or 0)) for name, of, upto, seen, at in found]


def counts(db: Connection, at: str | None, since: int) -> Counts:
    """Return what was lent, returned and counted since a moment, at one station or at all."""
    lent = select(func.count()).select_from(loan).where(loan.c.start >= since)
    lent = lent.where(loan.c.withdrawn == false())
    back = select(func.count()).select_from(checkin).where(checkin.c.at >= since)
    back = back.where(checkin.c.secured.is_distinct_from("undone"))
    people = select(
        func.coalesce(func.sum(count.c.entered), 0), func.coalesce(func.sum(count.c.departed), 0)
    ).where(count.c.at >= since)
    if at is not None:
        lent, back = lent.where(loan.c.station == at), back.where(checkin.c.station == at)
        people = people.where(count.c.station == at)
    entered, left = db.execute(people).one()
    return Counts(db.execute(lent).scalar_one(), db.execute(back).scalar_one(), entered, left)


def figures(db: Connection) -> dict[str, int | str]:
    """Return what a ledger holds, for people."""

    def number(table: Table, *where: ColumnElement[bool]) -> int:
        return db.execute(select(func.count()).select_from(table).where(*where)).scalar_one()

    return {
        "branches": number(branch),
        "stations": number(station),
        "patrons": number(patron),
        "items": number(item),
        "loans_open": number(loan, _OPEN),
        "loans": number(loan, loan.c.withdrawn == false()),
        "withdrawn": number(loan, loan.c.withdrawn),
        "returns": number(checkin),
        "passages": number(passage),
        "streams": number(stream),
        "parked": number(stream, stream.c.parked_id.is_not(None)),
        "journal": number(journal),
        "dead_letters": number(dead_letter),
        "cases_open": number(case, case.c.closed.is_(None)),
        "item_changes": last_change(db),
        "epoch": db.execute(select(lease.c.epoch)).scalar() or 0,
    }
