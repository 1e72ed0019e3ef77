import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wire.clock import FakeClock, Stamper
from wire.edge import Edge, Limits, OutboxFull, open_store
from wire.edge.schema import MIGRATIONS
from wire.errors import ConfigError
from wire.messages.base import stamped
from wire.messages.facts import Checkout, Incident, Renew
from wire.messages.stream import Answer, Entry, Resume, Void
from wire.streams.station import Fresh, Greet, Talk

START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


class Desk:
    """A station's disk, and the little of central that these tests need."""

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self.path, self.limits = path, limits
        self.clock = FakeClock(START)
        self.stamper = Stamper(self.clock, "boot")
        self.edge: Edge

    async def open(self) -> Edge:
        self.edge = await Edge.open(self.path, stamper=self.stamper, limits=self.limits)
        return self.edge

    def checkout(self, item: str = "i1") -> Checkout:
        return Checkout(visit="v", card="c1", item=item, **stamped(self.stamper.stamp()))

    def incident(self, detail: str = "") -> Incident:
        return Incident(what="bin-full", detail=detail, **stamped(self.stamper.stamp()))

    def answer(self, request: str, outcome: str = "granted", central: str = "C") -> Answer:
        return Answer.model_validate(
            {"request": request, "central": central, "outcome": outcome, "at": START}
        )

    async def confirm(self, upto: int | None = None) -> None:
        """Central has it up to here."""
        held = self.edge.held
        talk, _ = await self.edge.advance(Talk(), Greet(0, Fresh("l", "s", "b")))
        seq = held.last if upto is None else upto
        row_id = await self.edge.run(
            lambda db: db.execute("SELECT id FROM outbox WHERE seq = ?", (seq,)).fetchone()
        )
        resume = Resume(
            stream=held.stream,
            link="l",
            central="C",
            upto=seq,
            id=row_id[0] if row_id else "",
            high=0,
            high_id="",
        )
        await self.edge.heard(talk, resume, 0, Fresh("l2", "s2", "b2"))

    async def sent(self, first: int, last: int) -> list[Entry | Void]:
        talk = Talk(link="l", central="C")
        return await self.edge._do(lambda: self.edge._store.messages(talk, first, last))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "edge.db")
    await desk.open()
    yield desk
    await desk.edge.close()


async def test_a_new_disk_begins_its_stream(desk: Desk) -> None:
    (began,) = await desk.sent(1, 1)

    assert began.body["reason"] == "new"
    assert began.prev_id == ""


async def test_entries_are_numbered_gaplessly_and_name_the_one_before(desk: Desk) -> None:
    ids = [await desk.edge.checkin(f"i{number}", "kiosk") for number in range(3)]
    sent = await desk.sent(2, 4)

    assert [entry.seq for entry in sent] == [2, 3, 4]
    assert ids == [entry.id for entry in sent]
    assert [sent[0].id, sent[1].id] == [entry.prev_id for entry in sent][1:]


async def test_a_commit_outlives_the_daemon(desk: Desk) -> None:
    request = await desk.edge.request(desk.checkout())
    before = desk.edge.held
    await desk.edge.close()
    await desk.open()

    assert before == desk.edge.held
    assert desk.edge.phase(request) == "waiting"


async def test_an_answer_counts_once_and_only_from_the_central_of_this_link(desk: Desk) -> None:
    request = await desk.edge.request(desk.checkout())

    assert await desk.edge.accept(desk.answer(request), None) is None
    assert await desk.edge.accept(desk.answer(request), "other") is None
    assert await desk.edge.accept(desk.answer("nobody's"), "C") is None
    assert await desk.edge.accept(desk.answer(request), "C") == "writing"
    assert await desk.edge.accept(desk.answer(request), "C") is None
    (entry,) = await desk.sent(2, 2)
    assert entry.answer.outcome == "granted"


async def test_a_renewal_touches_no_tag(desk: Desk) -> None:
    body = Renew(visit="v", card="c", item="i", **stamped(desk.stamper.stamp()))
    request = await desk.edge.request(body)

    assert await desk.edge.accept(desk.answer(request), "C") == "done"


async def test_an_answer_that_comes_after_the_withdrawal_changes_nothing(desk: Desk) -> None:
    request = await desk.edge.request(desk.checkout())

    assert await desk.edge.withdraw(request, "timeout")
    assert not await desk.edge.withdraw(request, "timeout")
    assert await desk.edge.accept(desk.answer(request), "C") is None
    assert desk.edge.phase(request) == "withdrawn"
    assert desk.edge.held.last == 3


async def test_after_a_restart_nobody_waits_and_a_half_written_tag_is_unknown(desk: Desk) -> None:
    waiting = await desk.edge.request(desk.checkout("i1"))
    writing = await desk.edge.request(desk.checkout("i2"))
    await desk.edge.accept(desk.answer(writing), "C")
    await desk.edge.close()
    await desk.open()
    recovered = await desk.edge.recover()
    sent = await desk.sent(4, 5)

    assert ((waiting,), (writing,)) == (recovered.withdrawn, recovered.unknown)
    assert {"withdrawn/1", "tag-unknown/1"} == {entry.body["schema"] for entry in sent}
    assert next(entry.body["item"] for entry in sent if entry.body["schema"] == "tag-unknown/1") == "i2"
    assert await desk.edge.recover() == type(recovered)()


