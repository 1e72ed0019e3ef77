"""How an item's history is found: from its newest event back, whatever came late, and never by reading all."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from desk_kit import Station, World, desk_on
from sqlalchemy import Connection

from central.ledger import database
from central.ledger.backup import check
from central.ledger.hot_sqlite import Hot
from central.ledger.ledger import Ledger
from circulation.history import Lent, Returned
from wire.errors import ConfigError

UNKNOWN = "item-of-nobody"
ITEMS = ["item-1", "item-2", UNKNOWN]
BY_READING_ALL = """
SELECT request, start FROM loan WHERE item = :item UNION ALL SELECT fact_id, at FROM checkin WHERE item = :item
"""


def found(hot: Hot, item: str) -> list[tuple[str, int]]:
    return sorted((event.id, event.at) for event in hot.history(item)[0])


def all_there(hot: Hot, item: str) -> list[tuple[str, int]]:
    return sorted(hot.connection.execute(BY_READING_ALL, {"item": item}).fetchall())


async def a_day(world: World, rng: random.Random, facts: int) -> None:
    """Lend and take back at two stations, much of it told hours late."""
    stations = [Station(world), Station(world, "k2")]
    for _ in range(facts):
        station, item = rng.choice(stations), rng.choice(ITEMS)
        at = world.clock.now() - timedelta(minutes=rng.choice((0, 0, 200, 400)))
        if rng.random() < 0.5:
            await station.send(station.checkin(item, at))
        else:
            await station.send(station.checkout(item, f"CARD{rng.randint(1, 4)}", at, offline=True))
        world.clock.advance(rng.randint(1, 600))


@pytest.mark.parametrize("seed", range(5))
async def test_all_that_was_recorded_of_an_item_is_found_and_nothing_else(tmp_path: Path, seed: int) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await a_day(world, random.Random(seed), 40)
        hot = world.ledger.hot

        for item in ITEMS:
            assert found(hot, item) == all_there(hot, item) != []
    assert check(tmp_path / "l.db").faults == ()


@pytest.mark.parametrize("wrong", ["NULL", "'no event'", "(SELECT min(previous) FROM loan)"])
async def test_an_event_that_is_not_found_from_its_item_is_a_fault_of_the_ledger(
    tmp_path: Path, wrong: str
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await a_day(world, random.Random(1), 20)
        one = "SELECT max(fact_id) FROM checkin WHERE previous IS NOT NULL"
        world.ledger.hot.connection.execute(f"UPDATE checkin SET previous = {wrong} WHERE fact_id = ({one})")

    assert check(tmp_path / "l.db").faults == (
        "1 loans and returns that are not found, or not once, from their item",
    )


def test_a_ledger_of_today_without_a_table_of_today_is_not_sound(tmp_path: Path) -> None:
    Ledger.open(f"sqlite:///{tmp_path / 'l.db'}").close()
    with closing(sqlite3.connect(tmp_path / "l.db")) as db:
        db.execute("DROP TABLE newest")
    with pytest.raises(ConfigError):
        check(tmp_path / "l.db")


@pytest.mark.parametrize("name", ["history", "returned_since", "loan_ended", "new_loan", "new_checkin"])
def test_no_statement_about_an_item_reads_all_loans_or_returns(tmp_path: Path, name: str) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'l.db'}")
    sql = getattr(ledger.hot._sql, name)
    values = ("item-1",) * sql.count("?")
    steps = [row[3] for row in ledger.hot.connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    ledger.close()

    assert any("SEARCH newest" in step for step in steps)
    assert [
        step for step in steps if step.startswith("SCAN") and "back" not in step and "CONST" not in step
    ] == []


@pytest.mark.parametrize(
    "ring",
    ["UPDATE loan SET previous = request", "UPDATE loan SET previous = (SELECT max(fact_id) FROM checkin)"],
)
async def test_the_way_back_ends_where_an_event_comes_before_itself(tmp_path: Path, ring: str) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        request = await k1.lend("item-1", "CARD1")
        back = await k1.take_back("item-1")
        hot = world.ledger.hot
        hot.connection.execute(ring)
        steps = 0

        def many() -> bool:
            nonlocal steps
            steps += 1
            return steps > 100

        hot.connection.set_progress_handler(many, 10_000)  # a way without an end fails, and hangs nothing
        assert {event for event, _ in found(hot, "item-1")} == {request, back}
        assert hot.returned_since("item-1", 0)
        assert not hot.returned_since("item-1", 1 << 60)


def test_whether_an_item_came_back_since_is_a_return_that_stands(tmp_path: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'l.db'}")
    hot = ledger.hot
    hot.new_checkin(("early", "item-1", 100, "k1", "main", "kiosk", "verified"))
    hot.new_checkin(("late", "item-1", 200, "k1", "main", "kiosk", "undone"))
    hot.new_checkin(("other", "item-2", 300, "k1", "main", "kiosk", None))
    said = [hot.returned_since("item-1", at) for at in (99, 100, 101)]
    said += [hot.returned_since("item-2", 300), hot.returned_since("item-3", 0)]
    ledger.close()

    assert said == [True, True, False, True, False]


@contextmanager
def brought(path: Path, change: Callable[[Config, str], None], version: str) -> Iterator[Connection]:
    """Bring a ledger to a version, and look at it or write into it."""
    engine = database.engine(f"sqlite:///{path}", writing=True)
    with engine.connect() as connection:
        config = database._config()
        config.attributes["connection"] = connection
        change(config, version)
        yield connection
        connection.commit()
    engine.dispose()


def made_by_the_version_before(path: Path) -> None:
    """Make a ledger as release 0003 left it, with loans and returns of known and unknown items."""
    with brought(path, command.upgrade, "0003") as connection:
        rng = random.Random(3)
        for number in range(60):
            item, at = rng.choice(ITEMS), rng.randrange(50)
            connection.exec_driver_sql(
                "INSERT INTO checkin (fact_id, item, at, station, branch, via) VALUES (?, ?, ?, 'k1', 'main', 'kiosk')",
                (f"back-{number}", item, at),
            )
            connection.exec_driver_sql(
                "INSERT INTO loan (request, item, station, branch, start, ended, due, first_due, tag)"
                " VALUES (?, ?, 'k1', 'main', ?, ?, '2026-03-30', '2026-03-30', 'written')",
                (f"lent-{number}", item, at + 1, at + 2),
            )


def test_the_history_of_an_older_ledger_is_linked_when_it_is_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made_by_the_version_before(tmp_path / "l.db")
    older = check(tmp_path / "l.db")
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'l.db'}")
    linked = {item: found(ledger.hot, item) for item in ITEMS}
    there = {item: all_there(ledger.hot, item) for item in ITEMS}
    kinds = {type(event) for event in ledger.hot.history("item-1")[0]}
    ledger.close()

    assert (older.version, older.faults) == ("0003", ())
    assert "from version 0003 to 0004" in caplog.text
    assert linked == there
    assert sum(map(len, there.values())) == 120
    assert kinds == {Lent, Returned}
    assert check(tmp_path / "l.db").faults == ()


def test_an_older_version_finds_its_indexes_again(tmp_path: Path) -> None:
    made_by_the_version_before(tmp_path / "l.db")
    Ledger.open(f"sqlite:///{tmp_path / 'l.db'}").close()
    with brought(tmp_path / "l.db", command.downgrade, "0003") as connection:
        names = {row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master")}

    assert {"ix_loan_item", "ix_checkin_item"} <= names
    assert "newest" not in names
