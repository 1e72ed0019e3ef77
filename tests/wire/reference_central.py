"""A central in two hundred lines: the rules C1-C6 and L6-L9 of docs/streams.md on one SQLite file.

It is what the production desk is measured against, and the far end in the stateful tests: judgements come
from `wire.streams.central`, everything durable is in the file. A message is worked in two halves, `load`
(read and decide) and `finish` (one transaction), so that a test can put this process to sleep in between.
"""

import json
import shutil
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wire.ids import new_id
from wire.messages.stream import Answer, Entry, Envelope, Hello, Lost, Resume, Void
from wire.streams.central import (
    Foreign,
    Judgement,
    LoseTo,
    RaiseHigh,
    Reply,
    Row,
    Take,
    TakeKnown,
    Upward,
    judge,
    resume,
    undelivered,
)

TABLES = """
CREATE TABLE IF NOT EXISTS stream (stream TEXT PRIMARY KEY, station TEXT, upto INT, id TEXT, high INT, high_id TEXT,
                                   parked_id TEXT);
CREATE TABLE IF NOT EXISTS journal (fact_id TEXT PRIMARY KEY, stream TEXT, seq INT, outcome TEXT);
CREATE TABLE IF NOT EXISTS effect (n INTEGER PRIMARY KEY, fact_id TEXT);
CREATE TABLE IF NOT EXISTS answer (request TEXT PRIMARY KEY, outcome TEXT);
CREATE TABLE IF NOT EXISTS lease (one INT PRIMARY KEY, epoch INT);
CREATE TABLE IF NOT EXISTS cases (key TEXT PRIMARY KEY, about TEXT, open INT);
CREATE TABLE IF NOT EXISTS loan (request TEXT PRIMARY KEY, item TEXT, patron TEXT, start TEXT, ended TEXT,
                                 withdrawn INT, tag_written INT);
CREATE TABLE IF NOT EXISTS checkin (fact_id TEXT PRIMARY KEY, item TEXT, at TEXT);
INSERT OR IGNORE INTO lease VALUES (1, 0);
"""


class Overtaken(Exception):
    """Another central took over: this process exits."""


class Died(Exception):
    """The process was killed between its last statement and the commit."""


class Poison(Exception):
    """Stands for a bug that one entry uncovers (C3)."""


Statement = tuple[str, tuple[Any, ...]]


@dataclass
class Work:
    """One message, read and decided, not yet committed."""

    message: Upward
    station: str
    judgement: Judgement
    before: Row
    statements: list[Statement] = field(default_factory=list)
    outcome: str = "applied"
    answer: str | None = None


