"""A row that changed on the disk is never sent as if it were what was written: its sum tells."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wire.clock import FakeClock, Stamper
from wire.edge import EdgeStore, open_store
from wire.edge.schema import MIGRATIONS
from wire.messages.base import stamped
from wire.messages.facts import Checkin, Checkout
from wire.messages.stream import Answer, Entry, Void
from wire.streams.station import Talk

START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
STAMPER = Stamper(FakeClock(START), "boot")
TALK = Talk(link="l", central="C")


def a_return(store: EdgeStore, item: str) -> str:
    (row,) = store.record((Checkin(item=item, via="kiosk", **stamped(STAMPER.stamp())),))
    return row


def flip(path: Path, old: bytes, new: bytes) -> None:
    """Change bytes in the file, as a bad sector or a careless tool would."""
    assert len(old) == len(new)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = path.read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))


def test_a_body_that_changed_but_still_is_json_is_voided_with_the_reason(tmp_path: Path) -> None:
    store, _ = open_store(tmp_path / "edge.db", stamper=STAMPER)
    ids = [a_return(store, item) for item in ("book-1", "book-2", "book-3")]
    store.close()
    flip(tmp_path / "edge.db", b"book-2", b"book-7")

    store, salvaged = open_store(tmp_path / "edge.db", stamper=STAMPER)
    said = store.messages(TALK, 2, 4)
    again = store.messages(TALK, 2, 4)
    store.close()

    assert not salvaged, "no page is damaged: SQLite cannot see it"
    assert [type(one) for one in said] == [Entry, Void, Entry]
    assert [one.id for one in said if isinstance(one, Entry | Void)] == ids
    assert isinstance(said[1], Void)
    assert said[1].reason == "damaged on the disk"
    assert again == said


@pytest.mark.parametrize(
    "change",
    [
        "id = id || '0'",
        "kind = 'renew/1'",
        "at = at || '0'",
        "body = CAST(replace(CAST(body AS TEXT), '\"i\"', '\"j\"') AS BLOB)",
        "answer = CAST(replace(CAST(answer AS TEXT), 'granted', 'refused') AS BLOB)",
    ],
)
def test_every_column_is_summed(tmp_path: Path, change: str) -> None:
    store, _ = open_store(tmp_path / "edge.db", stamper=STAMPER)
    body = Checkout(visit="v", card="c", item="i", **stamped(STAMPER.stamp()))
    request = store.request(body)
    store.accept(Answer(request=request, central="C", outcome="granted", at=START, card="sealed:x"), "C")
    (before,) = store.messages(TALK, 2, 2)

    store.run(lambda db: db.execute(f"UPDATE outbox SET {change} WHERE seq = 2"))
    (after,) = store.messages(TALK, 2, 2)
    store.close()

    assert isinstance(before, Entry)
    assert isinstance(after, Void)


def test_rows_of_an_older_file_have_no_sum_and_are_sent(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(MIGRATIONS[0])
        db.execute("PRAGMA user_version=1")
        db.execute("INSERT INTO stream VALUES (1, 's', '[]', 0, 0, '')")
        db.execute("INSERT INTO outbox VALUES (1, 'a', 'checkin/1', x'7B7D', '2026-05-04', NULL, NULL)")

    store, _ = open_store(path, stamper=STAMPER)
    (said,) = store.messages(TALK, 1, 1)
    store.close()

    assert isinstance(said, Entry)


@pytest.mark.parametrize("damaged", ["2026-05-0tT09:00:00.000+00:00", "2026-05-04T09:00:00.000k00:00"])
def test_a_row_whose_time_was_damaged_does_not_stop_the_start(tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "edge.db"
    store, _ = open_store(path, stamper=STAMPER)
    store.run(lambda db: db.execute("UPDATE outbox SET at = ?", (damaged,)))
    store.close()

    store, _ = open_store(path, stamper=STAMPER)
    depth = store.depth
    (said,) = store.messages(TALK, 1, 1)
    store.close()

    assert (depth.open, depth.oldest) == (1, None)
    assert isinstance(said, Void)
