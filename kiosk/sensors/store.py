"""What foreign sensors said, as it came: one SQLite file of its own, bounded by days and by bytes.

A message is kept whether a mapping reads it or not, with the marks of the rules whose value was told to
central. So a rule that is new, or was corrected, finds what it missed; and so does one whose value could not
be told while the line was cut. Nothing in this file is ever published.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from firmware_bridge.sensors.mapping import Raw
from wire.errors import ConfigError

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS raw(
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, source TEXT NOT NULL, topic TEXT NOT NULL,
    payload BLOB NOT NULL, retained INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS raw_topic ON raw(source, topic, id);
CREATE TABLE IF NOT EXISTS told(
    raw INTEGER NOT NULL, mark INTEGER NOT NULL, PRIMARY KEY(raw, mark)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS looked(
    one INTEGER PRIMARY KEY CHECK (one = 1), rules INTEGER NOT NULL, upto INTEGER NOT NULL);
"""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

SHARE: Final = 20
"""A twentieth of the rows goes at once when the file is too large."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message with its number, and the marks of the rules that told a value of it."""

    number: int
    raw: Raw
    told: frozenset[int]


class RawStore:
    """The file. Its methods take a moment on a disk: call them from one thread beside the loop."""

    def __init__(self, db: sqlite3.Connection, keep: timedelta, keep_bytes: int) -> None:
        self._db = db
        self._keep = keep
        self._bytes = keep_bytes

    @classmethod
    def open(cls, path: Path, *, keep: timedelta, keep_bytes: int) -> "RawStore":
        """Open the file, or make it; raises ConfigError when it cannot be used."""
        try:
            db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(
                "PRAGMA synchronous = NORMAL"
            )  # a power cut may cost the last second: samples may be lost
            db.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise ConfigError(
                f"{path}: cannot be used: {error}",
                why="What sensors say could not be kept for a later mapping.",
                do="Look at the folder state_dir; a damaged file may be moved away: it holds copies alone.",
            ) from error
        path.chmod(0o600)
        return cls(db, keep, keep_bytes)

    @classmethod
    def look(cls, path: Path) -> "RawStore":
        """Open the file to read; raises ConfigError when there is none."""
        try:
            db = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None)
            db.execute("SELECT 1 FROM raw LIMIT 1")
        except sqlite3.Error as error:
            raise ConfigError(
                f"{path}: nothing was kept yet ({error})",
                why="What sensors say is shown from what the daemon heard.",
                do="Start `turnleaf sensors run` and give the sensors a minute.",
            ) from error
        return cls(db, timedelta(0), 0)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, raws: Sequence[Raw]) -> list[int]:
        """Keep messages; return their numbers, which only grow."""
        numbers: list[int] = []
        with _Commit(self._db):
            for raw in raws:
                row = (_ms(raw.at), raw.source, raw.topic, raw.payload, raw.retained)
                done = self._db.execute(
                    "INSERT INTO raw(at, source, topic, payload, retained) VALUES (?, ?, ?, ?, ?)", row
                )
                numbers.append(done.lastrowid or 0)
        return numbers

    def mark(self, told: Iterable[tuple[int, int]]) -> None:
        """Note (number, mark) of values that were told."""
        with _Commit(self._db):
            self._db.executemany("INSERT OR IGNORE INTO told VALUES (?, ?)", told)

    def last(self) -> int:
        """Return the highest number there is."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM raw").fetchone()[0])

    def page(self, after: int, most: int) -> list[Kept]:
        """Return the messages after a number, oldest first, at most so many."""
        rows = self._db.execute(
            "SELECT id, at, source, topic, payload, retained,"
            " (SELECT group_concat(mark) FROM told WHERE told.raw = raw.id)"
            " FROM raw WHERE id > ? ORDER BY id LIMIT ?",
            (after, most),
        )
        return [
            Kept(
                number,
                Raw(_instant(at), source, topic, payload, bool(retained)),
                frozenset(int(mark) for mark in (marks or "").split(",") if mark),
            )
            for number, at, source, topic, payload, retained, marks in rows
        ]

    def latest(self) -> list[Raw]:
        """Return the last message of each topic and each block, by name."""
        rows = self._db.execute(
            "SELECT at, source, topic, payload, retained FROM raw WHERE id IN"
            " (SELECT max(id) FROM raw GROUP BY source, topic) ORDER BY source, topic"
        )
        return [
            Raw(_instant(at), source, topic, payload, bool(retained))
            for at, source, topic, payload, retained in rows
        ]

    def upto(self, rules: int) -> int:
        """Return up to which number these rules have looked; 0 for rules that are new."""
        row = self._db.execute("SELECT upto FROM looked WHERE rules = ?", (rules,)).fetchone()
        return 0 if row is None else int(row[0])

    def looked(self, rules: int, upto: int) -> None:
        """Keep how far these rules have looked."""
        self._db.execute("INSERT OR REPLACE INTO looked VALUES (1, ?, ?)", (rules, upto))

    def prune(self, now: datetime) -> int:
        """Forget what is too old, and the oldest of what is too much; return how many messages went."""
        gone = self._forget("at < ?", _ms(now - self._keep))
        while self.size() > self._bytes:
            first, last = self._db.execute(
                "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM raw"
            ).fetchone()
            less = self._forget("id <= ?", first + (last - first) // SHARE)
            if not less:
                break
            gone += less
        return gone

    def size(self) -> int:
        """Return the bytes in use."""
        pages, free, page = (
            int(self._db.execute(f"PRAGMA {what}").fetchone()[0])
            for what in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * page

    def _forget(self, which: str, value: int) -> int:
        with _Commit(self._db):
            gone = self._db.execute(f"DELETE FROM raw WHERE {which}", (value,)).rowcount  # noqa: S608 - our own words
            if gone:
                self._db.execute("DELETE FROM told WHERE raw < (SELECT coalesce(min(id), 1 << 62) FROM raw)")
        return gone


class _Commit:
    """One transaction: all of it, or nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _ms(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)  # cut, as on the wire: told again, it is the same moment


def _instant(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)
