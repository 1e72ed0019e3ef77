"""The outbox and the visit log on the disk, one commit a step (docs/streams.md §1.1, S1, S5, S6, L1-L5).

Whatever a station must not forget is written here before it is said, touched or shown. Each public
method that writes is one transaction; when it returns, the disk has it. `held` mirrors the stream's row,
`phases` the visit log, `depth` the open rows; all three change only after the commit.

Not for: threads (one at a time calls it; `wire.edge.Edge` is its awaited form), nor for what is said to
central (`wire.edge.store`).
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from wire.clock import Stamper
from wire.edge.model import REQUEST_SHARE, REQUESTS, SETTLING, Depth, Limits, OutboxFull, Phase
from wire.edge.rows import OutboxRow, crc_of, instant, moment, pack, voided, with_card
from wire.edge.schema import Synchronous
from wire.errors import DeviceError, WireError
from wire.ids import SEALED, fact_id, new_id
from wire.messages.base import stamped
from wire.messages.facts import Began, Body, Request
from wire.messages.stream import Answer
from wire.streams.station import Held

T = TypeVar("T")

NAMED_FOR = timedelta(hours=1)
NAMED = """
    SELECT seq FROM outbox JOIN visit ON request_id = id
    WHERE phase = 'withdrawn' AND answer IS NULL AND void_reason IS NULL AND at < ?
    AND instr(body, '"card":"sealed:') = 0
