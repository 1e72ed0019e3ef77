"""Returns that a crash left open, on a disk where a bit flipped in a row that central confirmed long ago."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kiosk.station_returns import settle_returns
from wire.clock import FakeClock, Stamper
from wire.edge import Edge, open_store
from wire.messages.base import stamped
from wire.messages.facts import Checkin, Secured
from wire.streams.station import Confirm

STAMPER = Stamper(FakeClock(datetime(2026, 5, 4, 9, 0, tzinfo=UTC)), "boot")


def settled_and_open(path: Path) -> None:
    """An edge.db with a return whose tag was secured and one without an outcome, both confirmed; closed."""
    store, _ = open_store(path, stamper=STAMPER)
    (settled,) = store.record((Checkin(item="item-77", **stamped(STAMPER.stamp())),))
    secured = Secured(checkin=settled, item="item-78", outcome="verified", **stamped(STAMPER.stamp()))
    store.record((secured, Checkin(item="item-79", **stamped(STAMPER.stamp()))))
    store._store_lazily((Confirm(store.held.last),))
    store.close()


def flip(path: Path, place: bytes) -> None:
    """Flip a bit of the second quotation mark in `place`: the body is no JSON any more."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    assert data.count(place) == 1
    data[data.index(place) + 6] ^= 4
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damaged", "written"),
    [("item-77", 1), ("item-78", 2), ("item-79", 0)],
    ids=["return", "outcome", "open"],
)
async def test_a_damaged_row_does_not_stop_the_start(tmp_path: Path, damaged: str, written: int) -> None:
    path = tmp_path / "edge.db"
    settled_and_open(path)
    flip(path, b'"item":"%s"' % damaged.encode())

    edge = await Edge.open(path, stamper=STAMPER)
    await edge.recover()
    first, second = await settle_returns(edge), await settle_returns(edge)
    await edge.close()

    assert (first, second) == (written, 0)
