"""The ledger as a whole: opened by the one central, read by whoever asks.

`Ledger.open` takes the lock, brings the tables up to date and takes the lease with a new epoch. Writing is
the desk's alone, through `hot`. Reading runs on connections of its own in a thread, so no commit
waits for it.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self, TypeVar, cast

from sqlalchemy import Connection, Engine

from central.ledger import database, queries
from central.ledger.hot_sqlite import Hot
from central.ledger.lock import LockFile
from central.ledger.queries import BranchRow, CaseRow, Changes, Counts, ParkedRow, Snapshot, StationRow
from central.ledger.rights import keep_owner
from central.ledger.rows import millis
from circulation.policy import Policy
from wire.clock import Clock, SystemClock
from wire.ids import new_id
from wire.messages.asks import Account, ItemSeen

__all__ = [
    "BranchRow",
    "CaseRow",
    "Changes",
    "Counts",
    "Ledger",
    "ParkedRow",
    "Snapshot",
    "StationRow",
]

T = TypeVar("T")


PORTION = 5_000
"""Items of a snapshot that are read in one go: some 10 ms."""


def _own(path: Path) -> None:
    """Make the file, readable by its owner alone: it says who has what. Its log is made the same way."""
    with suppress(FileExistsError):
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        keep_owner(file, path.parent)
        os.close(file)


class Ledger:
    """The circulation database, locked and leased by this process."""

    def __init__(self, url: str, lock: LockFile, writer: Engine, policy: Policy, now: int) -> None:
        self.url = url
        self.boot = new_id()
        self.policy = policy
        self._lock = lock
        self._writer = writer
        self._raw = writer.raw_connection()
        self.hot = Hot(cast(sqlite3.Connection, self._raw.driver_connection))
        self.path = database.path_of(url)
        self.hot.take_lease(self.boot, now)
        self.epoch = self.hot.epoch
        self._reader = database.engine(url, writing=False)
        self._thread = ThreadPoolExecutor(1, "ledger-read")

    @classmethod
    def open(cls, url: str, *, policy: Policy | None = None, clock: Clock | None = None) -> Self:
        """Lock, migrate, take the lease with a new boot and epoch.

        Raises LedgerHeld when another central works on it, ConfigError when it is no ledger of this program.
        """
        lock = LockFile(database.path_of(url))
        lock.take()
        try:
            _own(database.path_of(url))
            writer = database.engine(url, writing=True)
            with database.connected(writer) as connection:
                database.migrate(connection)
                connection.commit()
            return cls(url, lock, writer, policy or Policy(), millis((clock or SystemClock()).now()))
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Release connections, then the lock."""
        self._thread.shutdown()
        self._reader.dispose()
        self._raw.close()
        self._writer.dispose()
        self._lock.release()

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query in the reading thread, in one read transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, query)

    def _read(self, query: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:
            return query(connection)

    async def account(self, ask: str, card: str, pin: str | None, now: datetime) -> Account:
        """Return what a kiosk may show of the patron of this card, and whether the patron may borrow now.

        A PIN is compared where the registry has one; it is stored nowhere.
        """
        return await self.read(lambda db: queries.account(db, self.policy, ask, card, pin, millis(now)))

    async def item(self, ask: str, item: str) -> ItemSeen:
        """Return title and whereabouts of an item."""
        return await self.read(lambda db: queries.item_seen(db, ask, item))

    async def on_loan(self, item: str) -> bool | None:
        """Say whether an item is on loan; None when it is not known here."""
        return await self.read(lambda db: queries.on_loan(db, item))

    async def snapshot_items(self, key: bytes) -> Snapshot:
        """Return all items' states under hashes keyed with `key`, none older than the change it names.

        Read in portions, each at a moment of its own, so that who asks meanwhile is answered in between.
        """
        n, rows, last = await self.read(queries.last_change), list[tuple[int, int, int]](), ""
        while True:
            portion, reached = await self.read(
                partial(queries.items_after, number=last, key=key, limit=PORTION)
            )
            rows += portion
            if reached is None:
                return Snapshot(n, rows)
            last = reached

    async def changes_after(self, n: int, key: bytes, limit: int = 1000) -> Changes | None:
        """Return changes after `n`, at most `limit`; None when they are pruned and a snapshot is needed."""
        return await self.read(lambda db: queries.changes_after(db, n, key, limit))

    async def stations(self) -> list[StationRow]:
        """Return the registry's stations."""
        return await self.read(queries.stations)

    async def branches(self) -> list[BranchRow]:
        """Return the registry's branches."""
        return await self.read(queries.branches)

    async def cases(self, open_only: bool = True, limit: int = 1000) -> list[CaseRow]:
        """Return cases, newest first."""
        return await self.read(lambda db: queries.cases(db, open_only, limit))

    async def parked(self) -> list[ParkedRow]:
        """Return the streams that wait for an operator."""
        return await self.read(queries.parked)

    async def counts(self, station: str | None, since: datetime) -> Counts:
        """Return what was lent, returned and counted since a moment, at one station or at all."""
        return await self.read(lambda db: queries.counts(db, station, millis(since)))
