"""Where a guessed time decides whether an item is lent, somebody must look at that item."""

from datetime import timedelta
from pathlib import Path

from desk_kit import START, Station, desk_on


async def test_a_return_that_may_lie_after_the_loan_that_stands_is_a_case_of_its_item(tmp_path: Path) -> None:
    """Offline, with a clock a day wrong: placed as early as can be, it does not end the loan that it followed."""
    async with desk_on(tmp_path / "l.db") as world:
        k1, b1 = Station(world), Station(world, "b1")
        await b1.send(b1.count(1, 0))
        world.clock.advance(60)
        await k1.lend("item-1", "CARD1")
        world.clock.advance(60)
        await b1.send(b1.checkin("item-1", at=world.clock.now() + timedelta(days=1)))

        assert world.loans() == {("item-1", "patron-1")}
        assert world.cases() == {f"clock-doubt:b1:{b1.boot}", "time-in-doubt:item-1"}

        await k1.take_back("item-1")

        assert world.loans() == set()
        assert world.cases() == {f"clock-doubt:b1:{b1.boot}"}


async def test_a_loan_told_late_at_a_time_that_nobody_knows_is_a_case_of_its_item(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1, k2 = Station(world), Station(world, "k2")
        offline = k1.checkout("item-1", "CARD1", at=START + timedelta(days=400), offline=True)
        world.clock.advance(60)
        await k2.take_back("item-1")
        world.clock.advance(60)
        await k1.send(offline)

        assert "time-in-doubt:item-1" in world.cases()


async def test_a_doubtful_return_that_ends_the_loan_all_the_same_concerns_nobody_more(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        await k1.send(k1.checkin("item-1", at=START + timedelta(days=400)))

        assert world.loans() == set()
        assert world.cases() == {f"clock-doubt:k1:{k1.boot}"}
