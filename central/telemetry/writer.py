"""Brings points to the store in batches; keeps them on disk while the store is away; counts what is lost."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from central.telemetry.port import Point, StoreAway, StoreRefused, TelemetryStore
from wire.errors import TurnleafError

log = logging.getLogger("turnleaf.central.telemetry")

BATCH = 5000
LINGER_S = 1.0
HELD = 100_000
"""Points that wait in memory at most."""
LANES = 2
"""Batches under way at once: one is made ready while the store works at the other."""
RETRY_S = 2.0


@dataclass(slots=True)
class Tally:
    """What became of the points, since the start."""

    taken: int = 0
    stored: int = 0
    rejected: int = 0
    spooled: int = 0
    lost: int = 0


class Spool:
    """Batches on disk, oldest first, bounded by bytes: the oldest goes when it is full."""

    def __init__(self, folder: Path, *, limit_bytes: int = 256 * 1024 * 1024) -> None:
        self._folder = folder
        self._limit = limit_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self._files = deque((path, path.stat().st_size) for path in sorted(folder.glob("*.json")))
        self._next = int(self._files[-1][0].stem) + 1 if self._files else 1
        self._bytes = sum(size for _, size in self._files)

    def __len__(self) -> int:
        return len(self._files)

    def put(self, points: Sequence[Point]) -> int:
        """Keep a batch; return how many points of older batches were given up for it."""
        rows = [[p.branch, p.station, p.part, p.at.isoformat(), dict(p.values)] for p in points]
        path = self._folder / f"{self._next:012d}.json"
        half = path.with_suffix(".part")
        text = json.dumps(rows).encode()
        half.write_bytes(text)
        half.rename(path)
        self._next += 1
        self._files.append((path, len(text)))
        self._bytes += len(text)
        lost = 0
        while self._bytes > self._limit and len(self._files) > 1:
            lost += len(self.first())
            self.drop()
        return lost

    def first(self) -> list[Point]:
        """Return the oldest batch; an empty one where a power cut left no readable file."""
        try:
            rows = json.loads(self._files[0][0].read_text())
            return [Point(b, s, p, datetime.fromisoformat(at), values) for b, s, p, at, values in rows]
        except (OSError, ValueError):
            log.warning("%s cannot be read and is given up", self._files[0][0])
            return []

    def drop(self) -> None:
        """Forget the oldest batch."""
        path, size = self._files.popleft()
        self._bytes -= size
        path.unlink(missing_ok=True)


class TelemetryWriter:
    """Takes points from the loop, never waits for the store."""

    def __init__(self, store: TelemetryStore, spool: Spool) -> None:
        self._store = store
        self._spool = spool
        self._waiting: deque[Point] = deque()
        self._news = asyncio.Event()
        self.tally = Tally()
        self.trouble: TurnleafError | None = None
        """Why the store does not take points just now."""

    def put(self, point: Point) -> None:
        """Hand over one point; the oldest is given up when too many wait."""
        self.tally.taken += 1
        if len(self._waiting) >= HELD:
            self._waiting.popleft()
            self.tally.lost += 1
        self._waiting.append(point)
        self._news.set()

    async def run(self) -> None:
        """Write batches until cancelled; then keep the rest on disk."""
        try:
            if len(self._spool):
                self._news.set()
            while True:
                await self._news.wait()
                if len(self._waiting) < BATCH:
                    await asyncio.sleep(LINGER_S)
                self._news.clear()
                await self._turn()
                if self._waiting or len(self._spool):
                    self._news.set()
                if self.trouble is not None:
                    await asyncio.sleep(RETRY_S)
        finally:
            self._keep_waiting()

    async def _turn(self) -> None:
        """Write what waits, and what is spooled; keep it on disk where the store does not take it."""
        try:
            await self._lanes()
            await self._fresh()
            while len(self._spool):
                await self._write(self._spool.first())
                self._spool.drop()
                await self._lanes()
            if self.trouble is not None:
                log.info("telemetry is stored again")
            self.trouble = None
        except (StoreAway, StoreRefused) as error:
            if self.trouble is None or self.trouble.seen != error.seen:
                log.warning("%s", error.seen)
            self.trouble = error
            self._keep_waiting()

    async def _lanes(self) -> None:
        """Write full batches while there are any, two at once; where one is not taken, no other is begun."""
        faults: list[StoreAway | StoreRefused] = []

        async def lane() -> None:
            while not faults and len(self._waiting) >= BATCH:
                try:
                    await self._fresh()
                except (StoreAway, StoreRefused) as fault:
                    faults.append(fault)

        async with asyncio.TaskGroup() as lanes:
            for _ in range(LANES):
                lanes.create_task(lane())
        if faults:
            raise faults[0]

    async def _fresh(self) -> None:
        """Write one batch of what waits."""
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        try:
            await self._write(batch)
        except BaseException:
            self._waiting.extendleft(reversed(batch))
            raise

    async def _write(self, batch: Sequence[Point]) -> None:
        if not batch:
            return
        done = await self._store.write(batch)
        self.tally.stored += done.stored
        self.tally.rejected += done.rejected
        if done.rejected:
            log.warning("%d points were refused: %s", done.rejected, done.reason)

    def _keep_waiting(self) -> None:
        """Put what waits on disk; where the disk does not take it either, it is lost and counted."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                self.tally.lost += self._spool.put(batch)
                self.tally.spooled += len(batch)
            except OSError as error:
                log.error("%d points are lost: the spool does not take them: %s", len(batch), error)
                self.tally.lost += len(batch)
