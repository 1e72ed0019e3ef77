"""One bit of a record's header tells text from blob: a salvage brings the type back and keeps the fact."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wire.clock import FakeClock, Stamper
from wire.edge import EdgeStore, open_store
from wire.edge.rows import OutboxRow
from wire.messages.base import stamped
from wire.messages.facts import Checkout
from wire.messages.stream import Answer

START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
STAMPER = Stamper(FakeClock(START), "boot")
DAMAGED = 4


def filled(path: Path) -> list[OutboxRow]:
    """An edge.db with five answered requests in one file, closed; return its rows."""
    store, _ = open_store(path, stamper=STAMPER)
    for number in range(5):
        body = Checkout(visit="v", card="c", item=f"i{number}", **stamped(STAMPER.stamp()))
        said = Answer(request=store.request(body), central="C", outcome="granted", at=START, card="sealed:x")
        store.accept(said, "C")
    rows = rows_of(store)
    store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=DELETE")
    return rows


def rows_of(store: EdgeStore) -> list[OutboxRow]:
    return store._rows(1, store.held.last)


def said(row: OutboxRow) -> tuple[object, ...]:
    return row.id, row.kind, row.body, row.at, row.answer, row.void_reason


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([0x80 | number >> 7, number & 127])


def retype(path: Path, row: OutboxRow, column: str, bit: int) -> None:
    """Flip one bit of a column's serial type (SQLite file format §2.1): the lowest makes a blob of a text."""
    assert row.answer is not None
    types = {
        "id": varint(13 + 2 * len(row.id)),
        "kind": varint(13 + 2 * len(row.kind)),
        "body": varint(12 + 2 * len(row.body)),
        "at": varint(13 + 2 * len(row.at)),
        "answer": varint(12 + 2 * len(row.answer)),
    }
    data = bytearray(path.read_bytes())
    name, head = row.id.encode(), b"".join(types.values())
    at = data.index(name)
    while head not in data[at - 60 : at]:  # the index of the ids holds it too
        at = data.index(name, at + 1)
    start = data.rindex(head, at - 60, at)
    before = list(types)[: list(types).index(column) + 1]
    data[start + sum(len(types[each]) for each in before) - 1] ^= bit
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("column", ["id", "kind", "body", "at", "answer"])
def test_a_column_that_changed_its_type_is_carried_as_it_was(tmp_path: Path, column: str) -> None:
    path = tmp_path / "edge.db"
    before = filled(path)
    retype(path, before[DAMAGED - 1], column, 1)

    store, salvaged = open_store(path, stamper=STAMPER)
    after = rows_of(store)
    store.close()
    again, salvaged_again = open_store(path, stamper=STAMPER)
    again.close()

    assert (salvaged, salvaged_again) == (True, False)
    assert [said(row) for row in after[1:]] == [said(row) for row in before]


@pytest.mark.parametrize("bit", [2, 4, 8, 16, 32, 64])
@pytest.mark.parametrize("column", ["id", "kind", "body", "at", "answer"])
def test_a_column_that_changed_its_length_costs_its_row_at_most(
    tmp_path: Path, column: str, bit: int
) -> None:
    path = tmp_path / "edge.db"
    before = filled(path)
    retype(path, before[DAMAGED - 1], column, bit)

    for _ in range(2):
        store, _ = open_store(path, stamper=STAMPER)
        after = [said(row) for row in rows_of(store)]
        store.close()

    others = [said(row) for row in before if row.seq != DAMAGED]
    assert [row for row in after if row in others] == others
