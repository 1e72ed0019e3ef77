"""The embedded store: one SQLite file, for one branch and for the demo. No server, the same port.

A point is one row of a series; the file forgets what is older than the retention. Losing the last
minute at a power cut is allowed (samples may be lost), so the file is synchronised at checkpoints only.
"""

import asyncio
import math
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from central.telemetry.port import Point, Series, StoreAway, Stored

T = TypeVar("T")

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "temp_store=MEMORY",
    "cache_size=-16384",  # 16 MiB: the last page of each series of a large fleet
    "wal_autocheckpoint=8000",  # pages: a batch writes one of each series, mostly the same again
)
KNOWN = 16_384
"""Kinds of samples whose series' numbers are at hand: a few for each station of a large fleet."""
_SERIES, _VALUE = itemgetter(0), itemgetter(2)

SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
  series INTEGER PRIMARY KEY, branch TEXT NOT NULL, station TEXT NOT NULL, part TEXT NOT NULL,
  name TEXT NOT NULL, UNIQUE (station, part, name, branch));
CREATE TABLE IF NOT EXISTS point (
  series INTEGER NOT NULL, at INTEGER NOT NULL, value REAL NOT NULL, PRIMARY KEY (series, at)) WITHOUT ROWID;
"""


class SqliteStore:
    """`TelemetryStore` in one file."""

    def __init__(self, path: Path, *, retention: timedelta = timedelta(days=90)) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._retention = retention
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="telemetry")
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for pragma in PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(SCHEMA)
        self._series = self._known()
        self._numbers: dict[tuple[str, str, str, tuple[str, ...]], tuple[int, ...]] = {}
        self._pruned = datetime.min.replace(tzinfo=UTC)

    def _known(self) -> dict[tuple[str, str, str, str], int]:
        found = self._db.execute("SELECT series, branch, station, part, name FROM series")
        return {(branch, station, part, name): number for number, branch, station, part, name in found}

    async def write(self, points: Sequence[Point]) -> Stored:
        """Store a batch in one transaction; a value that is no finite number is left out."""
        return await self._run(lambda: self._write(points))

    async def series(self, wanted: Series) -> list[tuple[datetime, float]]:
        """Return means over equal shares of the time, oldest first."""
        return await self._run(lambda: self._read(wanted))

    async def count(self) -> int:
        """Return how many values there are."""
        return await self._run(lambda: int(self._db.execute("SELECT count(*) FROM point").fetchone()[0]))

    async def close(self) -> None:
        """Close the file."""
        await self._run(self._db.close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.OperationalError as error:
            raise StoreAway(
                f"the telemetry file does not take it: {error}",
                why="Measurements are kept in memory and may be lost.",
                do="Look at the disk's free space.",
            ) from error

    def _write(self, points: Sequence[Point]) -> Stored:
        rows = list(self._rows(points))
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("INSERT OR REPLACE INTO point VALUES (?, ?, ?)", rows)
            if points:
                self._prune(max(point.at for point in points))
        except BaseException:
            self._db.execute("ROLLBACK")
            self._series = self._known()
            self._numbers.clear()
            raise
        self._db.execute("COMMIT")
        return Stored(len(points))

    def _rows(self, points: Sequence[Point]) -> list[tuple[int, int, float]]:
        rows: list[tuple[int, int, float]] = []
        for point in points:
            at, values = int(point.at.timestamp() * 1000), point.values
            key = (point.branch, point.station, point.part, tuple(values))
            numbers = self._numbers.get(key) or self._numbered(*key)
            rows += zip(numbers, repeat(at), values.values())
        if not math.isfinite(sum(map(_VALUE, rows))):
            rows = [row for row in rows if math.isfinite(row[2])]
        rows.sort(key=_SERIES)  # a series' rows stand together in the file: each page is looked for once
        return rows

    def _numbered(self, branch: str, station: str, part: str, names: tuple[str, ...]) -> tuple[int, ...]:
        """Return the numbers of series, new ones where there are none yet."""
        if len(self._numbers) >= KNOWN:
            self._numbers.clear()
        found = tuple(self._number((branch, station, part, name)) for name in names)
        self._numbers[(branch, station, part, names)] = found
        return found

    def _number(self, key: tuple[str, str, str, str]) -> int:
        number = self._series.get(key)
        if number is None:
            self._db.execute(
                "INSERT OR IGNORE INTO series (branch, station, part, name) VALUES (?, ?, ?, ?)", key
            )
            (number,) = self._db.execute(
                "SELECT series FROM series WHERE branch = ? AND station = ? AND part = ? AND name = ?", key
            ).fetchone()
            self._series[key] = number
        return number

    def _prune(self, now: datetime) -> None:
        """Forget what is too old, at most once an hour."""
        if now - self._pruned < timedelta(hours=1):
            return
        self._pruned = now
        oldest = int((now - self._retention).timestamp() * 1000)
        self._db.execute("DELETE FROM point WHERE at < ?", (oldest,))

    def _read(self, wanted: Series) -> list[tuple[datetime, float]]:
        since, until = (int(at.timestamp() * 1000) for at in (wanted.since, wanted.until))
        share = max((until - since) // max(wanted.points, 1), 1)
        rows = self._db.execute(
            "SELECT (at - :since) / :share AS share, avg(value) FROM point JOIN series USING (series)"
            " WHERE station = :station AND part = :part AND name = :name AND at >= :since AND at < :until"
            " GROUP BY share ORDER BY share",
            {
                "since": since,
                "until": until,
                "share": share,
                "station": wanted.station,
                "part": wanted.part,
                "name": wanted.name,
            },
        )
        return [(datetime.fromtimestamp((since + n * share) / 1000, UTC), value) for n, value in rows]