class ReferenceCentral:
    def __init__(self, path: Path, blocked: set[str] | None = None) -> None:
        self.path = path
        self.boot = new_id()
        self.blocked = blocked if blocked is not None else set()
        self.cured = False
        self.dies = False
        """Set by a test: the next transaction is cut before its commit."""
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA synchronous=OFF")
        self.db.executescript(TABLES)
        self.db.execute("UPDATE lease SET epoch = epoch + 1")  # C6
        self.epoch = self.one("SELECT epoch FROM lease")[0]

    def one(self, sql: str, *args: Any) -> Any:
        return self.db.execute(sql, args).fetchone()

    def backup(self, to: Path) -> None:
        with sqlite3.connect(to) as copy:
            self.db.backup(copy)
        copy.close()

    def restart(self, backup: Path | None = None) -> "ReferenceCentral":
        """Return the next process on this ledger, or on an older copy of it (C6)."""
        self.db.close()
        if backup is not None:
            shutil.copy(backup, self.path)
        return ReferenceCentral(self.path, self.blocked)

    def row(self, stream: str, station: str) -> Row:
        found = self.one(
            "SELECT stream, station, upto, id, high, high_id, parked_id IS NOT NULL FROM stream WHERE stream = ?",
            stream,
        )
        return Row(*found[:6], parked=bool(found[6])) if found else Row(stream, station)

    def rows(self, station: str) -> list[Row]:
        names = self.db.execute("SELECT stream FROM stream WHERE station = ?", (station,)).fetchall()
        return [self.row(name, station) for (name,) in names]

    # --- one message -----------------------------------------------------------------------------

    def take(self, station: str, message: Upward) -> list[Resume | Answer]:
        try:
            return self.finish(self.load(station, message))
        except Poison:
            row = self.row(message.stream, station)
            self.store(row)
            self.db.execute("UPDATE stream SET parked_id = ? WHERE stream = ?", (message.id, message.stream))  # type: ignore[union-attr] # only entries are poison
            return [resume(self.row(message.stream, station), message.link, self.boot)]

    def load(self, station: str, message: Upward) -> Work:
        row = self.row(message.stream, station)
        known = isinstance(message, Entry | Void | Envelope) and self.known(message.id)
        judgement = judge(row, message, station=station, boot=self.boot, known_id=known)
        work = Work(message, station, judgement, row)
        if isinstance(judgement, Take):
            self.decide(work)
        return work

    def known(self, fact_id: str) -> bool:
        return self.one("SELECT 1 FROM journal WHERE fact_id = ?", fact_id) is not None

    def finish(self, work: Work) -> list[Resume | Answer]:
        """T(...): one transaction; what is said is said after it."""
        message, judgement = work.message, work.judgement
        said: list[Resume | Answer] = []
        self.db.execute("BEGIN IMMEDIATE")
        try:
            if self.one("SELECT epoch FROM lease")[0] != self.epoch:
                raise Overtaken
            match judgement:
                case Reply():
                    pass
                case RaiseHigh(row=row):
                    self.store(row)
                case LoseTo(row=row, first=first, last=last):
                    self.move(work.before, row)
                    self.case(f"lost:{row.stream}:{first}-{last}", row.stream)
                case Take(row=row, clash=clash) | TakeKnown(row=row, clash=clash):
                    self.move(work.before, row)
                    self.consume(work, clash)
                case Foreign():
                    raise AssertionError("no disk moves between stations here")
            if isinstance(message, Hello):
                self.note_undelivered(work)
            if self.dies:
                raise Died
            self.db.execute("COMMIT")
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        answer = (
            self.stored_answer(message) if isinstance(message, Entry) and message.to == self.boot else None
        )
        if answer is not None and not (isinstance(judgement, Reply) and not judgement.repeat_answer):
            said.append(answer)
        said.append(resume(self.row(message.stream, work.station), message.link, self.boot))
        return said

    def store(self, row: Row) -> None:
        self.db.execute(
            "INSERT INTO stream VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (stream) DO UPDATE SET "
            "high = excluded.high, high_id = excluded.high_id",
            (row.stream, row.station, row.upto, row.id, row.high, row.high_id),
        )

    def move(self, before: Row, after: Row) -> None:
        """Compare and set `upto`: the row is as it was read, or this process is not alone."""
        self.store(before)
        moved = self.db.execute(
            "UPDATE stream SET upto = ?, id = ? WHERE stream = ? AND upto = ? AND id = ?",
            (after.upto, after.id, before.stream, before.upto, before.id),
        )
        if moved.rowcount == 0:
            raise Overtaken
        self.db.execute(
            "UPDATE cases SET open = 0 WHERE key LIKE ? AND ? >= (SELECT high FROM stream WHERE stream = ?)",
            (f"undelivered:{after.stream}:%", after.upto, after.stream),
        )

    def consume(self, work: Work, clash: bool) -> None:
        message = work.message
        assert isinstance(message, Entry | Void | Envelope)
        if clash:
            self.case(f"fork:{message.stream}:{message.seq}", message.stream)
        if isinstance(work.judgement, TakeKnown):
            return
        self.db.execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?)", (message.id, message.stream, message.seq, work.outcome)
        )
        if work.outcome == "applied":
            self.db.execute("INSERT INTO effect (fact_id) VALUES (?)", (message.id,))
        for sql, args in work.statements:
            self.db.execute(sql, args)
        if work.answer is not None:
            self.db.execute("INSERT OR IGNORE INTO answer VALUES (?, ?)", (message.id, work.answer))

    def note_undelivered(self, work: Work) -> None:
        for row in undelivered(self.rows(work.station), work.message.stream):
            self.case(f"undelivered:{row.stream}:{row.upto + 1}-{row.high}", row.stream)

    def case(self, key: str, about: str) -> None:
        self.db.execute(
            "INSERT INTO cases VALUES (?, ?, 1) ON CONFLICT (key) DO UPDATE SET open = 1", (key, about)
        )

    def stored_answer(self, message: Entry) -> Answer | None:
        found = self.one("SELECT outcome FROM answer WHERE request = ?", message.id)
        if found is None:
            return None
        at = datetime(2026, 1, 1, tzinfo=UTC)
        return Answer(request=message.id, link=message.link, central=self.boot, outcome=found[0], at=at)

    # --- operators -------------------------------------------------------------------------------

    def retry(self) -> None:
        self.cured = True
        self.db.execute("UPDATE stream SET parked_id = NULL")

    def skip(self) -> None:
        for stream, upto, parked in self.db.execute(
            "SELECT stream, upto, parked_id FROM stream WHERE parked_id IS NOT NULL"
        ).fetchall():
            self.db.execute("BEGIN IMMEDIATE")
            self.db.execute("INSERT INTO journal VALUES (?, ?, ?, 'skipped')", (parked, stream, upto + 1))
            self.db.execute(
                "UPDATE stream SET upto = upto + 1, id = ?, parked_id = NULL WHERE stream = ?",
                (parked, stream),
            )
            self.case(f"skipped:{parked}", stream)
            self.db.execute("COMMIT")

    # --- lending (L6-L9) -------------------------------------------------------------------------

    def decide(self, work: Work) -> None:
        """Read what is needed and say what is to be written; nothing is written here."""
        message = work.message
        if isinstance(message, Void):
            work.outcome = "void"
            return
        if isinstance(message, Envelope) or not isinstance(message, Entry):
            work.outcome = "dead"
            return
        body, fact = message.body, message.id
        match body["schema"]:
            case "incident/1" if body["detail"] == "poison" and not self.cured:
                raise Poison
            case "incident/1" if body["detail"] == "dead":
                work.outcome = "dead"
                work.statements.append(open_case(f"dead:{fact}", message.stream))
            case "began/1":
                work.statements.append(open_case(f"began:{fact}", json.dumps(body)))
            case "checkout/1":
                self.checkout(work, message)
            case "checkin/1":
                at = body["at"]
                work.statements.append(("INSERT INTO checkin VALUES (?, ?, ?)", (fact, body["item"], at)))
                work.statements += self.fold(body["item"], checkins=[(at, fact)])
            case "withdrawn/1":
                self.withdrawn(work, body["request"])
            case "tag-written/1":
                self.tag_written(work, body["request"])
            case "tag-unknown/1":
                work.statements.append(open_case(f"tag:{body['request']}", body["item"]))

    def checkout(self, work: Work, message: Entry) -> None:
        """L7."""
        item, at, patron = message.body["item"], message.body["at"], message.body["card"]
        later = self.one(
            "SELECT 1 FROM loan WHERE item = ? AND withdrawn = 0 AND start > ? UNION "
            "SELECT 1 FROM checkin WHERE item = ? AND at > ?",
            item, at, item, at,
        )  # fmt: skip
        if message.answer is not None:
            work.answer = message.answer.outcome
        else:
            work.answer = "refused" if later or patron in self.blocked else "granted"
        if work.answer == "granted":
            loan = (message.id, item, patron, at)
            work.statements.append(("INSERT INTO loan VALUES (?, ?, ?, ?, NULL, 0, 0)", loan))
            work.statements += self.fold(item, loans=[(at, message.id)])

    def withdrawn(self, work: Work, request: str) -> None:
        """L8."""
        loan = self.one("SELECT item, tag_written FROM loan WHERE request = ?", request)
        if loan is None:
            return
        if loan[1]:
            work.statements.append(open_case(f"withdrawn:{request}", loan[0]))
            return
        work.statements.append(("UPDATE loan SET withdrawn = 1 WHERE request = ?", (request,)))
        work.statements += self.fold(loan[0], without=request)

    def tag_written(self, work: Work, request: str) -> None:
        """L9."""
        loan = self.one("SELECT withdrawn FROM loan WHERE request = ?", request)
        work.statements.append(("UPDATE loan SET tag_written = 1 WHERE request = ?", (request,)))
        if loan is None or loan[0]:
            assert isinstance(work.message, Entry)
            work.statements.append(open_case(f"tag:{request}", work.message.body["item"]))

    def fold(
        self,
        item: str,
        *,
        loans: list[tuple[str, str]] | None = None,
        checkins: list[tuple[str, str]] | None = None,
        without: str = "",
    ) -> list[Statement]:
        """L6: every loan that is not withdrawn ends at the earliest later event of its item, else it is open."""
        lent = (loans or []) + [
            (start, request)
            for start, request in self.db.execute(
                "SELECT start, request FROM loan WHERE item = ? AND withdrawn = 0", (item,)
            )
            if request != without
        ]
        back = (checkins or []) + self.db.execute(
            "SELECT at, fact_id FROM checkin WHERE item = ?", (item,)
        ).fetchall()
        events = sorted(lent + back)
        statements: list[Statement] = []
        for start, request in lent:
            ended = next((at for at, fact in events if (at, fact) > (start, request)), None)
            statements.append(("UPDATE loan SET ended = ? WHERE request = ?", (ended, request)))
        return statements


def open_case(key: str, about: str) -> Statement:
    return "INSERT OR IGNORE INTO cases VALUES (?, ?, 1)", (key, about)


assert Lost
