"""The hot statements on the sqlite3 driver: compiled once from `statements`, run without SQLAlchemy.

One instance owns one connection; the desk uses it from one thread at a time. A PostgreSQL sibling has
the same methods. Dates travel as ISO strings here, because that is how SQLite keeps them.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from central.ledger.hot_sqlite_services import ServicesHot
from central.ledger.hot_sqlite_streams import is_busy, is_trouble, iso_date
from central.ledger.rows import ItemRow, LoanRow, OpenCase, PatronRow
from circulation.history import ItemEvent, ItemState, Lent, Returned

__all__ = ["Hot", "is_busy", "is_trouble"]


def patron_row(row: Sequence[Any]) -> PatronRow:
    """Return what `statements.PATRON` found."""
    return PatronRow(row[0], row[1], iso_date(row[2]), row[3], row[4] is not None)


def item_row(item: str, row: Sequence[Any]) -> ItemRow:
    """Return what `statements.ITEM` found of an item."""
    title, item_class, branch, gone, version, title_id, status, place, *state = row
    return ItemRow(
        item, title, item_class, branch, bool(gone), version, title_id, status, place, ItemState(*state)
    )


def loan_row(request: str, row: Sequence[Any]) -> LoanRow:
    """Return what `statements.LOAN` found of a loan."""
    item, patron, start, ended, due, renewals, withdrawn, contested, tag, station, branch = row
    day = date.fromisoformat(due)
    return LoanRow(
        request, item, patron, start, ended, day, renewals, bool(withdrawn), bool(contested), tag,
        station, branch,
    )  # fmt: skip


class Hot(ServicesHot):
    """The desk's hands in the ledger."""

    # --- registry

    def place(self, station: str) -> tuple[str, str] | None:
        """Return a station's branch and zone."""
        row: tuple[str, str] | None = self._run(self._sql.place, (station,)).fetchone()
        return row

    def patron(self, card: str) -> PatronRow | None:
        """Return the patron of a card."""
        row = self._run(self._sql.patron, (card,)).fetchone()
        return None if row is None else patron_row(row)

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
        return None if row is None else item_row(item, row)

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
        return None if row is None else loan_row(request, row)

    def new_loan(self, row: Sequence[Any]) -> None:
        """Insert a loan; the columns in the table's order, without `previous`."""
        self._run(self._sql.new_loan, (*row, row[1]))
        self._happened(row[1], row[0])

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
        """Insert a checkin; the columns in the table's order, without `previous`."""
        self._run(self._sql.new_checkin, (*row, row[1]))
        self._happened(row[1], row[0])

    def _happened(self, item: str, event: str) -> None:
        """Note the event as the item's newest; it names the one before it."""
        if self._run(self._sql.newest, (event, item)).rowcount == 0:
            self._run(self._sql.first, (item, event))

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
        for key, at, withdrawn, tag, contested, ended, lent in self._run(self._sql.history, (item,)):
            if lent:
                events.append(Lent(key, at, bool(withdrawn), tag, bool(contested)))
                if not withdrawn:
                    ends[key] = ended
            else:
                events.append(Returned(key, at, tag))
        return events, ends

    def returned_since(self, item: str, at: int) -> bool:
        """Say whether an item came back at that time or later, by a return that stands."""
        return bool(self._run(self._sql.returned_since, (item, at)).fetchone()[0])

    def changes(self, rows: Sequence[tuple[int, str, int, str, int]]) -> None:
        """Write numbered changes of items' states down: (n, item, version, word, at)."""
        self.connection.executemany(self._sql.new_change, rows)

    def last_change(self) -> int:
        """Return the number of the last change, pruned or not."""
        floor = self._run(self._sql.floor).fetchone()
        return max(int(floor[0]) if floor else 0, self._run(self._sql.last_change).fetchone()[0] or 0)

    def changes_pruned(self, upto: int) -> None:
        """Note up to which number the changes are gone."""
        self._run(self._sql.forget_floor)
        self._run(self._sql.new_meta, ("changes_upto", str(upto)))

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

    def unsettled(self, since: int, until: int) -> list[tuple[str, str, str]]:
        """Return (item, station, branch) of loans and returns between whose tag nobody reported on."""
        found = self._run(self._sql.unsettled_loans, (since, until)).fetchall()
        return found + self._run(self._sql.unsettled_checkins, (since, until)).fetchall()
