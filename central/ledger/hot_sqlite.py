"""The hot statements on the sqlite3 driver: compiled once from `statements`, run without SQLAlchemy.

One instance owns one connection and is used by the desk's one worker thread. A PostgreSQL sibling has
the same methods. Dates travel as ISO strings here, because that is how SQLite keeps them.
"""

import sqlite3
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement

from central.ledger import statements
from central.ledger.lock import LeaseLost
from central.ledger.rows import AnswerRow, ItemRow, LoanRow, OpenCase, PatronRow, StreamRow
from circulation.history import ItemEvent, ItemState, Lent, Returned

_DIALECT = sqlite.dialect(paramstyle="qmark")


class _Sql:
    """Every statement of `statements` as SQL text, by its name in lower case."""

    def __init__(self) -> None:
        for name, value in vars(statements).items():
            if name.isupper() and isinstance(value, ClauseElement):
                setattr(self, name.lower(), str(value.compile(dialect=_DIALECT)))

    def __getattr__(self, name: str) -> str:
        raise AttributeError(f"statements has no {name.upper()}")


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


class Hot:
    """The desk's hands in the ledger."""

    def __init__(self, connection: sqlite3.Connection, epoch: int) -> None:
        self._db = connection
        self._run = connection.execute
        self._sql: Any = _Sql()
        self.epoch = epoch

    # --- transactions

    def begin(self) -> None:
        """Begin to write; raises LeaseLost when another central took the lease."""
        self._run("BEGIN IMMEDIATE")
        if self._run(self._sql.lease).fetchone() != (self.epoch,):
            self._run("ROLLBACK")
            raise LeaseLost(
                "another central took this ledger over", why="Two writers would undo each other's loans."
            )

    def commit(self) -> None:
        """Commit; what follows may be said."""
        self._run("COMMIT")

    def rollback(self) -> None:
        """Undo the whole group."""
        if self._db.in_transaction:
            self._run("ROLLBACK")

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
        row = self._run(self._sql.stream, (stream,)).fetchone()
        return None if row is None else StreamRow(stream, *row)

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

    def undelivered(self, station: str, stream: str) -> list[tuple[str, int, int]]:
        """Return the station's other streams with entries never seen: (stream, upto, high)."""
        return self._run(self._sql.undelivered, (station, stream)).fetchall()

    def has_other_stream(self, station: str, stream: str) -> bool:
        """Say whether the station ever had another stream."""
        return self._run(self._sql.other_stream, (station, stream)).fetchone() is not None

    def parked(self, station: str) -> list[tuple[str, int, str]]:
        """Return a station's parked streams: (stream, upto, parked id)."""
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
        due = None if row.due is None else row.due.isoformat()
        self._run(
            self._sql.answer, (row.request, row.outcome, row.item, due, row.renewed, row.refusal, row.at)
        )

    def answered(self, request: str) -> AnswerRow | None:
        """Return the answer a request got."""
        row = self._run(self._sql.answered, (request,)).fetchone()
        if row is None:
            return None
        return AnswerRow(request, row[0], row[1], _date(row[2]), bool(row[3]), row[4], row[5])

    # --- registry

    def place(self, station: str) -> tuple[str, str] | None:
        """Return a station's branch and zone."""
        row: tuple[str, str] | None = self._run(self._sql.place, (station,)).fetchone()
        return row

    def patron(self, card: str) -> PatronRow | None:
        """Return the patron of a card."""
        row = self._run(self._sql.patron, (card,)).fetchone()
        return None if row is None else PatronRow(row[0], row[1], _date(row[2]), row[3])

    def loans(self, patron: str) -> int:
        """Count a patron's open loans."""
        return int(self._run(self._sql.loans, (patron,)).fetchone()[0])

    def loans_of_class(self, patron: str, item_class: str) -> int:
        """Count a patron's open loans of one item class."""
        return int(self._run(self._sql.loans_of_class, (patron, item_class)).fetchone()[0])

    # --- items and history

    def item(self, item: str) -> ItemRow | None:
        """Return an item."""
        row = self._run(self._sql.item, (item,)).fetchone()
        if row is None:
            return None
        return ItemRow(item, row[0], row[1], row[2], bool(row[3]), row[4], ItemState(*row[5:]))

    def title(self, item: str) -> str | None:
        """Return an item's title, None when the item is not known."""
        row = self._run(self._sql.title, (item,)).fetchone()
        return None if row is None else row[0]

    def item_state(self, item: str, version: int, state: ItemState) -> None:
        """Store what an item's history comes to."""
        self._run(
            self._sql.item_state,
            (version, state.loan, state.last_at, state.last_id, state.tag, state.trouble, item),
        )

    def loan(self, request: str) -> LoanRow | None:
        """Return a loan."""
        row = self._run(self._sql.loan, (request,)).fetchone()
        if row is None:
            return None
        of, patron, start, ended, due, renewals, withdrawn, contested, tag = row
        return LoanRow(
            request,
            of,
            patron,
            start,
            ended,
            date.fromisoformat(due),
            renewals,
            bool(withdrawn),
            bool(contested),
            tag,
        )

    def new_loan(self, row: Sequence[Any]) -> None:
        """Insert a loan; the columns in the table's order."""
        self._run(self._sql.new_loan, row)

    def end_loan(self, request: str, ended: int | None) -> None:
        """Set when a loan ended; None opens it."""
        self._run(self._sql.end_loan, (ended, request))

    def close_others(self, item: str, request: str) -> None:
        """Make way for another open loan of the item; the fold sets the true ends."""
        self._run(self._sql.close_others, (item, request))

    def withdraw_loan(self, request: str) -> None:
        """A loan is as if it had never been."""
        self._run(self._sql.withdraw_loan, (request,))

    def contest_loan(self, request: str) -> None:
        """A loan was withdrawn after its tag was written: it stays."""
        self._run(self._sql.contest_loan, (request,))

    def loan_tag(self, request: str, tag: str) -> None:
        """Store the report on a loan's tag."""
        self._run(self._sql.loan_tag, (tag, request))

    def loan_due(self, request: str, due: date, renewals: int) -> None:
        """Set a loan's due date and how often it was renewed."""
        self._run(self._sql.loan_due, (due.isoformat(), renewals, request))

    def new_renewal(self, request: str, loan: str, at: int, due: date) -> None:
        """Insert a renewal."""
        self._run(self._sql.new_renewal, (request, loan, at, due.isoformat(), False))

    def renewal(self, request: str) -> tuple[str, bool] | None:
        """Return a renewal's loan, and whether it was withdrawn."""
        row = self._run(self._sql.renewal, (request,)).fetchone()
        return None if row is None else (row[0], bool(row[1]))

    def withdraw_renewal(self, request: str, loan: str) -> None:
        """Undo a renewal: the loan is due as if it had never been."""
        self._run(self._sql.withdraw_renewal, (request,))
        first, renewals = self._run(self._sql.first_due, (loan,)).fetchone()
        dues = [row[0] for row in self._run(self._sql.renewals, (loan,))]
        self._run(self._sql.loan_due, (max([first, *dues]), max(0, renewals - 1), loan))

    def new_checkin(self, row: Sequence[Any]) -> None:
        """Insert a checkin; the columns in the table's order."""
        self._run(self._sql.new_checkin, row)

    def checkin(self, fact: str) -> tuple[str, int, str | None] | None:
        """Return a checkin's item, time and report on its tag."""
        row = self._run(self._sql.checkin, (fact,)).fetchone()
        return None if row is None else (row[0], row[1], row[2])

    def checkin_secured(self, fact: str, outcome: str) -> None:
        """Store the report on a checkin's tag."""
        self._run(self._sql.checkin_secured, (outcome, fact))

    def history(self, item: str) -> tuple[list[ItemEvent], dict[str, int | None]]:
        """Return an item's events, and the stored end of each loan that is not withdrawn."""
        events: list[ItemEvent] = []
        ends: dict[str, int | None] = {}
        for key, at, withdrawn, tag, contested, ended, lent in self._run(self._sql.history, (item, item)):
            if lent:
                events.append(Lent(key, at, bool(withdrawn), tag, bool(contested)))
                if not withdrawn:
                    ends[key] = ended
            else:
                events.append(Returned(key, at, tag))
        return events, ends

    def change(self, n: int, item: str, version: int, state: str, at: int) -> None:
        """Number one change of an item's state."""
        self._run(self._sql.new_change, (n, item, version, state, at))

    def last_change(self) -> int:
        """Return the number of the last change, pruned or not."""
        floor = self._run(self._sql.floor).fetchone()
        return max(int(floor[0]) if floor else 0, self._run(self._sql.last_change).fetchone()[0] or 0)

    # --- gates and cases

    def passage(self, row: Sequence[Any]) -> None:
        """Insert a passage; the columns in the table's order."""
        self._run(self._sql.new_passage, row)

    def count(self, row: Sequence[Any]) -> None:
        """Insert a count; the columns in the table's order."""
        self._run(self._sql.new_count, row)

    def open_case(self, case: OpenCase, item: str, detail: str, at: int) -> bool:
        """Open a case, or open it again; False when it is open already."""
        row = self._run(self._sql.case, (case.key,)).fetchone()
        if row is None:
            self._run(
                self._sql.new_case,
                (case.key, case.kind, case.station, case.branch, item, detail, at, None, 1),
            )
            return True
        if row[0] is None:
            return False
        self._run(self._sql.reopen_case, (case.station, case.branch, detail, at, case.key))
        return True

    def close_case(self, key: str, at: int) -> OpenCase | None:
        """Close a case; None when it is not open."""
        row = self._run(self._sql.case, (key,)).fetchone()
        if row is None or row[0] is not None:
            return None
        self._run(self._sql.close_case, (at, key))
        return OpenCase(key, row[1], row[2], row[3])

    def cases_of_item(self, item: str) -> list[OpenCase]:
        """Return the open cases of an item."""
        return [OpenCase(*row) for row in self._run(self._sql.cases_of_item, (item,))]

    def undelivered_cases(self, station: str) -> list[OpenCase]:
        """Return the open cases about facts a station has not delivered."""
        return [OpenCase(*row) for row in self._run(self._sql.undelivered_cases, (station,))]

    def unsettled(self, since: int, until: int) -> list[tuple[str, str, str]]:
        """Return (item, station, branch) of loans and returns between whose tag nobody reported on."""
        found = self._run(self._sql.unsettled_loans, (since, until)).fetchall()
        return found + self._run(self._sql.unsettled_checkins, (since, until)).fetchall()
