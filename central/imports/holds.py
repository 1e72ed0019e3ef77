"""Holds of another system into the ledger, in the order in which they wait there.

A file is put in order first (by priority, then by when they were placed), because the ledger serves holds by
their number. What is caught comes caught: `ready` on the shelf, `transit` on its way there.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, or_, select

from central.imports.people import People, identity, told_by
from central.imports.records import Fault, LeftOut, Outcome, Pair, Row
from central.imports.work import Work, fault, insert, sql
from central.ledger import schema
from central.ledger.schema_services import QUEUED

OVER = "hold that is over"

_hold = schema.hold
_KNOWN = sql(select(_hold.c.hold).where(_hold.c.hold == bindparam("key")))
_SAME = sql(
    select(_hold.c.hold)
    .where(_hold.c.patron == bindparam("patron"))
    .where(or_(_hold.c.item == bindparam("item"), _hold.c.title_id == bindparam("title_id")))
    .where(QUEUED)
)
_CAUGHT = sql(select(_hold.c.hold).where(_hold.c.ready_item == bindparam("item")).where(QUEUED))
_LAST = sql(select(func.max(_hold.c.n)))
_TITLE = sql(select(schema.item.c.title_id).where(schema.item.c.item == bindparam("item")))
_OF_TITLE = sql(select(schema.item.c.item).where(schema.item.c.title_id == bindparam("title_id")))


def in_turn(pairs: Iterable[Pair]) -> list[Pair]:
    """Return rows in the order in which they are served, what is faulty first."""

    def turn(pair: Pair) -> tuple[bool, int, str, int]:
        raw, row = pair
        if isinstance(row, Fault):
            return False, 0, "", raw.line
        return True, row.told.get("priority", 0), row.told["placed"].isoformat(), raw.line

    return sorted(pairs, key=turn)


class HoldWriter:
    """Writes holds."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._people = People(work)
        self._insert = insert(_hold, [column.name for column in _hold.columns])

    def write(self, rows: Sequence[Row]) -> list[Outcome]:
        """Add holds that are open."""
        return [self._one(row) for row in rows]

    def _one(self, row: Row) -> Outcome:
        told, run = row.told, self._work.hot.connection.execute
        state = told.get("state", "waiting")
        if told.get("ended") is not None or state in ("collected", "expired", "cancelled"):
            return LeftOut(OVER)
        if told.get("suspended"):
            return fault(row, "suspended", "holds cannot be kept here; end it, or let it wait")
        patron = self._people.find(told)
        if patron is None:
            return fault(row, told_by(told), "is not in the ledger; import patrons first")
        reason = self._work.branch(told["pickup"])
        if reason is not None:
            return fault(row, "pickup", reason)
        item, title = told.get("item"), told.get("title_id")
        wrong = self._lacks(item, title)
        if wrong is not None:
            return fault(row, *wrong)
        placed = self._work.instant(told["placed"], told["pickup"])
        caught = item if state in ("ready", "transit") else None
        if caught is not None and title and not told.get("of_item"):
            item = None
        of = {"item": item, "title_id": None if item else title}
        key = identity("hold", patron[0], of["item"], of["title_id"], placed)
        if run(_KNOWN, {"key": key}).fetchone() is not None:
            return "unchanged"
        wrong = self._in_the_way(patron[0], of, state, caught)
        if wrong is not None:
            return fault(row, wrong[0] or told_by(told), wrong[1])
        n = (run(_LAST).fetchone()[0] or 0) + 1
        run(
            self._insert,
            {
                **_values(told, state, caught),
                **of,
                "hold": key,
                "n": n,
                "patron": patron[0],
                "placed": placed,
            },
        )
        return "added"

    def _lacks(self, item: str | None, title: str | None) -> tuple[str, str] | None:
        run = self._work.hot.connection.execute
        if not item and not title:
            return "item", "and title_id are empty: nobody knows what is waited for"
        if item and run(_TITLE, {"item": item}).fetchone() is None:
            return "item", "is not in the ledger; import items first"
        if not item and run(_OF_TITLE, {"title_id": title}).fetchone() is None:
            return "title_id", "is no title of an item in the ledger; import items first"
        return None

    def _in_the_way(
        self, patron: str, of: dict[str, str | None], state: str, caught: str | None
    ) -> tuple[str, str] | None:
        run = self._work.hot.connection.execute
        if run(_SAME, {"patron": patron, **of}).fetchone() is not None:
            return "", "has a hold on it already"
        if state in ("ready", "transit") and caught is None:
            return "item", "is empty: nobody knows what is kept for the patron"
        if caught is None:
            return None
        if run(_CAUGHT, {"item": caught}).fetchone() is not None:
            return "item", "is kept for another hold already"
        kept = self._work.hot.item(caught)
        if kept is not None and kept.state.loan is not None:
            return "item", "is on loan in the ledger, so it cannot be kept for a hold"
        return None


def _values(told: dict[str, Any], state: str, caught: str | None) -> dict[str, Any]:
    until, expires = told.get("ready_until"), told.get("expires")
    if state != "ready":  # Koha has one date for both
        until, expires = None, expires or until
    return {
        "pickup": told["pickup"],
        "expires": _iso(expires),
        "state": "ready" if state == "ready" else "waiting",
        "ready_item": caught,
        "ready_until": _iso(until),
        "ended": None,
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
