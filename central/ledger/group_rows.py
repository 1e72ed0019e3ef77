"""Rows in memory while a group of entries is carried out: what was fetched, and what waits to be written."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from central.ledger.hot_sqlite import item_row, loan_row, patron_row
from central.ledger.hot_sqlite_streams import answer_values, stream_row
from central.ledger.many_rows import Run, read_rows, write_rows
from central.ledger.rows import AnswerRow, ItemRow, LoanRow, PatronRow, StreamRow

WAITING: Final = frozenset({"journal", "answer", "loan", "item", "checkin", "stream", "passage", "count"})
"""Tables whose rows may wait in memory."""


@dataclass(slots=True)
class Wanted:
    """What a group will look at, by id."""

    facts: list[str] = field(default_factory=list)
    streams: set[str] = field(default_factory=set)
    stations: set[str] = field(default_factory=set)
    items: set[str] = field(default_factory=set)
    cards: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)
    """Of tags that are reported on."""
    checkins: set[str] = field(default_factory=set)
    reported: set[str] = field(default_factory=set)
    """Items whose tag is reported on."""


@dataclass(slots=True)
class Held:
    """Rows that were fetched, with what the group has made of them. None: there is no such row."""

    known: dict[str, bool] = field(default_factory=dict)
    streams: dict[str, StreamRow | None] = field(default_factory=dict)
    places: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    items: dict[str, ItemRow | None] = field(default_factory=dict)
    patrons: dict[str, PatronRow | None] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    """Open loans of a patron."""
    classes: dict[tuple[str, str], int] | None = None
    """Open loans of a patron by item class; fetched when the first entry asks."""
    loans: dict[str, LoanRow | None] = field(default_factory=dict)
    begun: dict[str, list[Any]] = field(default_factory=dict)
    """Loans that began in this group, as their table's row; whoever looks at one finds it in `loans`."""
    checkins: dict[str, tuple[str, int, str | None] | None] = field(default_factory=dict)
    cased: dict[str, bool] = field(default_factory=dict)
    """Whether an item has an open case."""
    wanted: tuple[set[str], set[str], set[str]] | None = None
    """Items that were looked for, items and titles that somebody waits for."""

    def fetch(self, wanted: Wanted, sql: Any, run: Run) -> None:
        """Fetch what a group will look at."""
        self.known = dict.fromkeys(wanted.facts, False)
        for (fact,) in _all(run, sql.gather_known, wanted.facts):
            self.known[fact] = True
        self.streams = dict.fromkeys(wanted.streams)
        for row in _all(run, sql.gather_streams, wanted.streams):
            self.streams[row[0]] = stream_row(row[0], row[1:])
        self.places = dict.fromkeys(wanted.stations)
        for row in _all(run, sql.gather_places, wanted.stations):
            self.places[row[0]] = (row[1], row[2])
        self.patrons = dict.fromkeys(wanted.cards)
        for row in _all(run, sql.gather_patrons, wanted.cards):
            self.patrons[row[0]] = patron_row(row[1:])
        patrons = {row.patron for row in self.patrons.values() if row is not None}
        self.counts = dict.fromkeys(patrons, 0) | dict(_all(run, sql.gather_counts, patrons))
        self.checkins = dict.fromkeys(wanted.checkins)
        for row in _all(run, sql.gather_checkins, wanted.checkins):
            self.checkins[row[0]] = (row[1], row[2], row[3])
        self._fetch_items(wanted, sql, run)

    def _fetch_items(self, wanted: Wanted, sql: Any, run: Run) -> None:
        self.items = dict.fromkeys(wanted.items)
        for row in _all(run, sql.gather_items, wanted.items):
            self.items[row[0]] = item_row(row[0], row[1:])
        found = [row for row in self.items.values() if row is not None]
        requests = wanted.requests | {row.state.loan for row in found if row.state.loan is not None}
        self.loans = dict.fromkeys(requests)
        for row in _all(run, sql.gather_loans, requests):
            self.loans[row[0]] = loan_row(row[0], row[1:])
        self.cased = dict.fromkeys(wanted.reported, False)
        for (item,) in _all(run, sql.gather_cased, wanted.reported):
            self.cased[item] = True
        if wanted.items and run(sql.any_hold, ()).fetchone() is not None:
            titles = {row.title_id for row in found if row.title_id}
            rows = read_rows(run, sql.gather_wanted, wanted.items, titles)
            self.wanted = (wanted.items, {item for item, _ in rows}, {title for _, title in rows})

    def fetch_classes(self, sql: Any, run: Run) -> None:
        """Count the open loans of the patrons by item class."""
        self.classes = {(who, of): n for who, of, n in _all(run, sql.gather_classes, self.counts)}

    def forget(self, tables: Iterable[str]) -> None:
        """Somebody wrote these tables beside us."""
        for table in tables:
            match table:
                case "journal":
                    self.known.clear()
                case "stream":
                    self.streams.clear()
                case "station" | "branch":
                    self.places.clear()
                case "item":
                    self.items.clear()
                    self.classes = None
                case "patron" | "card":
                    self.patrons.clear()
                case "loan":
                    self.loans.clear()
                    self.begun.clear()
                    self.counts.clear()
                    self.classes = None
                case "checkin":
                    self.checkins.clear()
                case "case":
                    self.cased.clear()
                case "hold":
                    self.wanted = None
                case _:
                    pass


@dataclass(slots=True)
class Waiting:
    """What is not put down yet; in `put_down`'s order."""

    journal: list[tuple[Any, ...]] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)
    loans: dict[str, list[Any]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    states: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    answers: dict[str, AnswerRow] = field(default_factory=dict)
    checkins: dict[str, list[Any]] = field(default_factory=dict)
    secured: dict[str, str] = field(default_factory=dict)
    moves: dict[str, tuple[int, str, int, int, str]] = field(default_factory=dict)
    """Stream -> (to, its id, at, from, its id)."""
    passages: list[Sequence[Any]] = field(default_factory=list)
    counts: list[Sequence[Any]] = field(default_factory=list)

    def write(self, connection: sqlite3.Connection, sql: Any) -> bool:
        """Write it all; False when a stream was not where its entries began. A loan is ended before another
        one of its item begins: at most one may be open at any moment."""
        rows: list[tuple[str, Collection[Any]]] = [
            (sql.journal, self.journal),
            (sql.end_loan, [(ended, request) for request, ended in self.ends.items()]),
            (sql.new_loan, self.loans.values()),
            (sql.loan_tag, [(tag, request) for request, tag in self.tags.items()]),
            (sql.item_state, self.states.values()),
            (sql.answer, [answer_values(row) for row in self.answers.values()]),
            (sql.new_checkin, self.checkins.values()),
            (sql.checkin_secured, [(how, fact) for fact, how in self.secured.items()]),
            (sql.new_passage, self.passages),
            (sql.new_count, self.counts),
        ]
        for statement, of in rows:
            if of:
                write_rows(connection, statement, list(of))
        if not self.moves:
            return True
        moves = [
            (to, to_id, at, stream, prev, prev_id)
            for stream, (to, to_id, at, prev, prev_id) in self.moves.items()
        ]
        return write_rows(connection, sql.move, moves) == len(moves)


def _all(run: Run, sql: str, ids: Collection[str]) -> list[Any]:
    return read_rows(run, sql, ids) if ids else []


LOAN_ENDED, LOAN_TAG, CHECKIN_SECURED = 6, 12, 6
"""Places of columns in rows that wait."""
