"""A gate's copy of the items' state: snapshot pages, numbered changes, and how old it is (design §3).

How it thinks: a change carries its item's version, so changes may be applied in any order and twice: the
higher version wins. What must not be guessed is completeness. `n` is the number up to which nothing is
missing; a hole is asked for; a number that went back (a restored central) asks for everything anew. A
snapshot is staged page by page and swapped in by one transaction, so that a gate never decides from half
a copy. The copy is fresh when central has said lately that nothing newer exists; silence makes it old.

This module is the decision and the SQL; `kiosk.gate_items` joins it to a station.
Not for: patrons. A copy holds keyed hashes, versions and states, nothing else.
"""

import base64
import binascii
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from kiosk.gate import Known
from wire.messages.asks import ItemChange, ItemChanges, ItemsPage

ASK_AGAIN_S = 5.0
"""Between two asks for the same thing, while no answer comes."""

STALLED_S = 30.0
"""A snapshot whose pages stop coming is given up after this time."""

MANY = 500
"""A reply with so many changes was cut at central's limit for one message: the next ones are asked for."""

RECORD = 13
_STATES: tuple[Literal["available", "loan", "gone"], ...] = ("available", "loan", "gone")
_CODES = {state: code for code, state in enumerate(_STATES)}

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS items(h INTEGER PRIMARY KEY, v INTEGER NOT NULL, s INTEGER NOT NULL,"
    " n INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS items_staged(h INTEGER PRIMARY KEY, v INTEGER NOT NULL, s INTEGER NOT NULL)"
    " WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS items_copy(one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL,"
    " central TEXT NOT NULL, fresh_at TEXT NOT NULL)",
)


@dataclass(frozen=True, slots=True)
class Assembling:
    """A snapshot on its way."""

    ask: str
    asked_at: float
    snapshot: str = ""
    pages: int = 0
    have: frozenset[int] = frozenset()
    n: int = 0