async def test_borrowing_stops_at_80_percent_and_returns_at_100(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "edge.db", Limits(rows=10))
    await desk.open()
    request = await desk.edge.request(desk.checkout())
    for _ in range(6):
        await desk.edge.checkin("i", "bin")
    with pytest.raises(OutboxFull):
        await desk.edge.request(desk.checkout())
    for _ in range(2):
        await desk.edge.checkin("i", "bin")
    assert desk.edge.depth().fill == 1.0
    with pytest.raises(OutboxFull):
        await desk.edge.checkin("i", "bin")

    await desk.edge.withdraw(request, "timeout")  # what closes a request always has room
    assert desk.edge.depth().open == 11
    await desk.edge.close()


async def test_the_bound_counts_bytes_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "edge.db", Limits(bytes=2_000))
    await desk.open()
    for _ in range(4):
        await desk.edge.record(desk.incident("x" * 300))
    with pytest.raises(OutboxFull):
        await desk.edge.record(desk.incident("x" * 300))

    assert desk.edge.depth().open < 8
    await desk.confirm()
    assert desk.edge.depth().fill == 0.0
    await desk.edge.close()


async def test_what_can_never_be_sent_becomes_void_under_its_number(desk: Desk) -> None:
    big = desk.incident().model_copy(update={"detail": "x" * 50_000})
    odd = desk.incident().model_copy(update={"detail": "\ud800"})
    await desk.edge.record(big, odd)
    sent = await desk.sent(2, 3)

    assert [message.kind for message in sent] == ["void", "void"]
    assert "too large" in sent[0].reason
    assert "cannot be encoded" in sent[1].reason


async def test_pruning_spares_what_is_young_open_or_owes_an_answer(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "edge.db", Limits(keep=timedelta(days=1)))
    await desk.open()
    await desk.edge.checkin("i1", "bin")
    request = await desk.edge.request(desk.checkout())
    await desk.edge.checkin("i2", "bin")
    assert await desk.edge.prune(START + timedelta(days=9)) == 0  # nothing is confirmed
    await desk.confirm()
    assert await desk.edge.prune(START) == 0  # all is young
    assert await desk.edge.prune(START + timedelta(days=9)) == 2  # up to the request
    await desk.edge.accept(desk.answer(request), "C")
    assert await desk.edge.prune(START + timedelta(days=9)) == 0  # its tag is being written
    await desk.edge.tag_written(request, "X", 0xC2)
    assert await desk.edge.prune(START + timedelta(days=9)) == 2

    assert desk.edge.phase(request) is None
    assert desk.edge.held.pruned_seq == 4
    (entry,) = await desk.sent(5, 5)
    assert desk.edge.held.pruned_id == entry.prev_id
    await desk.edge.close()


async def test_a_clock_set_back_makes_no_row_older_than_the_one_before(desk: Desk) -> None:
    await desk.edge.checkin("i1", "bin")
    desk.clock._now -= timedelta(days=9_000)  # the battery of the clock is empty
    await desk.edge.checkin("i2", "bin")
    await desk.confirm()

    assert await desk.edge.prune(START) == 0


async def test_a_daemon_may_keep_tables_of_its_own(desk: Desk) -> None:
    await desk.edge.run(lambda db: db.execute("CREATE TABLE items (h INTEGER PRIMARY KEY)"))
    with pytest.raises(ZeroDivisionError):
        await desk.edge.run(lambda db: (db.execute("INSERT INTO items VALUES (1)"), 1 // 0))

    assert await desk.edge.run(lambda db: db.execute("SELECT count(*) FROM items").fetchone()[0]) == 0


async def test_the_disk_is_asked_to_be_durable(desk: Desk) -> None:
    assert await desk.edge.run(
        lambda db: (
            db.execute("PRAGMA journal_mode").fetchone()[0],
            db.execute("PRAGMA synchronous").fetchone()[0],
        )
    ) == ("wal", 2)
    await desk.confirm()
    assert await desk.edge.run(lambda db: db.execute("PRAGMA synchronous").fetchone()[0]) == 2


async def test_a_file_of_a_newer_turnleaf_is_left_alone(desk: Desk) -> None:
    await desk.edge.run(lambda db: db.execute("PRAGMA user_version=99"))
    await desk.edge.close()

    with pytest.raises(ConfigError, match="version 99"):
        await desk.open()
    with sqlite3.connect(desk.path) as db:
        db.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
    db.close()
    await desk.open()


def test_a_folder_that_cannot_be_used_names_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        open_store(tmp_path / "nowhere" / "edge.db", stamper=Stamper(FakeClock(START), "b"))
