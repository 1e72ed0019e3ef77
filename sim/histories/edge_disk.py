"""A station's disk, looked at from outside while the daemon works on it (read-only)."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sim.chaos.judge import Disk

if TYPE_CHECKING:
    from sim.histories.house import House


@dataclass(frozen=True, slots=True)
class EdgeDisk:
    """One edge.db."""

    path: Path

    def _ask(self, query: str, *values: object) -> list[tuple[str, ...]]:
        try:
            with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=2)) as db:
                return db.execute(query, values).fetchall()
        except sqlite3.Error:
            return []

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all entries, in order."""
        return tuple(row[0] for row in self._ask("SELECT id FROM outbox ORDER BY seq"))

    def made(self) -> tuple[str, ...]:
        """Return the ids of what happened, in its order: that a stream began is left out."""
        query = "SELECT id FROM outbox WHERE kind <> 'began/1' ORDER BY seq"
        return tuple(row[0] for row in self._ask(query))

    def as_disk(self, station: str, *, told: bool = False) -> Disk:
        """Return what it holds, for the account; `told`: a case must tell what was lost with it."""
        return Disk(station, self.made(), frozenset(self.ids()), damaged=told)

    def open(self) -> int:
        """Count the entries that central has not confirmed."""
        return len(self._ask("SELECT seq FROM outbox, stream WHERE seq > confirmed"))

    def requests(self, item: str) -> list[tuple[str, str]]:
        """Return (request, phase) of every request for an item, the oldest first."""
        found = self._ask(
            "SELECT request_id, phase FROM visit JOIN outbox ON id = request_id"
            " WHERE json_extract(CAST(body AS TEXT), '$.item') = ? ORDER BY seq",
            item,
        )
        return [(request, phase) for request, phase in found]

    def phase(self, item: str) -> str:
        """Return how far the newest request for an item has come; `none` without one."""
        requests = self.requests(item)
        return requests[-1][1] if requests else "none"

    def last_of(self, item: str) -> str:
        """Return the kind of the newest entry that names an item."""
        found = self._ask(
            "SELECT kind FROM outbox WHERE json_extract(CAST(body AS TEXT), '$.item') = ?"
            " ORDER BY seq DESC LIMIT 1",
            item,
        )
        return found[0][0] if found else "none"

    def count(self, kind: str) -> int:
        """Count the entries of a kind."""
        return len(self._ask("SELECT seq FROM outbox WHERE kind = ?", kind))

    def copy_at(self) -> int:
        """Return the number of the last change in a gate's copy of the items; -1 without one."""
        found = self._ask("SELECT n FROM items_copy")
        return int(found[0][0]) if found else -1

    async def settled(self, house: "House", *items: str) -> None:
        """Wait until each item's newest request is done: its tag's report is written down."""
        await house.until(lambda: all(self.phase(item) == "done" for item in items), "reports written down")