@dataclass(frozen=True, slots=True)
class Copy:
    """What is known of the copy itself. Times in seconds of the monotonic clock, `fresh_at` by the wall."""

    n: int | None = None
    """Nothing is missing up to this change number; None: there is no complete copy."""
    central: str = ""
    """Boot of the central whose numbers these are."""
    fresh_at: datetime | None = None
    asked_at: float = -1e9
    """When central was last asked for changes, or last told some without a hole."""
    head: int = 0
    """Highest number heard of; above `n` there is a hole."""
    hole_at: float = -1e9
    """When the hole was last asked for."""
    assembling: Assembling | None = None

    def is_fresh(self, now: datetime, max_age_s: float) -> bool:
        """Whether a verdict may rest on the copy. A clock that went back is no proof of freshness."""
        if self.n is None or self.fresh_at is None:
            return False
        return timedelta(0) <= now - self.fresh_at + timedelta(seconds=2) <= timedelta(seconds=max_age_s + 2)

    def age_s(self, now: datetime) -> float | None:
        """Return seconds since central last said that nothing newer exists; None when there is no copy."""
        return None if self.n is None or self.fresh_at is None else (now - self.fresh_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply changes; a higher version wins. Keeps `copy` in the same transaction."""

    changes: tuple[ItemChange, ...]
    n: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop the whole copy: its numbers are not central's any more."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Put a page's records aside; `anew` empties the stage first."""

    records: str
    anew: bool


@dataclass(frozen=True, slots=True)
class Swap:
    """The snapshot that stands at `n` is complete: make it the copy, in one transaction."""

    n: int


@dataclass(frozen=True, slots=True)
class WantChanges:
    """Ask central for the changes after a number."""

    after: int


@dataclass(frozen=True, slots=True)
class WantSnapshot:
    """Ask central for everything; the pages name this ask."""

    ask: str


CopyEffect = Apply | Forget | Stage | Swap | WantChanges | WantSnapshot
Result = tuple[Copy, tuple[CopyEffect, ...]]


def changes_came(copy: Copy, message: ItemChanges, now: datetime, mono: float, fresh_ask: str) -> Result:
    """Take numbered changes into account; `fresh_ask` is a random id, used if a snapshot is needed."""
    apply = (Apply(message.changes, message.n),) if message.changes else ()
    if copy.n is None:
        asked, effects = tick(copy, mono, fresh_ask, poll_s=0)
        return asked, (*apply, *effects)
    overlaps = message.n < copy.n or (bool(message.changes) and message.first <= copy.n)
    if copy.central not in ("", message.central) and overlaps:
        # Another central counts from further back: its ledger was restored, and versions went back with
        # the numbers. Ours tells of a future that was forgotten.
        return _want_snapshot(replace(copy, n=None, head=0), mono, fresh_ask, (Forget(), *apply))
    if message.first > copy.n + 1:
        holed = replace(copy, head=max(copy.head, message.n))
        if mono - copy.hole_at < ASK_AGAIN_S:
            return holed, apply
        return replace(holed, hole_at=mono), (*apply, WantChanges(copy.n))
    n = max(copy.n, message.n)
    grown = replace(copy, n=n, central=message.central, fresh_at=now, asked_at=mono)
    if len(message.changes) >= MANY:
        return grown, (*apply, WantChanges(n))
    return grown, apply


def page_came(copy: Copy, page: ItemsPage, now: datetime, mono: float) -> Result:
    """Take one page of a snapshot into account. Pages nobody asked for are left alone."""
    under_way = copy.assembling
    if under_way is None or page.ask not in ("", under_way.ask):
        return copy, ()
    anew = under_way.snapshot != page.snapshot
    if anew and under_way.snapshot:
        return copy, ()
    if page.page in under_way.have or page.page >= page.pages:
        return copy, ()
    have = under_way.have | {page.page}
    assembling = replace(
        under_way, snapshot=page.snapshot, pages=page.pages, have=have, n=page.n, asked_at=mono
    )
    stage = Stage(page.records, anew)
    if len(have) < page.pages:
        return replace(copy, assembling=assembling), (stage,)
    n = page.n if copy.n is None else max(copy.n, page.n)
    done = replace(copy, n=n, central="", fresh_at=now, assembling=None, asked_at=-1e9)
    return done, (stage, Swap(page.n), WantChanges(n))


def tick(copy: Copy, mono: float, fresh_ask: str, *, poll_s: float) -> Result:
    """Ask for what is missing, or, every `poll_s` seconds, whether there is anything newer."""
    if copy.n is None or copy.assembling is not None:
        under_way = copy.assembling
        patience = ASK_AGAIN_S if under_way is None or not under_way.have else STALLED_S
        if under_way is not None and mono - under_way.asked_at < patience:
            return copy, ()
        return _want_snapshot(copy, mono, fresh_ask, ())
    if copy.head > copy.n and mono - copy.hole_at >= ASK_AGAIN_S:
        return replace(copy, hole_at=mono), (WantChanges(copy.n),)
    if mono - copy.asked_at < max(poll_s, ASK_AGAIN_S):
        return copy, ()
    return replace(copy, asked_at=mono), (WantChanges(copy.n),)


def connected(copy: Copy) -> Copy:
    """A connection stands: whatever was asked before is not coming any more."""
    return replace(copy, asked_at=-1e9, hole_at=-1e9, assembling=None)


def _want_snapshot(copy: Copy, mono: float, ask: str, before: tuple[CopyEffect, ...]) -> Result:
    asking = replace(copy, assembling=Assembling(ask, mono))
    return asking, (*before, WantSnapshot(ask))


def signed(h: int) -> int:
    """Return a 64-bit hash as SQLite keeps it."""
    return h - (1 << 64) if h >= 1 << 63 else h


def unpack(records: str) -> list[tuple[int, int, int]]:
    """Return (hash, version, state) of a page's packed records; raises ValueError when they are not."""
    try:
        raw = base64.b64decode(records, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error
    if len(raw) % RECORD:
        raise ValueError(f"{len(raw)} bytes are no whole records")
    return [
        (
            signed(int.from_bytes(raw[at : at + 8], "big")),
            int.from_bytes(raw[at + 8 : at + 12], "big"),
            raw[at + 12],
        )
        for at in range(0, len(raw), RECORD)
    ]


def load(db: sqlite3.Connection) -> Copy:
    """Make the tables if they are not there; return what is known of the copy."""
    for statement in SCHEMA:
        db.execute(statement)
    row = db.execute("SELECT n, central, fresh_at FROM items_copy").fetchone()
    return Copy() if row is None else Copy(row[0], row[1], datetime.fromisoformat(row[2]))


def carry_out(db: sqlite3.Connection, effects: tuple[CopyEffect, ...], copy: Copy) -> None:
    """Apply the effects that touch the database, and keep `copy`, within the caller's transaction."""
    for effect in effects:
        match effect:
            case Apply(changes=changes, n=n):
                rows = [(signed(int(one.h, 16)), one.v, _CODES[one.s], n) for one in changes]
                _upsert(db, "VALUES(?,?,?,?)", rows)
            case Forget():
                db.execute("DELETE FROM items")
            case Stage(records=records, anew=anew):
                if anew:
                    db.execute("DELETE FROM items_staged")
                db.executemany("INSERT OR REPLACE INTO items_staged VALUES(?,?,?)", unpack(records))
            case Swap(n=n):
                db.execute("DELETE FROM items WHERE n <= ? AND h NOT IN (SELECT h FROM items_staged)", (n,))
                _upsert(db, "SELECT h, v, s, ? FROM items_staged WHERE true", [(n,)])
                db.execute("DELETE FROM items_staged")
            case WantChanges() | WantSnapshot():
                pass
    if copy.n is None or copy.fresh_at is None:
        db.execute("DELETE FROM items_copy")
    else:
        db.execute(
            "INSERT OR REPLACE INTO items_copy VALUES(1,?,?,?)",
            (copy.n, copy.central, copy.fresh_at.isoformat()),
        )


def _upsert(db: sqlite3.Connection, source: str, rows: Sequence[tuple[int, ...]]) -> None:
    db.executemany(
        f"INSERT INTO items(h, v, s, n) {source} ON CONFLICT(h) DO UPDATE"
        " SET v = excluded.v, s = excluded.s, n = excluded.n WHERE excluded.v > items.v",
        rows,
    )


class ItemsView:
    """Looks items up in microseconds, on a read connection of its own beside the writer's."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)

    def state(self, h: int) -> Known:
        """Return what the copy says of the item with this hash; `absent` when it does not have it."""
        row = self._db.execute("SELECT s FROM items WHERE h = ?", (signed(h),)).fetchone()
        return "absent" if row is None or row[0] >= len(_STATES) else _STATES[row[0]]

    def close(self) -> None:
        """Let the file go."""
        self._db.close()
