"""The bound of the outbox counts what central never had; what it asks for once more stops nobody."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wire.clock import FakeClock, Stamper
from wire.edge import EdgeStore, Limits, OutboxFull, open_store
from wire.edge.salvage import salvage
from wire.edge.schema import MIGRATIONS, connect
from wire.ids import new_id
from wire.messages.base import stamped
from wire.messages.facts import Checkin
from wire.streams.station import Confirm, Fork

STAMPER = Stamper(FakeClock(datetime(2026, 5, 4, 9, 0, tzinfo=UTC)), "boot")
BOUND = 20
Begins = Callable[[EdgeStore, Path], EdgeStore]


def opened(path: Path) -> EdgeStore:
    return open_store(path, stamper=STAMPER, limits=Limits(rows=BOUND))[0]


def returns(store: EdgeStore, number: int) -> None:
    for _ in range(number):
        store.record((Checkin(item="i", **stamped(STAMPER.stamp())),))


def confirm(store: EdgeStore, upto: int) -> None:
    store._store_lazily((Confirm(upto),))


def after_a_salvage(store: EdgeStore, path: Path) -> EdgeStore:
    store.close()
    salvage(path, stamper=STAMPER, connect=connect)
    return opened(path)


def after_a_fork(store: EdgeStore, _: Path) -> EdgeStore:
    held = store.held
    with store._commit():
        store._store((Fork(new_id(), new_id(), (held.stream,), held.first, held.last),))
    return store


def after_a_restore(store: EdgeStore, _: Path) -> EdgeStore:
    confirm(store, 0)
    return store


BEGINS = pytest.mark.parametrize("begins", [after_a_salvage, after_a_fork, after_a_restore])


@BEGINS
def test_rows_that_central_had_do_not_fill_the_bound(tmp_path: Path, begins: Begins) -> None:
    path = tmp_path / "edge.db"
    store = opened(path)
    for _ in range(3):
        returns(store, BOUND - 2)
        confirm(store, store.held.last)
    returns(store, 5)

    store = begins(store, path)
    waiting, fill, size = store.depth.open, store.depth.fill, store._open_bytes
    store.close()
    store = opened(path)

    assert waiting >= 3 * (BOUND - 2) + 5, "all of them are told again"
    assert store.held.confirmed == 0
    assert fill == store.depth.fill == 5 / BOUND
    assert size == store._open_bytes > 0
    returns(store, BOUND - 5)
    with pytest.raises(OutboxFull):
        returns(store, 1)
    store.close()


@BEGINS
def test_the_bound_empties_as_central_hears_of_them(tmp_path: Path, begins: Begins) -> None:
    path = tmp_path / "edge.db"
    store = opened(path)
    returns(store, BOUND - 2)
    confirm(store, store.held.last)
    returns(store, 5)

    store = begins(begins(store, path), path)
    confirm(store, store.held.last - 2)
    fill = store.depth.fill
    confirm(store, store.held.last)

    assert fill == 2 / BOUND
    assert (store.depth.fill, store._open_bytes) == (0, 0)
    store.close()


def test_a_file_of_an_older_program_is_salvaged_with_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(MIGRATIONS[0])
        db.execute("PRAGMA user_version=1")
        db.execute("INSERT INTO stream VALUES (1, 's', '[]', 1, 0, '')")
        for seq in (1, 2, 3):
            row = (seq, f"id-{seq}", "checkin/1", b"{}", "2026-05-04")
            db.execute("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, NULL, NULL)", row)
    salvage(path, stamper=STAMPER, connect=connect)
    store = opened(path)

    assert (store.held.parents, store.held.last) == (("s",), 4)
    assert store.depth.fill == 2 / BOUND
    store.close()