"""
"""Requests that nobody answered before they were withdrawn, and that still name a card."""

COLUMNS = "seq, id, kind, body, at, answer, void_reason, crc"


class Outbox:
    """One open edge.db: its rows and its visit log."""

    def __init__(
        self, db: sqlite3.Connection, *, stamper: Stamper, limits: Limits, synchronous: Synchronous = "FULL"
    ) -> None:
        self._db = db
        self._stamper = stamper
        self._limits = limits
        self._lazy = "NORMAL" if synchronous == "FULL" else synchronous
        self._synchronous = synchronous
        self._pending: dict[str, Phase] = {}
        self.phases: dict[str, Phase] = {}
        self.unsettled: set[str] = set()
        """Requests that wait for an answer, or for their tag."""
        self._known = 0
        """Highest number that central ever confirmed. What it asks for again does not fill the bound."""
        self._open_bytes = 0
        self._logged = True
        """Whether the write-ahead log holds anything: it may be a card that was sealed since."""
        row = db.execute(
            "SELECT stream, parents, confirmed, pruned_seq, pruned_id, known FROM stream"
        ).fetchone()
        if row is None:
            self.held = Held(new_id())
            with self._commit():
                self._begin(self.held.stream, (), self._fact_id(), reason="new")
        else:
            *held, known = row
            self.held = self._read_held(*held)
            self._known = min(max(known, self.held.confirmed), self.held.last)
        self._remember(dict(db.execute("SELECT request_id, phase FROM visit")))
        self._measure()

    def _read_held(self, stream: str, parents: str, confirmed: int, pruned_seq: int, pruned_id: str) -> Held:
        last = self._db.execute("SELECT seq, id FROM outbox ORDER BY seq DESC LIMIT 1").fetchone()
        last_seq, last_id = last or (pruned_seq, pruned_id)
        return Held(stream, tuple(json.loads(parents)), last_seq, last_id, confirmed, pruned_seq, pruned_id)

    def _begin(self, stream: str, parents: tuple[str, ...], began: str, reason: str) -> None:
        """Within a commit: the stream's row and its first entry."""
        body = Began.model_validate({"parents": parents, "reason": reason, **stamped(self._stamper.stamp())})
        self._db.execute(
            "INSERT INTO stream VALUES (1, ?, ?, 0, 0, '', 0)",
            (stream, json.dumps(parents, separators=(",", ":"))),
        )
        self.held = Held(stream, parents)
        self._append(body, began)

    @contextmanager
    def _commit(self) -> Iterator[None]:
        """One transaction; what mirrors the disk is set back when it fails."""
        before = self.held, self._open_bytes, self._known
        self._pending = {}
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            self.held, self._open_bytes, self._known = before
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise _disk_error(error) from error
            raise
        self._logged = True
        self._remember(self._pending)
        self._say_depth()

    def _remember(self, phases: dict[str, Phase]) -> None:
        self.phases.update(phases)
        for request, phase in phases.items():
            (self.unsettled.add if phase in ("waiting", "writing") else self.unsettled.discard)(request)

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction; for tables other than the outbox's."""
        with self._commit():
            return work(self._db)

    # --- what waits ------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Ask the disk what waits: once, at the start; from then on each commit says what it changed."""
        total = self._db.execute(
            "SELECT coalesce(sum(length(body)), 0) FROM outbox WHERE seq > ?", (self._known,)
        )
        self._open_bytes = int(total.fetchone()[0])
        self._say_depth()

    def _say_depth(self) -> None:
        rows = self.held.last - self.held.confirmed
        at = self._db.execute(
            "SELECT at FROM outbox WHERE seq > ? LIMIT 1", (self.held.confirmed,)
        ).fetchone()
        self.depth = Depth(
            open=rows,
            fill=min(1.0, self._fill(self.held.last - self._known, self._open_bytes)),
            oldest=moment(at[0]) if at else None,
        )

    def _fill(self, rows: int, size: int) -> float:
        return max(rows / self._limits.rows, size / self._limits.bytes)

    def _need_room(self, share: float, rows: int, size: int) -> None:
        open_rows = self.held.last - self._known
        if self._fill(open_rows + rows, self._open_bytes + size) > share:
            raise OutboxFull(
                f"outbox full: {open_rows} entries wait for central",
                why="One entry more might be one that is lost." if share == 1 else "The rest is for returns.",
                do="Bring the network or central back; the outbox empties by itself.",
            )

    # --- S1: append ------------------------------------------------------------------------------

    def _append(self, body: Body, row_id: str, *, phase: Phase | None = None) -> None:
        """Within a commit: the next row, voided at once when it can never be sent (S6)."""
        packed, void_reason = pack(body)
        at = instant(self._stamper.clock.now())
        earlier = self._db.execute("SELECT at FROM outbox WHERE seq = ?", (self.held.last,)).fetchone()
        if earlier and earlier[0] > at:
            at = earlier[0]  # a clock that was set back does not make a row older than the one before it
        seq = self.held.last + 1
        self._insert(OutboxRow(seq, row_id, body.schema_name, packed, at, None, void_reason))
        self.held = replace(self.held, last=seq, last_id=row_id)
        self._open_bytes += len(packed)
        if phase is not None:
            self._set_phase(row_id, phase)

    def _fact_id(self) -> str:
        return fact_id(self._stamper.clock.now())

    def _insert(self, row: OutboxRow) -> None:
        self._db.execute(
            f"INSERT INTO outbox ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
            (row.seq, row.id, row.kind, row.body, row.at, row.answer, row.void_reason, crc_of(row)),
        )

    def _rewrite(self, was: OutboxRow, row: OutboxRow) -> None:
        """Within a commit: the same entry with another body, answer or reason."""
        if was.seq > self._known:
            self._open_bytes += len(row.body) - len(was.body)
        self._db.execute(
            "UPDATE outbox SET body = ?, answer = ?, void_reason = ?, crc = ? WHERE seq = ?",
            (row.body, row.answer, row.void_reason, crc_of(row), row.seq),
        )

    def _set_phase(self, request: str, phase: Phase) -> None:
        self._db.execute(
            "INSERT INTO visit VALUES (?, ?) ON CONFLICT (request_id) DO UPDATE SET phase = excluded.phase",
            (request, phase),
        )
        self._pending[request] = phase

    def request(self, body: Request) -> str:
        """L1: store the request and its phase `waiting`; return its id. Raises OutboxFull at 80 %.

        Raises WireError when it cannot be encoded: a request that cannot be said was never made.
        """
        packed, void_reason = pack(body)
        if void_reason is not None:
            raise WireError(f"request not made: {void_reason}")
        self._need_room(REQUEST_SHARE, 1, len(packed))
        row_id = self._fact_id()
        with self._commit():
            self._append(body, row_id, phase="waiting")
        return row_id

    def record(self, bodies: tuple[Body, ...]) -> tuple[str, ...]:
        """Store what has happened, in order, in one commit; return the ids. Raises OutboxFull at 100 %."""
        if any(body.schema_name not in SETTLING for body in bodies):
            self._need_room(1.0, len(bodies), sum(len(pack(body)[0]) for body in bodies))
        ids = tuple(self._fact_id() for _ in bodies)
        with self._commit():
            for body, row_id in zip(bodies, ids, strict=True):
                self._append(body, row_id)
        return ids

    def settle(self, request: str, body: Body, *, only_from: tuple[Phase, ...], to: Phase) -> bool:
        """Store what closes a request; its phase moves when it was one of `only_from`."""
        moves = self.phases.get(request) in only_from
        with self._commit():
            self._append(body, self._fact_id())
            if moves:
                self._set_phase(request, to)
        return moves

    # --- L2: an answer ---------------------------------------------------------------------------

    def accept(self, answer: Answer, central: str | None) -> Phase | None:
        """L2: store the answer with the phase it leads to; None when it is not for us now.

        From now on the card stands here sealed, if central sealed it, and the title not at all.
        """
        if central is None or answer.central != central or self.phases.get(answer.request) != "waiting":
            return None
        row = self._row("id = ?", answer.request)
        carried = with_card(row, answer.card)  # void when the row was damaged before the answer came
        kept = answer.model_copy(update={"card": None, "title": None})
        phase: Phase = "refused"
        if answer.outcome == "granted":
            phase = "writing" if row.kind == "checkout/1" else "done"  # a renewal touches no tag
        with self._commit():
            self._rewrite(row, replace(carried, answer=kept.encode()))
            self._set_phase(answer.request, phase)
        return phase

    def void(self, row: OutboxRow, reason: str) -> OutboxRow:
        """S6: same number and id, the body replaced by the reason; committed before it is published."""
        empty = voided(row, reason)
        with self._commit():
            self._rewrite(row, empty)
        return empty

    def prune(self, now: datetime, at_most: int = 500) -> int:
        """S5: drop the oldest rows that central has, that are old enough and owe nothing; return how many.

        Then the log is folded into the file and cut off, so that no patron's commit has to wait for that.
        """
        self._forget_cards(now)
        gone = self._drop(now, at_most)
        if self._logged:
            self._logged = False
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    def _drop(self, now: datetime, at_most: int) -> int:
        old = instant(now - self._limits.keep)
        spare = self.held.last - self.held.pruned_seq - self._limits.keep_rows
        gone: list[OutboxRow] = []
        for row in self._rows(self.held.first, min(self.held.confirmed, self.held.pruned_seq + at_most)):
            phase = self.phases.get(row.id)
            owes_nothing = row.answer is not None or phase == "withdrawn" or row.void_reason is not None
            settled = phase not in ("waiting", "writing") and owes_nothing
            if (row.at > old and len(gone) >= spare) or (row.kind in REQUESTS and not settled):
                break
            gone.append(row)
        if not gone:
            return 0
        with self._commit():
            self._db.execute("DELETE FROM outbox WHERE seq <= ?", (gone[-1].seq,))
            self._db.executemany("DELETE FROM visit WHERE request_id = ?", [(row.id,) for row in gone])
            self._db.execute("UPDATE stream SET pruned_seq = ?, pruned_id = ?", (gone[-1].seq, gone[-1].id))
            self.held = replace(self.held, pruned_seq=gone[-1].seq, pruned_id=gone[-1].id)
        for row in gone:
            self.phases.pop(row.id, None)
        return len(gone)

    def _forget_cards(self, now: datetime) -> None:
        """Blank the card of requests that were withdrawn before any answer, once central knows of that.

        A body that was damaged meanwhile goes with its card: nobody can tell where in it the card stands.

        Whoever hears of such a request again hears of its withdrawal too, so nothing depends on the card.
        """
        if self.held.confirmed < self.held.last:
            return
        found = self._db.execute(NAMED, (instant(now - NAMED_FOR),)).fetchall()
        if not found:
            return
        with self._commit():
            for (seq,) in found:
                row = self._row("seq = ?", seq)
                self._rewrite(row, with_card(row, f"{SEALED}withdrawn"))

    def _id_of(self, seq: int) -> str | None:
        row = self._db.execute("SELECT id FROM outbox WHERE seq = ?", (seq,)).fetchone()
        return None if row is None else str(row[0])

    def _row(self, where: str, value: object) -> OutboxRow:
        return OutboxRow(
            *self._db.execute(f"SELECT {COLUMNS} FROM outbox WHERE {where}", (value,)).fetchone()  # noqa: S608
        )

    def _rows(self, first: int, last: int) -> list[OutboxRow]:
        found = self._db.execute(
            f"SELECT {COLUMNS} FROM outbox WHERE seq BETWEEN ? AND ? ORDER BY seq",  # noqa: S608 - a constant
            (first, last),
        )
        return [OutboxRow(*row) for row in found]

    def body_of(self, row_id: str) -> dict[str, object] | None:
        """Return a row's body as JSON, or None when the row is not held or was voided."""
        row = self._db.execute("SELECT body FROM outbox WHERE id = ?", (row_id,)).fetchone()
        try:
            found = json.loads(row[0]) if row else None
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _disk_error(error: sqlite3.Error) -> DeviceError:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return OutboxFull(f"edge.db: {error}", why="The disk is full.", do="Make room on the station's disk.")
    return DeviceError(
        f"edge.db: {error}",
        why="What cannot be written down must not happen.",
        do="The daemon checks and salvages the file when it starts again; look at the disk.",
    )
