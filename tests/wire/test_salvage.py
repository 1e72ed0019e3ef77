import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wire.clock import FakeClock, Stamper
from wire.edge import EdgeStore, Limits, open_store, recover
from wire.edge.salvage import finish_move, salvage, salvaged_name
from wire.edge.schema import connect
from wire.messages.base import stamped
from wire.messages.facts import Checkin, Checkout, Incident, TagWritten
from wire.messages.stream import Answer
from wire.streams.station import Confirm, Talk

STAMPER = Stamper(FakeClock(datetime(2026, 5, 4, 9, 0, tzinfo=UTC)), "boot")


def filled(path: Path, rows: int = 400) -> tuple[list[str], str]:
    """An edge.db of some pages, closed; return its ids and its stream."""
    store, _ = open_store(path, stamper=STAMPER)
    for number in range(rows):
        store.record(
            (Incident(what="bin-full", detail=f"{number} " + "x" * 300, **stamped(STAMPER.stamp())),)
        )
    ids, stream = ids_of(store), store.held.stream
    store.close()
    return ids, stream


def ids_of(store: EdgeStore) -> list[str]:
    return [row.id for row in store._rows(1, store.held.last)]


def damage_a_page_of_rows(path: Path) -> None:
    data = bytearray(path.read_bytes())
    leaves = [
        at // 4096
        for at in range(0, len(data), 4096)
        if data[at] == 13 and b"x" * 300 in data[at : at + 4096]
    ]
    page = leaves[len(leaves) // 2]  # 13: a leaf of a table (SQLite file format §1.6)
    data[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
    path.write_bytes(bytes(data))


def test_a_damaged_page_costs_its_rows_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    before, stream = filled(path)
    damage_a_page_of_rows(path)
    store, salvaged = open_store(path, stamper=STAMPER)
    after = ids_of(store)
    (began,) = store.messages(Talk(link="l", central="C"), 1, 1)
    asides = [found.name for found in tmp_path.glob("edge.db.damaged-*")]

    assert salvaged
    assert asides == ["edge.db.damaged-20260504T090000"]
    assert ("salvage", [stream]) == (began.body["reason"], began.body["parents"])
    assert stream != store.held.stream
    assert after[1:] == [row_id for row_id in before if row_id in after]
    assert len(before) - 30 < len(after) - 1 < len(before)
    assert began.body["missing"] == len(before) - (len(after) - 1)
    store.close()


@pytest.mark.parametrize(("confirmed", "missing"), [(0, 3), (2, 3), (4, 2), (5, 1), (6, None), (9, None)])
def test_what_was_lost_in_the_midst_is_counted_as_far_as_central_had_not_confirmed_it(
    tmp_path: Path, confirmed: int, missing: int | None
) -> None:
    path = tmp_path / "edge.db"
    store, _ = open_store(path, stamper=STAMPER)
    for _ in range(8):
        store.record((Checkin(item="i", **stamped(STAMPER.stamp())),))
    if confirmed:
        store._store_lazily((Confirm(confirmed),))
    store._db.execute("DELETE FROM outbox WHERE seq IN (4, 5, 6)")  # what stood on a page of its own
    store.close()
    salvage(path, stamper=STAMPER, connect=connect)
    store, _ = open_store(path, stamper=STAMPER)
    (began,) = store.messages(Talk(link="l", central="C"), 1, 1)
    store.close()

    assert began.body.get("missing") == missing


def test_a_file_that_is_no_database_any_more_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    filled(path, 3)
    path.write_bytes(b"\0" * 8192)
    store, salvaged = open_store(path, stamper=STAMPER)
    again, salvaged_again = store, salvaged

    assert salvaged_again
    assert again.held.last == 1
    store.close()


def test_a_request_whose_visit_log_is_lost_is_settled_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    store, _ = open_store(path, stamper=STAMPER)
    request = store.request(Checkout(visit="v", card="c", item="i", **stamped(STAMPER.stamp())))
    store.run(lambda db: db.execute("DELETE FROM visit"))
    store.close()
    salvage(path, stamper=STAMPER, connect=connect)
    store, _ = open_store(path, stamper=STAMPER)

    assert (request,) == recover(store, STAMPER, salvaged=True).withdrawn
    store.close()


def test_a_row_whose_body_is_damaged_is_void_under_its_id(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    store, _ = open_store(path, stamper=STAMPER)
    (row_id,) = store.record((Checkin(item="i", **stamped(STAMPER.stamp())),))
    store.run(lambda db: db.execute("UPDATE outbox SET body = x'7b7b' WHERE id = ?", (row_id,)))
    (message,) = store.messages(Talk(link="l", central="C"), 2, 2)

    assert ("void", row_id, "damaged on the disk") == (message.kind, message.id, message.reason)
    store.close()


@pytest.mark.parametrize("cut_at", ["before the moves", "between the moves"])
def test_a_power_cut_during_the_salvage_loses_nothing_more(tmp_path: Path, cut_at: str) -> None:
    path = tmp_path / "edge.db"
    before, _ = filled(path, 50)
    ready = salvaged_name(path)
    with sqlite3.connect(ready) as new, sqlite3.connect(path) as old:
        old.backup(new)
    new.close()
    old.close()
    if cut_at == "between the moves":
        path.rename(tmp_path / "edge.db.damaged-x")
        (tmp_path / "edge.db-wal").write_bytes(b"left over from the damaged file")
    finish_move(path)
    store, _ = open_store(path, stamper=STAMPER)

    assert not ready.exists()
    assert before == ids_of(store)
    store.close()


def test_a_request_that_a_salvage_voided_does_not_stop_the_pruning(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    clock = FakeClock(STAMPER.clock.now())
    stamper = Stamper(clock, "boot")
    store, _ = open_store(path, stamper=stamper)
    request = store.request(Checkout(visit="v", card="c", item="i", **stamped(stamper.stamp())))
    store.accept(Answer(request=request, central="C", outcome="granted", at=clock.now()), "C")
    written = TagWritten(request=request, item="i", afi=None, **stamped(stamper.stamp()))
    store.settle(request, written, only_from=("writing",), to="done")
    store.run(lambda db: db.execute("UPDATE outbox SET body = x'7b7b' WHERE id = ?", (request,)))
    store.close()
    salvage(path, stamper=stamper, connect=connect)

    store, _ = open_store(path, stamper=stamper, limits=Limits(keep=timedelta(days=45)))
    store._store_lazily((Confirm(store.held.last),))
    clock.advance(46 * 86_400)
    store.prune(clock.now())

    assert store.held.pruned_seq == store.held.last
    store.close()
