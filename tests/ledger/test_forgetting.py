"""Who borrowed what is forgotten, in every copy (design §7)."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from desk_kit import Station, World, desk_on

from central import desk_entry
from central.ledger import forget
from central.results import SkipEntry
from circulation.policy import Policy
from wire.ids import new_id


def copies(world: World, secret: str) -> int:
    """Count a string in every byte of the ledger's files."""
    files = [world.path, world.path.with_name(world.path.name + "-wal")]
    return sum(file.read_bytes().count(secret.encode()) for file in files if file.exists())


async def test_after_the_return_no_byte_of_the_file_says_who_had_it(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        world.ledger.hot.shed()
        registered, card = copies(world, "patron-3"), copies(world, "CARD3")
        k1 = Station(world)
        for number in range(1, 9):
            await k1.lend(f"item-{number}", "CARD3")
        assert copies(world, "patron-3") > registered
        for number in range(1, 9):
            await k1.take_back(f"item-{number}")
        world.clock.advance(1)
        forgotten = await world.desk.upkeep()

        assert forgotten.loans == 8
        assert world.rows("SELECT count(*) FROM loan WHERE patron IS NOT NULL") == [(0,)]
        assert copies(world, "patron-3") == registered
        assert copies(world, "CARD3") == card


async def test_a_patrons_card_and_visit_stand_nowhere_beside_an_item(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        body = k1.checkout("item-1", "CARD2")
        await k1.send(body)

        assert copies(world, body.visit) == 0
        for table in ("journal", "answer", "item", "case", "change", "checkin", "passage"):
            assert "patron-2" not in str(world.rows(f'SELECT * FROM "{table}"'))
            assert "CARD2" not in str(world.rows(f'SELECT * FROM "{table}"'))


async def test_a_case_about_the_item_keeps_the_memory_until_it_is_closed(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        fact = await k1.take_back("item-1", "failed")
        world.clock.advance(1)
        assert (await world.desk.upkeep()).loans == 0
        await k1.send(k1.secured(fact, "item-1"))

        assert (await world.desk.upkeep()).loans == 1


async def test_retention_is_policy(tmp_path: Path) -> None:
    week = Policy.model_validate({"retention": {"loan_days": 7}})
    async with desk_on(tmp_path / "l.db", policy=week) as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        await k1.take_back("item-1")
        world.clock.advance(6 * 86400)
        assert (await world.desk.upkeep()).loans == 0
        world.clock.advance(2 * 86400)

        assert (await world.desk.upkeep()).loans == 1


async def test_a_loan_that_may_still_come_back_is_not_forgotten_yet(tmp_path: Path) -> None:
    """It ended only because the item was lent again; that request may be withdrawn."""
    async with desk_on(tmp_path / "l.db") as world:
        k1, k2 = Station(world), Station(world, "k2")
        await k1.lend("item-1", "CARD1")
        request = new_id()
        await k2.send(k2.checkout("item-1", "CARD2"), entry=request)
        world.clock.advance(60)
        await world.desk.upkeep()
        await k2.send(k2.withdrawn(request))
        assert world.loans() == {("item-1", "patron-1")}

        await world.desk.upkeep()
        assert world.rows("SELECT patron FROM loan WHERE withdrawn") in ([(None,)], [("patron-2",)])
        world.clock.advance(2 * 86400)
        await world.desk.upkeep()
        assert ("patron-2",) not in world.rows("SELECT patron FROM loan WHERE withdrawn")


async def lend_on(k: Station, item: str, card: str) -> str:
    """Lend an item that is on loan, with no word about its tag; returns the request."""
    request = new_id()
    said = await k.send(k.checkout(item, card), entry=request)
    assert said.answer is not None
    assert said.answer.outcome == "granted", said.answer.refusal
    return request


async def days(world: World, number: float) -> None:
    """Let days go by, and forget what is due."""
    world.clock.advance(number * 86400)
    await world.desk.upkeep()


async def test_a_loan_waits_for_the_request_that_renewed_it_however_late_that_is_withdrawn(
    tmp_path: Path,
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        world.clock.advance(86400)
        request = await lend_on(k1, "item-1", "CARD1")
        await days(world, 2)
        await k1.send(k1.withdrawn(request, "restart"))

        assert world.loans() == {("item-1", "patron-1")}
        assert world.cases() == set()


async def test_a_loan_waits_for_the_request_of_a_station_that_was_away(tmp_path: Path) -> None:
    """What came later is told days later: the item was lent there, and then it was not."""
    async with desk_on(tmp_path / "l.db") as world:
        k1, k2, request = Station(world), Station(world, "k2"), new_id()
        await k1.lend("item-1", "CARD1")
        world.clock.advance(60)
        world.desk.heard("k2", k2.boot, world.clock.mono())
        lent = k2.write(k2.checkout("item-1", "CARD2"), entry=request)
        world.clock.advance(8)
        undone = k2.write(k2.withdrawn(request))
        world.clock.advance(2 * 86400)
        await k2.say(k2.entry(lent))
        await world.desk.upkeep()
        await k2.say(k2.entry(undone))

        assert world.loans() == {("item-1", "patron-1")}


@pytest.mark.parametrize("settled", ["written", "returned"])
async def test_a_loan_waits_for_all_that_lent_its_item_again_until_one_is_settled(
    tmp_path: Path, settled: str
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        first = await k1.lend("item-1", "CARD1")
        world.clock.advance(86400)
        second = await lend_on(k1, "item-1", "CARD1")
        world.clock.advance(86400)
        third = await lend_on(k1, "item-1", "CARD1")
        await days(world, 2)
        holders = "SELECT request FROM loan WHERE patron IS NOT NULL"
        assert set(world.rows(holders)) == {(first,), (second,), (third,)}

        if settled == "written":
            await k1.send(k1.written(second, "item-1"))
        else:
            await k1.take_back("item-1")
        await days(world, 0)
        assert (first,) not in world.rows(holders)
        assert ((second,) in world.rows(holders)) == (settled == "written")


async def test_the_patron_before_is_forgotten_a_day_after_the_next_ones_tag_is_written(
    tmp_path: Path,
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1, k2 = Station(world), Station(world, "k2")
        await k1.lend("item-1", "CARD1")
        await k2.lend("item-1", "CARD2")
        await days(world, 1.01)

        assert world.rows("SELECT patron FROM loan ORDER BY start") == [(None,), ("patron-2",)]


async def test_a_loan_waits_30_days_at_most_and_what_comes_back_then_is_a_case(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        world.clock.advance(86400)
        request = await lend_on(k1, "item-1", "CARD1")
        await days(world, 29)
        assert world.rows("SELECT patron FROM loan") == [("patron-1",)] * 2
        await days(world, 1)
        assert set(world.rows("SELECT patron FROM loan")) == {(None,), ("patron-1",)}
        await k1.send(k1.withdrawn(request, "restart"))
        assert world.loans() == {("item-1", None)}
        assert world.cases() == {"loan-without-patron:item-1"}

        await k1.take_back("item-1")
        assert world.cases() == set()


async def test_what_is_forgotten_is_found_by_an_index(tmp_path: Path) -> None:
    told = {"for_good": 1, "at_most": 1, "until": 1, "happened": 1}
    async with desk_on(tmp_path / "l.db") as world:
        for statement in (forget.LOANS, forget.BEFORE_OTHERS, forget.LATELY, forget.REPEATS):
            plan = world.ledger.hot.connection.execute(f"EXPLAIN QUERY PLAN {statement}", told).fetchall()
            steps = [step for *_, step in plan]
            assert not [step for step in steps if step.startswith("SCAN") and "INDEX" not in step], steps
            assert "again" not in str(steps) or "one_open_loan" in str(steps)


async def test_a_dead_letter_keeps_its_body_only_so_long(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.send({"schema": "checkout/99", "card": "SECRET-CARD-7", "item": "item-1"})
        assert copies(world, "SECRET-CARD-7") > 0
        world.clock.advance(31 * 86400)
        assert (await world.desk.upkeep()).dead_letters == 1

        assert copies(world, "SECRET-CARD-7") == 0


async def test_a_parked_entry_is_forgotten_with_its_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(scene: Any, body: Any, told: Any) -> Any:
        raise RuntimeError("a bug")

    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        with monkeypatch.context() as patched:
            patched.setattr(desk_entry, "request", fails)
            await k1.send(k1.checkout("item-1", "SECRET-CARD-8"))
        await world.desk.submit(SkipEntry("k1", "anna"))
        world.clock.advance(31 * 86400)
        await world.desk.upkeep()

        assert copies(world, "SECRET-CARD-8") == 0


async def test_old_item_changes_are_pruned_and_the_numbers_go_on(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        before = await world.ledger.snapshot_items(b"k" * 32)
        world.clock.advance(40 * 86400)
        await world.desk.upkeep()
        assert await world.ledger.changes_after(before.n - 1, b"k" * 32) is None
    async with desk_on(tmp_path / "l.db", world_clock(world), seed=False) as world:
        k1.world = world
        await k1.say(k1.hello())
        await k1.take_back("item-1")
        after = await world.ledger.changes_after(before.n, b"k" * 32)

        assert after is not None
        assert [c.s for c in after.changes] == ["available"]
        assert after.first == before.n + 1


@contextmanager
def read_by_somebody(world: World) -> Iterator[None]:
    """Look at the ledger as it stands, and go on reading."""
    reader = sqlite3.connect(world.path, isolation_level=None)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM loan").fetchone()
        yield
        reader.execute("ROLLBACK")
    finally:
        reader.close()


async def test_upkeep_waits_for_no_reader_and_cuts_the_log_off_when_that_one_is_gone(tmp_path: Path) -> None:
    secret = "item-1patron-1"
    waited: list[str] = []
    """How long each try to cut the log off waits at most."""

    def look(sql: str) -> None:
        if "busy_timeout=" in sql:
            patience[0] = sql.rpartition("=")[2]
        elif "wal_checkpoint" in sql:
            waited.append(patience[0])

    patience = ["unknown"]
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        world.ledger.hot.connection.set_trace_callback(look)
        with read_by_somebody(world):
            await k1.take_back("item-1")
            assert (await world.desk.upkeep()).loans == 1
            assert waited == ["0"]
            assert copies(world, secret) > 0
        assert (await world.desk.upkeep()).loans == 0

        assert waited == ["0", "0"]
        assert copies(world, secret) == 0
        await world.desk.upkeep()
        assert waited == ["0", "0"]


async def test_a_log_that_an_earlier_run_left_uncut_is_cut_off_by_the_next(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "l.db")) as idle:  # else the last one to close cuts it off
        async with desk_on(tmp_path / "l.db") as world:
            idle.execute("SELECT count(*) FROM loan").fetchone()
            k1 = Station(world)
            await k1.lend("item-1", "CARD1")
            with read_by_somebody(world):
                await k1.take_back("item-1")
                await world.desk.upkeep()
        assert copies(world, "item-1patron-1") > 0
        async with desk_on(tmp_path / "l.db", world.clock, seed=False):
            assert copies(world, "item-1patron-1") == 0


def world_clock(world: World) -> Any:
    return world.clock
