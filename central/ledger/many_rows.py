"""One statement for many rows, written or read, in one call of the driver.

Python's driver lets go of the interpreter for each row and takes it back: where another thread waits for it,
that one works on for its whole turn, and the ledger stands still meanwhile, row by row. One call for many
rows lets both work at once, the ledger's on a second processor.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import cache
from itertools import chain
from typing import Any

MOST, LEAST = 256, 4
"""Rows in one statement: the largest power of two that is left to write. (SQLite takes 32,766 values.)"""

Run = Callable[[str, Sequence[Any]], sqlite3.Cursor]


def write_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> int:
    """Carry a statement out for each row; returns how many rows of the table it changed.

    As `executemany`, but for its order: rows of one call must not concern the same row of the table.
    """
    changed, done, count = 0, 0, len(rows)
    while count - done >= LEAST:
        size = min(MOST, 1 << (count - done).bit_length() - 1)
        values = list(chain.from_iterable(rows[done : done + size]))
        changed += connection.execute(for_rows(statement, size), values).rowcount
        done += size
    return changed + connection.executemany(statement, rows[done:]).rowcount if done < count else changed


@cache
def for_rows(statement: str, count: int) -> str:
    """Return an INSERT of one row, or an UPDATE by key, for `count` rows; values one after the other."""
    row = f"({', '.join('?' * statement.count('?'))})"
    rows = ", ".join([row] * count)
    if statement.startswith("INSERT"):
        return statement[: statement.index(row)] + rows
    named = statement.split("?")
    named = [part + f"v.column{number}" for number, part in enumerate(named[:-1], 1)] + named[-1:]
    what, where = "".join(named).split(" WHERE ")
    return f"{what} FROM (VALUES {rows}) AS v WHERE {where}"


def read_rows(run: Run, statement: str, *ids: Collection[str]) -> list[Any]:
    """Return the rows that a statement of `statements_group` finds for lists of ids, each row a list."""
    found: list[Any] = json.loads(run(statement, [json.dumps(list(some)) for some in ids]).fetchone()[0])
    return found
