"""The hot statements on the sqlite3 driver, part one: transactions, lease, streams, journal, answers.

`hot_sqlite.Hot` adds registry, items and cases; the desk uses that.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement

from central.ledger import statements, statements_history, statements_services
from central.ledger.lock import LeaseLost
from central.ledger.rows import AnswerRow, Begun, StreamRow
from wire.messages.stream import Refusal
from wire.streams.central import Row

_DIALECT = sqlite.dialect(paramstyle="qmark")


class _Sql:
    """Every statement of `statements` as SQL text, by its name in lower case."""

    def __init__(self) -> None:
        for module in (statements, statements_history, statements_services):
            for name, value in vars(module).items():
                if name.isupper() and isinstance(value, ClauseElement):
                    text = str(value.compile(dialect=_DIALECT))
                    if vars(self).setdefault(name.lower(), text) != text:
                        raise ValueError(f"two statements are named {name}")

    def __getattr__(self, name: str) -> str:
        raise AttributeError(f"statements has no {name.upper()}")


@cache
def _statements() -> _Sql:
    """Return the statements, compiled once for all hands."""
    return _Sql()


def iso_date(text: str | None) -> date | None:
    """Return the date SQLite keeps as text."""
    return None if text is None else date.fromisoformat(text)


def _refusal(text: str | None) -> Refusal | None:
    return None if text is None else Refusal.model_validate_json(text)


def stream_row(stream: str, found: Sequence[Any]) -> StreamRow:
    """Return what `statements.STREAM` found of a stream."""
    station, upto, entry, high, high_id, parked, last_at = found
    return StreamRow(Row(stream, station, upto, entry, high, high_id, parked is not None), True, last_at)


def answer_values(row: AnswerRow) -> tuple[Any, ...]:
    """Return an answer as its table holds it."""
    due = None if row.due is None else row.due.isoformat()
    refusal = None if row.refusal is None else row.refusal.model_dump_json()
    return row.request, row.outcome, row.item, due, row.renewed, refusal, row.at


def is_trouble(error: BaseException) -> bool:
    """Say whether the database itself failed (disk full, file damaged), rather than what was asked of it."""
    if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.DataError):
        return False
    return isinstance(error, sqlite3.DatabaseError)


def is_busy(error: Exception) -> bool:
    """Say whether somebody else is just writing the ledger."""
    return (
        isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    )


class StreamHot:
    """What the streams need of the ledger."""

    def __init__(self, connection: sqlite3.Connection, epoch: int = 0) -> None:
        self.connection = connection
        self._run = connection.execute
        self._sql: Any = _statements()
        self.epoch = epoch
        self.to_shed = True
        """Whether the write-ahead log may hold what is forgotten; of an earlier run nobody knows."""

    # --- transactions

    def take_lease(self, boot: str, now: int) -> None:
        """Take the next epoch; whoever had the one before can commit no more."""
        self._run("BEGIN IMMEDIATE")
        row = self._run(self._sql.lease).fetchone()
        self.epoch = 1 if row is None else row[0] + 1
        if row is None:
            self._run(self._sql.new_lease, (1, self.epoch, boot, now))
        else:
            self._run(self._sql.take_lease, (self.epoch, boot, now, 1))
        self._run("COMMIT")

    def seal_key(self, fresh: str) -> str:
        """Return the key with which cards are sealed; a ledger that has none yet keeps `fresh`."""
        self._run("BEGIN IMMEDIATE")
        row = self._run(self._sql.seal).fetchone()
        if row is None:
            self._run(self._sql.new_meta, ("seal", fresh))
        self._run("COMMIT")
        return fresh if row is None else str(row[0])

    def begin(self) -> Begun:
        """Begin to write; raises LeaseLost when another central took the lease."""
        self._run("BEGIN IMMEDIATE")
        epoch, *found = self._run(self._sql.begun).fetchone() or (None,)
        if epoch != self.epoch:
            self._run("ROLLBACK")
            raise LeaseLost(
                "another central took this ledger over", why="Two writers would undo each other's loans."
            )
        return Begun(*map(bool, found))

    @contextmanager
    def patience(self, most_ms: int) -> Iterator[None]:
        """Wait so long when somebody else is just writing, before that is an error (`is_busy`)."""
        before = self._run("PRAGMA busy_timeout").fetchone()[0]
        self._run(f"PRAGMA busy_timeout={most_ms}")
        try:
            yield
        finally:
            self._run(f"PRAGMA busy_timeout={before}")

    def commit(self) -> None:
        """Commit; what follows may be said."""
        self._run("COMMIT")

    def rollback(self) -> None:
        """Undo the whole group."""
        if self.connection.in_transaction:
            self._run("ROLLBACK")

    def shed(self) -> None:
        """Cut off the write-ahead log, so that no old page stays in it; `to_shed` says if that is still to
        be done. It waits for nobody: while it waited for a reader, nobody could write."""
        with self.patience(0):
            busy, *_ = self._run("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.to_shed = bool(busy)

    def savepoint(self) -> None:
        """Begin one entry."""
        self._run("SAVEPOINT entry")

    def release(self) -> None:
        """Keep one entry."""
        self._run("RELEASE entry")

    def undo(self) -> None:
        """Undo one entry."""
        self._run("ROLLBACK TO entry")
        self._run("RELEASE entry")

    # --- streams

    def stream(self, stream: str) -> StreamRow | None:
        """Return a stream's row."""
        found = self._run(self._sql.stream, (stream,)).fetchone()
        if found is None:
            return None
        return stream_row(stream, found)

    def new_stream(self, stream: str, station: str) -> None:
        """Insert a stream at zero."""
        self._run(self._sql.new_stream, (stream, station))

    def move(self, stream: str, to: int, to_id: str, at: int, prev: int, prev_id: str) -> bool:
        """Compare and set `upto`; False when it was not at `prev`."""
        return self._run(self._sql.move, (to, to_id, at, stream, prev, prev_id)).rowcount == 1

    def raise_high(self, stream: str, high: int, high_id: str) -> None:
        """Store the furthest entry a station claimed."""
        self._run(self._sql.raise_high, (high, high_id, stream))

    def park(
        self, stream: str, entry: str | None, body: str | None, seen: str | None, at: int | None
    ) -> None:
        """Park a stream at an entry, or (all None) let it go on."""
        self._run(self._sql.park, (entry, body, seen, at, stream))

    def undelivered(self, station: str, stream: str) -> list[tuple[str, int, int, str]]:
        """Return the station's other streams with entries never seen: (stream, upto, high, high_id)."""
        return self._run(self._sql.undelivered, (station, stream)).fetchall()

    def has_other_stream(self, station: str, stream: str) -> bool:
        """Say whether the station ever had another stream."""
        return self._run(self._sql.other_stream, (station, stream)).fetchone() is not None

    def parked(self, station: str) -> list[tuple[str, int, str, str, str, int]]:
        """Return a station's parked streams: (stream, upto, id, parked id, parked body, last_at)."""
        return self._run(self._sql.parked, (station,)).fetchall()

    def journal(
        self,
        fact: str,
        stream: str,
        seq: int,
        outcome: str,
        kind: str,
        at: int,
        received: int,
        item: str | None,
    ) -> None:
        """Write one consumed number down."""
        self._run(self._sql.journal, (fact, stream, seq, outcome, kind, at, received, item))

    def known(self, fact: str) -> bool:
        """Say whether this fact was consumed before, under whatever number."""
        return self._run(self._sql.known, (fact,)).fetchone() is not None

    def dead(
        self, fact: str, stream: str, seq: int, station: str, received: int, body: str, why: str
    ) -> None:
        """Keep an entry that nobody can decode."""
        self._run(self._sql.dead, (fact, stream, seq, station, received, body, why))

    def answer(self, row: AnswerRow) -> None:
        """Store an answer with its effect."""
        self._run(self._sql.answer, answer_values(row))

    def answered(self, request: str) -> AnswerRow | None:
        """Return the answer a request got."""
        row = self._run(self._sql.answered, (request,)).fetchone()
        if row is None:
            return None
        return AnswerRow(request, row[0], row[1], iso_date(row[2]), bool(row[3]), _refusal(row[4]), row[5])
