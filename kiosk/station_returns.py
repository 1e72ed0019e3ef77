"""Returns that a crash left without an outcome: somebody must look at the tag.

A return is written down before its tag is touched, so a daemon that ends between the two leaves a
checkin of which nobody can say whether its tag was secured. At the next start it becomes
`secured(unknown)`, and so a case, exactly once: the fact itself is what says that it was settled.
"""

import json
import sqlite3

from wire.edge import Edge
from wire.edge.outbox import COLUMNS
from wire.edge.rows import OutboxRow, unreadable

LOOK_BACK = 2000
"""Rows that are looked at: an outcome follows its return within seconds, never so many returns later."""


def unsettled(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return (entry id, item) of each checkin without an outcome, oldest first.

    A row damaged on the disk says nothing: a return is passed over, an outcome is written down again.
    """
    rows = db.execute(
        f"SELECT {COLUMNS} FROM outbox"  # noqa: S608 - a constant
        " WHERE kind IN ('checkin/1', 'secured/1') AND void_reason IS NULL ORDER BY seq DESC LIMIT ?",
        (LOOK_BACK,),
    )
    settled: set[str] = set()
    found: list[tuple[str, str]] = []
    for row in (OutboxRow(*columns) for columns in rows):
        if unreadable(row):
            continue
        told = json.loads(row.body)
        if row.kind == "secured/1":
            settled.add(told["checkin"])
        elif row.id not in settled:
            found.append((row.id, told["item"]))
    return found[::-1]


async def settle_returns(edge: Edge) -> int:
    """Write down `secured(unknown)` for each of them; return how many there were."""
    found = await edge.run(unsettled)
    for checkin, item in found:
        await edge.secured(checkin, item, "unknown", None)
    return len(found)
