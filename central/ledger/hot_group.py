"""The hot statements for a group: what its entries read is fetched, what they write put down, together.

A statement of its own for each row costs more than the row. So the rows that a group will need are fetched
by a few statements when this is made, and most of what its entries write waits in memory until `put_down`.
Nobody sees a difference: a statement about a table of which something waits puts it down first, and one that
writes a table beside us makes us forget what we hold of it. (So does a savepoint, which may undo either.)

Made for one group inside an open transaction, and thrown away with it. An entry that fails cannot be taken
back alone: the desk then rolls back, and goes through the group again on a plain `Hot` (`central.desk`).
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from central.ledger.group_rows import CHECKIN_SECURED, LOAN_ENDED, LOAN_TAG, WAITING, Held, Waiting, Wanted
from central.ledger.hot_sqlite import Hot, loan_row
from central.ledger.lock import stream_moved
from central.ledger.rows import AnswerRow, ItemRow, LoanRow, OpenCase, PatronRow, StreamRow
from circulation.history import ItemState
from circulation.model import Hold


class GroupHot(Hot):
    """`Hot` for one group of entries."""

    def __init__(self, plain: Hot, wanted: Wanted) -> None:
        super().__init__(plain.connection, plain.epoch)
        self._plain = plain.connection.execute
        self._held = Held()
        self._held.fetch(wanted, self._sql, self._plain)
        self._waiting = Waiting()
        self._dirty = False
        self._run = self._direct  # type: ignore[assignment]  # same call, with what waits put down first

    def _direct(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run a statement in its place: after what waits, if it is about that."""
        tables = self._sql.tables.get(sql, WAITING)
        if self._dirty and not WAITING.isdisjoint(tables):
            self.put_down()
        if not sql.startswith("SELECT"):
            self._held.forget(tables)
        return self._plain(sql, values)

    def put_down(self) -> None:
        """Write what waits. Raises LeaseLost when a stream was moved by somebody else."""
        if not self._dirty:
            return
        waiting = self._waiting
        self._waiting, self._dirty = Waiting(), False
        if not waiting.write(self.connection, self._sql):
            raise stream_moved()

    # --- streams --------------------------------------------------------------------------------

    def stream(self, stream: str) -> StreamRow | None:
        """Return a stream's row."""
        held = self._held.streams
        return held[stream] if stream in held else super().stream(stream)

    def new_stream(self, stream: str, station: str) -> None:
        """Insert a stream at zero; nothing of it waits yet, and of others nothing changes."""
        self._held.streams.pop(stream, None)
        self._plain(self._sql.new_stream, (stream, station))

    def move(self, stream: str, to: int, to_id: str, at: int, prev: int, prev_id: str) -> bool:
        """Compare and set `upto`; within a group, once for all of a stream's entries, when it is put down."""
        before = self._waiting.moves.get(stream)
        if before is not None:
            if before[:2] != (prev, prev_id):
                return False
            prev, prev_id = before[3:]
        self._waiting.moves[stream] = (to, to_id, at, prev, prev_id)
        self._dirty = True
        return True

    def journal(self, fact: str, *values: Any) -> None:
        """Write one consumed number down."""
        self._waiting.journal.append((fact, *values))
        self._held.known[fact] = self._dirty = True

    def known(self, fact: str) -> bool:
        """Say whether this fact was consumed before, under whatever number."""
        known = self._held.known.get(fact)
        return super().known(fact) if known is None else known

    def answer(self, row: AnswerRow) -> None:
        """Store an answer with its effect."""
        if row.request in self._waiting.answers:
            return super().answer(row)
        self._waiting.answers[row.request] = row
        self._dirty = True
        return None

    def answered(self, request: str) -> AnswerRow | None:
        """Return the answer a request got."""
        return self._waiting.answers.get(request) or super().answered(request)

    # --- registry -------------------------------------------------------------------------------

    def place(self, station: str) -> tuple[str, str] | None:
        """Return a station's branch and zone."""
        held = self._held.places
        return held[station] if station in held else super().place(station)

    def patron(self, card: str) -> PatronRow | None:
        """Return the patron of a card."""
        held = self._held.patrons
        return held[card] if card in held else super().patron(card)

    def loans(self, patron: str) -> int:
        """Count a patron's open loans."""
        count = self._held.counts.get(patron)
        return super().loans(patron) if count is None else count

    def loans_of_class(self, patron: str, item_class: str) -> int:
        """Count a patron's open loans of one item class."""
        held = self._held
        if patron not in held.counts:
            return super().loans_of_class(patron, item_class)
        if held.classes is None:
            self.put_down()
            held.fetch_classes(self._sql, self._plain)
        return (held.classes or {}).get((patron, item_class), 0)

    # --- items and history ----------------------------------------------------------------------

    def item(self, item: str) -> ItemRow | None:
        """Return an item."""
        held = self._held.items
        return held[item] if item in held else super().item(item)

    def title(self, item: str) -> str | None:
        """Return an item's title, None when the item is not known."""
        row = self._held.items.get(item)
        return super().title(item) if row is None else row.title

    def item_state(self, item: str, version: int, state: ItemState) -> None:
        """Store what an item's history comes to."""
        row = self._held.items.get(item)
        if row is not None:
            self._held.items[item] = ItemRow(
                item, row.title, row.item_class, row.branch, row.gone, version, row.title_id, row.status,
                row.place, state,
            )  # fmt: skip
        self._waiting.states[item] = (
            version, state.loan, state.last_at, state.last_id, state.tag, state.trouble, item,
        )  # fmt: skip
        self._dirty = True

    def loan(self, request: str) -> LoanRow | None:
        """Return a loan."""
        held = self._held.loans
        begun = self._held.begun.pop(request, None)
        if begun is not None:
            _, item, patron, station, branch, start, ended, due, _, *rest = begun
            held[request] = loan_row(request, (item, patron, start, ended, due, *rest, station, branch))
        return held[request] if request in held else super().loan(request)

    def new_loan(self, row: Sequence[Any]) -> None:
        """Insert a loan; the columns in the table's order."""
        request, item, patron, *_ = row
        if request in self._waiting.loans:
            return super().new_loan(row)
        self._waiting.loans[request] = self._held.begun[request] = list(row)
        self._held.loans.pop(request, None)
        self._dirty = True
        if row[LOAN_ENDED] is None and patron is not None:
            self._count(patron, item, 1)
        return None

    def _count(self, patron: str, item: str, by: int) -> None:
        """A loan of this patron began or ended."""
        held = self._held
        if patron in held.counts:
            held.counts[patron] += by
        if held.classes is not None:
            row = held.items.get(item)
            if row is None:
                held.classes = None
            else:
                of = (patron, row.item_class)
                held.classes[of] = held.classes.get(of, 0) + by

    def _of(self, request: str) -> LoanRow | None:
        """Return a loan that is held."""
        held = self._held
        return self.loan(request) if request in held.begun or request in held.loans else None

    def end_loan(self, request: str, ended: int | None) -> None:
        """Set when a loan ended; None opens it."""
        loan = self._of(request)
        if ended is None or loan is None or loan.withdrawn:
            return super().end_loan(request, ended)
        if request in self._waiting.loans:
            self._waiting.loans[request][LOAN_ENDED] = ended
        else:
            self._waiting.ends[request] = ended
        self._held.loans[request] = loan._replace(ended=ended)
        self._dirty = True
        if loan.ended is None and loan.patron is not None:
            self._count(loan.patron, loan.item, -1)
        return None

    def loan_tag(self, request: str, tag: str) -> None:
        """Store the report on a loan's tag."""
        loan = self._of(request)
        if loan is None:
            return super().loan_tag(request, tag)
        if request in self._waiting.loans:
            self._waiting.loans[request][LOAN_TAG] = tag
        else:
            self._waiting.tags[request] = tag
        self._held.loans[request] = loan._replace(tag=tag)
        self._dirty = True
        return None

    def new_checkin(self, row: Sequence[Any]) -> None:
        """Insert a checkin; the columns in the table's order."""
        if row[0] in self._waiting.checkins:
            return super().new_checkin(row)
        self._waiting.checkins[row[0]] = list(row)
        self._held.checkins[row[0]] = (row[1], row[2], row[CHECKIN_SECURED])
        self._dirty = True
        return None

    def checkin(self, fact: str) -> tuple[str, int, str | None] | None:
        """Return a checkin's item, time and report on its tag."""
        held = self._held.checkins
        return held[fact] if fact in held else super().checkin(fact)

    def checkin_secured(self, fact: str, outcome: str) -> None:
        """Store the report on a checkin's tag."""
        checkin = self._held.checkins.get(fact)
        if checkin is None:
            return super().checkin_secured(fact, outcome)
        if fact in self._waiting.checkins:
            self._waiting.checkins[fact][CHECKIN_SECURED] = outcome
        else:
            self._waiting.secured[fact] = outcome
        self._held.checkins[fact] = (*checkin[:2], outcome)
        self._dirty = True
        return None

    # --- gates, cases, holds --------------------------------------------------------------------

    def passage(self, row: Sequence[Any]) -> None:
        """Insert a passage; the columns in the table's order."""
        self._waiting.passages.append(row)
        self._dirty = True

    def count(self, row: Sequence[Any]) -> None:
        """Insert a count; the columns in the table's order."""
        self._waiting.counts.append(row)
        self._dirty = True

    def cases_of_item(self, item: str) -> list[OpenCase]:
        """Return the open cases of an item."""
        return [] if self._held.cased.get(item) is False else super().cases_of_item(item)

    def holds_of(self, item: str, title: str) -> list[Hold]:
        """Return the open holds on an item, and those on its title (empty: it has none)."""
        wanted = self._held.wanted
        if wanted is not None and item in wanted[0] and item not in wanted[1] and title not in wanted[2]:
            return []
        return super().holds_of(item, title)
