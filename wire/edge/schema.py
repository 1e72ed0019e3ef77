"""The file edge.db: how it is opened, its tables, and how an older file comes to the present form.

Two applications may share the file: the outbox's tables stand here; a gate keeps its copy of the items
in tables of its own, made by `Edge.run`. Those are not salvaged, because they can be asked for again.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from wire.errors import ConfigError

Synchronous = Literal["FULL", "OFF"]
Connect = Callable[[Path], sqlite3.Connection]

MIGRATIONS = (
    """
    CREATE TABLE stream (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        stream TEXT NOT NULL,
        parents TEXT NOT NULL,
        confirmed INTEGER NOT NULL,
        pruned_seq INTEGER NOT NULL,
        pruned_id TEXT NOT NULL
    ) STRICT;
    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        body BLOB NOT NULL,
        at TEXT NOT NULL,
        answer BLOB,
        void_reason TEXT
    ) STRICT;
    CREATE TABLE visit (
        request_id TEXT PRIMARY KEY,
        phase TEXT NOT NULL CHECK (phase IN ('waiting','writing','done','refused','withdrawn','unknown'))
    ) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE outbox ADD COLUMN crc INTEGER;
    """,
    """
    ALTER TABLE stream ADD COLUMN known INTEGER NOT NULL DEFAULT 0;
    """,
)
"""Step n brings a file from version n to n+1 (`PRAGMA user_version`). Steps are never changed, only added."""


LOG_PAGES = 4096
"""Pages (of 4 KiB) of the write-ahead log at which a commit folds it into the file after all.

Pruning does so each minute, when nobody waits; at SQLite's own 1,000 a patron's commit would sync three times
now and then.
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for the one worker thread that uses it; transactions are begun by hand."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)


def prepare(db: sqlite3.Connection, synchronous: Synchronous) -> None:
    """Set what makes a commit durable (WAL, FULL) and bring the tables to the present version.

    Raises ConfigError when the file was written by a newer Turnleaf.
    """
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"PRAGMA synchronous={synchronous}")
    db.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
    db.execute("PRAGMA secure_delete=ON")  # card numbers do not stay in freed pages
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise ConfigError(
            f"edge.db has version {version}; this Turnleaf knows up to {len(MIGRATIONS)}",
            why="An older program would not know what the newer one wrote down.",
            do="Install the Turnleaf that wrote it, or a newer one.",
        )
    for number in range(version, len(MIGRATIONS)):
        db.execute("BEGIN IMMEDIATE")
        for statement in MIGRATIONS[number].split(";\n"):
            if statement.strip():
                db.execute(statement)
        db.execute(f"PRAGMA user_version={number + 1}")
        db.execute("COMMIT")


def damage(db: sqlite3.Connection) -> str | None:
    """Return what SQLite's own check finds wrong with the file, or None."""
    try:
        row = db.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if row is not None and row[0] == "ok" else str(row[0] if row else "no answer")
