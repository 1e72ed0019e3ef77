"""What the loop does while the ledger waits: for a slow disk, or for somebody else who writes the file."""

import asyncio
import sqlite3
import time
from pathlib import Path

from desk_kit import Station, desk_on

from central.results import FromStation

WAIT_S = 0.3


async def turns_until(done: "asyncio.Future[object]") -> int:
    """Count the loop's turns, a hundredth of a second each, until something is done."""
    turns = 0
    while not done.done():
        await asyncio.sleep(0.01)
        turns += 1
    return turns


async def test_the_loop_goes_on_while_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "a.db") as world:
        k1, commit = Station(world, "k1"), world.ledger.hot.commit
        k1.write(k1.checkin("item-1"))

        def slow() -> None:
            time.sleep(WAIT_S)
            commit()

        world.ledger.hot.commit = slow  # type: ignore[method-assign]  # a disk that takes its time
        done = world.desk.enqueue(FromStation("k1", k1.entry(1)))

        assert await turns_until(done) > 5
        assert done.result().resume is not None


async def test_the_loop_goes_on_while_somebody_else_writes_the_ledger(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "a.db") as world:
        k1 = Station(world, "k1")
        k1.write(k1.checkin("item-1"))
        other = sqlite3.connect(world.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(WAIT_S, other.rollback)

        done = world.desk.enqueue(FromStation("k1", k1.entry(1)))

        assert await turns_until(done) > 5
        assert done.result().resume is not None
        assert world.rows("SELECT upto FROM stream") == [(1,)]
        other.close()


async def test_work_beside_the_streams_waits_its_turn_too(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "a.db") as world:
        other = sqlite3.connect(world.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(WAIT_S, other.rollback)

        assert await world.desk.write(lambda hot: hot.epoch) == world.ledger.hot.epoch
        other.close()
