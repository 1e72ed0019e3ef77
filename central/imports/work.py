"""What the writers of an import share: the ledger in one transaction, numbered changes, the branches.

An import has the ledger to itself, as central has (`Ledger.open`), so it writes through the same hands
(`Hot`) and, as these do, in SQLite's own words, under the same lease. Items of which gates hear another word
get the next numbers of the same row of numbers, in the same commit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Select, Table, func, select
from sqlalchemy import insert as sql_insert
from sqlalchemy import update as sql_update
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.expression import bindparam

from central.imports.records import Fault, Outcome, Row
from central.ledger import schema
from central.ledger.hot_sqlite import Hot
from central.ledger.rows import ItemRow

_DIALECT = sqlite.dialect(paramstyle="named")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator chose."""

    now: int
    """When the import began, ms."""
    make_branches: str | None = None
    """Zone of the branches that rows name and the ledger lacks; None: such rows are refused."""
    trial: bool = False
    """Whether this happens in a copy that is thrown away."""
    workers: int = 2
    """Threads that hash PINs."""


class Writer(Protocol):
    """Brings rows of one kind into the ledger, within a transaction."""

    def write(self, rows: Sequence[Row]) -> list[Outcome]:
        """Return what came of each row, in order."""


def sql(statement: ClauseElement) -> str:
    """Return a statement as SQLite's driver takes it, with named parameters."""
    return str(statement.compile(dialect=_DIALECT))


def insert(table: Table, columns: Iterable[str]) -> str:
    """Return an insert of these columns."""
    return sql(sql_insert(table).values({name: bindparam(name) for name in columns}))


def update(table: Table, key: str, columns: Iterable[str]) -> str:
    """Return an update of these columns, by the key."""
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    return sql(sql_update(table).values(values).where(table.c[key] == bindparam(f"old_{key}")))


def among(table: Table, key: str, columns: Iterable[str]) -> str:
    """Return a query of these columns for all keys in the parameter `keys`, a JSON array."""
    return sql(select(*(table.c[name] for name in columns)).where(table.c[key].in_(keys())))


def keys() -> Select[Any]:
    """Return a query of the keys in the parameter `keys`, a JSON array."""
    return select(func.json_each(bindparam("keys")).table_valued("value").c.value)


class Work:
    """The ledger as an import holds it."""

    def __init__(self, hot: Hot, terms: Terms) -> None:
        self.hot = hot
        self.terms = terms
        self.branches: dict[str, str] = {}
        self._changes: list[tuple[int, str, int, str, int]] = []
        self._last_n = 0
        self._new_branch = insert(schema.branch, ("branch", "name", "zone"))

    def begin(self) -> None:
        """Begin a transaction; raises LeaseLost when another central took the ledger over."""
        self.hot.begin()
        self._last_n = self.hot.last_change()
        self._changes = []
        found = select(schema.branch.c.branch, schema.branch.c.zone)
        self.branches = dict(self.hot.connection.execute(sql(found)).fetchall())

    def commit(self) -> None:
        """Write the numbered changes down, and commit."""
        if self._changes:
            self.hot.changes(self._changes)
        self.hot.commit()

    def number(self, item: str, version: int, word: str) -> None:
        """Number what gates must learn of an item."""
        self._last_n += 1
        self._changes.append((self._last_n, item, version, word, self.terms.now))

    def store(self, row: ItemRow, after: ItemRow) -> None:
        """Write what an item's history comes to now; number it if gates see another word."""
        version = row.version
        if after.word != row.word:
            version += 1
            self.number(row.item, version, after.word)
        self.hot.item_state(row.item, version, after.state)

    def branch(self, name: str) -> str | None:
        """Return why rows of this branch cannot be taken; None when it is there, or was made just now."""
        if name in self.branches:
            return None
        if self.terms.make_branches is None:
            return "is no branch of the ledger; make it first, or map its values, or use --make-branches ZONE"
        zone = self.terms.make_branches
        self.hot.connection.execute(self._new_branch, {"branch": name, "name": name, "zone": zone})
        self.branches[name] = zone
        return None

    def instant(self, at: datetime, branch: str) -> int:
        """Return a moment in ms since 1970 UTC; a local one is of the branch's zone."""
        if at.tzinfo is None:
            at = at.replace(tzinfo=ZoneInfo(self.branches.get(branch, "UTC")))
        return int(at.astimezone(UTC).timestamp() * 1000)


def apart(rows: Sequence[Row], keys: Callable[[Row], Iterable[str]]) -> Iterator[list[Row]]:
    """Cut rows into pieces in none of which a key comes twice: the later row must see the earlier one."""
    piece: list[Row] = []
    seen: set[str] = set()
    for row in rows:
        own = set(keys(row))
        if own & seen:
            yield piece
            piece, seen = [], set()
        piece.append(row)
        seen |= own
    if piece:
        yield piece


def fault(row: Row, column: str, reason: str) -> Fault:
    """Return a fault of a row."""
    return Fault(row.line, column, reason)
