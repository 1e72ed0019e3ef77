"""Items into the ledger: new ones are added, known ones get what the file says of them.

What circulation knows of an item (its loan, its version, its tag, where it is) is not the registry's and is
never touched; so is its status, once it was lent or returned here: a lost item that was found stays found,
whatever an older file says. A new item may have a history all the same: it was lent or returned before it was
known.
"""

import json
from collections.abc import Sequence
from typing import Any

from central.imports.records import Outcome, Row
from central.imports.work import Work, among, apart, fault, insert, update
from central.ledger import schema
from central.ledger.history import settle_history

Known = dict[str, Any]
_STATE = ("item", "version", "gone", "loan", "last_at")


class ItemWriter:
    """Writes items."""

    def __init__(self, work: Work, names: Sequence[str]) -> None:
        self._work = work
        self._columns = [name for name in names if name != "item"]
        self._complete = "class" in names and "branch" in names
        seen = tuple(name for name in self._columns if name not in ("place", "status"))
        told = (*seen, "status") if "status" in names else seen
        self._known = among(schema.item, "item", (*_STATE, *told))
        self._told, self._of_seen = told, seen
        self._insert = insert(schema.item, ("item", "version", *self._columns))
        self._update = update(schema.item, "item", ("version", *told))
        self._update_seen = update(schema.item, "item", ("version", *seen))
        self._with_history = among(schema.newest, "item", ("item",))

    def write(self, rows: Sequence[Row]) -> list[Outcome]:
        """Add or change items; what is of no branch, or new and incomplete, is refused."""
        done: list[Outcome] = []
        for piece in apart(rows, lambda row: (row.told["item"],)):
            done += self._piece(piece)
        return done

    def _piece(self, rows: list[Row]) -> list[Outcome]:
        run = self._work.hot.connection
        wanted = json.dumps([row.told["item"] for row in rows])
        known = {row[0]: row for row in run.execute(self._known, {"keys": wanted})}
        with_history = {row[0] for row in run.execute(self._with_history, {"keys": wanted})}
        new: list[Known] = []
        changed: dict[bool, list[Known]] = {True: [], False: []}
        done: list[Outcome] = []
        for row in rows:
            told, before = row.told, known.get(row.told["item"])
            wrong = self._wrong(told)
            if wrong is not None:
                done.append(fault(row, *wrong))
            elif before is None and not self._complete:
                done.append(fault(row, "class", "and branch are needed: the item is not in the ledger"))
            elif before is None:
                new.append({**told, "version": 1})
                done.append("added")
            elif self._same(told, before):
                done.append("unchanged")
            else:
                version = before[1] + self._tells(told, before)
                changed[before[4] > 0].append({**told, "version": version, "old_item": before[0]})
                done.append("changed")
        run.executemany(self._insert, new)
        run.executemany(self._update, changed[False])
        run.executemany(self._update_seen, changed[True])
        self._number(new, with_history)
        return done

    def _same(self, told: Known, before: tuple[Any, ...]) -> bool:
        names = self._of_seen if before[4] > 0 else self._told
        return before[len(_STATE) : len(_STATE) + len(names)] == tuple(told[name] for name in names)

    def _wrong(self, told: Known) -> tuple[str, str] | None:
        for column in ("branch", "place"):
            name = told.get(column)
            if name is not None and name not in self._work.branches:
                reason = self._work.branch(name)
                if reason is not None:
                    return column, reason
        if told.get("place") is not None and told["place"] == told.get("branch"):
            told["place"] = None
        return None

    def _tells(self, told: Known, before: tuple[Any, ...]) -> int:
        """Number a known item whose word for gates changes; returns by how much its version rises."""
        gone = told.get("gone", bool(before[2]))
        if gone == bool(before[2]):
            return 0
        word = "gone" if gone else "available" if before[3] is None else "loan"
        self._work.number(told["item"], before[1] + 1, word)
        return 1

    def _number(self, new: list[Known], with_history: set[str]) -> None:
        for told in new:
            item = told["item"]
            word = "gone" if told.get("gone") else "available"
            if item in with_history:
                row = self._work.hot.item(item)
                if row is None:
                    raise RuntimeError("an item vanished while it was written")
                row = row._replace(state=settle_history(self._work.hot, item))
                self._work.hot.item_state(item, row.version, row.state)
                word = row.word
            self._work.number(item, 1, word)
