"""The least that a central on this ledger could take: the statements of each fact and their commit, and nothing else.

No rule decides, no body is checked, nothing is told to anybody but the station, and the loop itself waits for the
disk, as no service may. What this takes over the floor is the price of the ledger; the rest is central's own.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from central.ledger.ledger import Ledger
from central.ledger.rows import AnswerRow, ItemRow, millis
from circulation.history import ItemState

DUE = date(2030, 1, 2)


class Least:
    """Writes facts down as the desk does, statement by statement, each in a transaction of its own."""

    def __init__(self, ledger: Path) -> None:
        self._hot = Ledger.open(f"sqlite:///{ledger}").hot
        self._changed = self._hot.last_change()

    def take(self, station: str, entry: dict[str, Any]) -> None:
        """Write an entry down, and return when it is on the disk."""
        hot, body, now = self._hot, entry["body"], millis(datetime.now(UTC))
        fact, stream, seq, kind = entry["id"], entry["stream"], entry["seq"], body["schema"].split("/")[0]
        hot.begin()
        state = hot.stream(stream)
        before = (0, "") if state is None else (state.row.upto, state.row.id)
        place = hot.place(station)
        if hot.known(fact) or place is None:
            raise ValueError("every fact of the bench is new, and its stations are registered")
        if state is None:
            hot.new_stream(stream, station)
        match kind:
            case "checkout":
                self._lend(station, place[0], fact, body, now)
            case "checkin":
                self._return(station, place[0], fact, body, now)
            case _:
                hot.passage((fact, station, place[0], now, body["direction"], body["verdict"], False, 0, 2))
        hot.journal(fact, stream, seq, "applied", kind, now, now, body.get("item"))
        hot.move(stream, seq, fact, now, *before)
        hot.commit()

    def _lend(self, station: str, branch: str, fact: str, body: dict[str, Any], now: int) -> None:
        hot, row, patron = self._hot, self._hot.item(body["item"]), self._hot.patron(body["card"])
        if row is None or patron is None:
            raise ValueError("the ledger of the bench holds all its items and patrons")
        hot.loans(patron.patron)
        due = DUE.isoformat()
        head = (fact, row.item, patron.patron, station, branch, now)
        hot.new_loan((*head, None, due, due, 0, False, False, None))
        self._store(row, ItemState(fact, now, fact, "secured"), "loan", now)
        hot.answer(AnswerRow(fact, "granted", row.item, DUE, False, None, now))

    def _return(self, station: str, branch: str, fact: str, body: dict[str, Any], now: int) -> None:
        hot, row = self._hot, self._hot.item(body["item"])
        if row is None:
            raise ValueError("the ledger of the bench holds all its items")
        hot.new_checkin((fact, row.item, now, station, branch, "bin", None))
        if row.state.loan is not None:
            hot.end_loan(row.state.loan, now)
        self._store(row, ItemState(None, now, fact, "secured"), "available", now)

    def _store(self, row: ItemRow, state: ItemState, word: str, now: int) -> None:
        self._changed += 1
        self._hot.item_state(row.item, row.version + 1, state)
        self._hot.changes([(self._changed, row.item, row.version + 1, word, now)])
