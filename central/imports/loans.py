"""Open loans of another system into the ledger.

An import tells of loans that somebody else made. Each becomes the latest event of its item's history, by the
same step as at the desk (`circulation.history`): at most one is open, gates hear of it, a return that comes
later ends it. What the ledger knows since wins: a row that an event of the ledger contradicts is refused, for
somebody to look at. No rule of lending is asked, because nothing is lent.

Not through the desk's own function for loans: that one ends another open loan of the item, which is right for
an item that lies on a pad, and wrong for a list that may be a week old.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy import update as sql_update

from central.imports.people import People, identity, told_by
from central.imports.records import Fault, LeftOut, Outcome, Row
from central.imports.work import Work, fault, sql
from central.ledger import schema
from central.ledger.rows import ItemRow, LoanRow
from circulation.history import Lent, step

STATION = "import"
"""Stands where a loan names its station."""

OVER = "loan that is over"

_FIRST_DUE = sql(select(schema.loan.c.first_due).where(schema.loan.c.request == bindparam("key")))
_RENEWED = sql(select(schema.renewal.c.request).where(schema.renewal.c.loan == bindparam("key")))
_DUE = sql(
    sql_update(schema.loan)
    .values(due=bindparam("to"), first_due=bindparam("to"), renewals=bindparam("times"))
    .where(schema.loan.c.request == bindparam("key"))
)


class LoanWriter:
    """Writes loans."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._people = People(work)

    def write(self, rows: Sequence[Row]) -> list[Outcome]:
        """Add open loans, or move the due dates of those that were imported before."""
        return [self._one(row) for row in rows]

    def _one(self, row: Row) -> Outcome:
        told, hot = row.told, self._work.hot
        if told.get("returned") is not None:
            return LeftOut(OVER)
        item = hot.item(told["item"])
        if item is None:
            return fault(row, "item", "is not in the ledger; import items first")
        patron = self._people.find(told)
        if patron is None:
            return fault(row, told_by(told), "is not in the ledger; import patrons first")
        branch = told.get("branch") or item.branch
        if branch not in self._work.branches:
            reason = self._work.branch(branch)
            if reason is not None:
                return fault(row, "branch", reason)
        start = self._work.instant(told["start"], branch)
        if start > self._work.terms.now:
            return fault(row, "start", "lies in the future")
        request = identity("loan", told["item"], patron[0], start)
        known = hot.loan(request)
        if known is not None:
            return self._again(row, known)
        return self._contradiction(row, item, start, request) or self._lend(
            row, item, patron[0], branch, start
        )

    def _again(self, row: Row, known: LoanRow) -> Outcome:
        """A loan that was imported before: it is as it is, or it was renewed where it comes from."""
        due: date = row.told["due"]
        renewals = row.told.get("renewals", known.renewals)
        run = self._work.hot.connection.execute
        first_due = run(_FIRST_DUE, {"key": known.request}).fetchone()[0]
        if due.isoformat() == first_due or known.ended is not None or known.withdrawn:
            return "unchanged"
        if run(_RENEWED, {"key": known.request}).fetchone() is not None:
            return fault(row, "due", "was renewed here since; the file says something else")
        run(_DUE, {"to": due.isoformat(), "times": renewals, "key": known.request})
        return "changed"

    def _contradiction(self, row: Row, item: ItemRow, start: int, request: str) -> Fault | None:
        if item.state.loan is not None:
            return fault(row, "item", "is on another loan in the ledger")
        if item.state.trouble is not None:
            return fault(row, "item", "has an open case; close that first")
        if not item.state.before(start, request):
            return fault(row, "start", "is before something later that the ledger knows of the item")
        return None

    def _lend(self, row: Row, item: ItemRow, patron: str, branch: str, start: int) -> Outcome:
        hot, told = self._work.hot, row.told
        request = identity("loan", item.item, patron, start)
        due = told["due"].isoformat()
        values: tuple[Any, ...] = (
            *(request, item.item, patron, STATION, branch, start, None),
            *(due, due, told.get("renewals", 0), False, False),
            "written",  # whoever lent it released its tag; no station of ours will report on that
        )
        hot.new_loan(values)
        state = step(item.state, Lent(request, start, tag="written"))
        self._work.store(item, item._replace(state=state))
        return "added"
