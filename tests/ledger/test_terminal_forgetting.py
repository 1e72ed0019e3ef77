"""Who waited for what, who owed and who paid is forgotten, in every byte of the file."""

import asyncio
from pathlib import Path

import pytest
from desk_kit import START, Station, World, desk_on
from terminal_kit import Terminal, charge
from test_forgetting import copies

from central import desk
from central.terminal import DropHold, Lend, Pay, PlaceHold, Return
from circulation.policy import Policy

FINES = {"fees": {"fine_per_day": "0.20"}, "defaults": {"loan_days": 7}}


async def test_no_byte_says_who_waited_owed_or_paid_once_it_is_over(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", policy=Policy.model_validate(FINES)) as world:
        world.ledger.hot.shed()
        registered, card = copies(world, "patron-3"), copies(world, "CARD3")
        sc = Terminal(world)
        for number in range(1, 6):
            item = f"item-{number}"
            await sc.ask(PlaceHold("CARD3", item), digest=f"a{number}")
            await sc.ask(Return(item), digest=f"b{number}")
            await sc.ask(Lend("CARD3", item), digest=f"c{number}")
        await sc.ask(PlaceHold("CARD3", "item-9"), digest="x1")
        await sc.ask(DropHold("CARD3", "item-9"), digest="x2")
        world.clock.advance(10 * 86400)
        for number in range(1, 6):
            await sc.ask(Return(f"item-{number}"), digest=f"d{number}")
        await world.desk.upkeep()
        assert world.rows("SELECT count(*) FROM fee WHERE patron IS NOT NULL") == [(5,)]
        await sc.ask(Pay("CARD3", 300, "k-1"), digest="y1")
        world.clock.advance(1)
        forgotten = await world.desk.upkeep()

        assert (forgotten.fees, forgotten.payments) == (5, 1)
        assert copies(world, "patron-3") == registered
        assert copies(world, "CARD3") == card
        assert world.rows("SELECT amount FROM payment") == [(300,)]
        assert world.rows("SELECT sum(paid) FROM fee") == [(300,)]


async def test_a_hold_that_waits_and_a_fee_that_is_owed_keep_their_patron(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(PlaceHold("CARD3", "item-1"))
        charge(world, "patron-3", 100, "f1")
        await sc.ask(Pay("CARD3", 40, "k-1"))
        world.clock.advance(400 * 86400)
        await world.desk.upkeep()

        assert world.rows("SELECT patron FROM hold") == [("patron-3",)]
        assert world.rows("SELECT patron, paid FROM fee") == [("patron-3", 40)]
        assert world.rows("SELECT patron FROM payment") == [(None,)]


async def test_retention_counts_for_holds_and_payments_as_for_loans(tmp_path: Path) -> None:
    month = Policy.model_validate({"retention": {"loan_days": 30}})
    async with desk_on(tmp_path / "l.db", policy=month) as world:
        sc = Terminal(world)
        await sc.ask(PlaceHold("CARD3", "item-1"))
        await sc.ask(DropHold("CARD3", "item-1"))
        world.clock.advance(29 * 86400)
        await world.desk.upkeep()
        assert world.rows("SELECT patron FROM hold") == [("patron-3",)]
        world.clock.advance(2 * 86400)
        await world.desk.upkeep()

        assert world.rows("SELECT patron FROM hold") == [(None,)]


async def test_what_may_be_repeated_names_nobody_and_is_gone_after_a_day(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(Lend("CARD3", "item-1"), digest="a")
        await sc.ask(PlaceHold("CARD2", "item-1"), digest="b")
        await sc.ask(Return("item-1"), digest="c")
        kept = str(world.rows("SELECT * FROM repeat"))
        for secret in ("CARD", "patron", "Title"):
            assert secret not in kept
        world.clock.advance(86400 + 1)
        await world.desk.upkeep()

        assert world.rows("SELECT count(*) FROM repeat") == [(0,)]


async def test_of_what_had_happened_a_line_that_was_made_of_no_card_stays_for_45_days(tmp_path: Path) -> None:
    """The frame's digest goes: from it, who has the file and the cards could tell who had the item."""
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        for card, item, frame in (("CARD3", "item-1", "a"), ("CARD2", "item-2", "b")):
            await sc.ask(Lend(card, item, happened=True), at=START, digest=frame)
        world.clock.advance(86400 + 1)
        await world.desk.upkeep()
        kept = str(world.rows("SELECT * FROM repeat"))
        assert world.rows("SELECT substr(digest, 1, 9) FROM repeat") == [("happened:",)] * 2
        for secret in ("CARD", "patron", "Title"):
            assert secret not in kept
        world.clock.advance(44 * 86400)
        await world.desk.upkeep()

        assert world.rows("SELECT count(*) FROM repeat") == [(0,)]


async def test_the_line_of_what_had_happened_is_the_same_whoever_it_was_for(tmp_path: Path) -> None:
    kept = []
    for card in ("CARD2", "CARD3"):
        async with desk_on(tmp_path / f"{card}.db") as world:
            await Terminal(world).ask(Lend(card, "item-1", happened=True), at=START, digest=card)
            kept.append(world.rows("SELECT digest FROM repeat WHERE digest LIKE 'happened:%'"))

    assert kept[0] == kept[1] != []


async def test_a_return_that_was_undone_is_none_that_lets_a_loan_be_forgotten(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(Lend("CARD1", "item-1"))
        await sc.ask(Return("item-1"))
        await sc.ask(Lend("CARD1", "item-1", cancel=True))
        await take_over(world)
        await world.desk.upkeep()

        assert ("patron-1",) in world.rows("SELECT patron FROM loan")


async def take_over(world: World) -> None:
    """Lend the item to somebody else; that request could still be withdrawn."""
    k2 = Station(world, "k2")
    await k2.send(k2.checkout("item-1", "CARD2"))


async def test_a_fault_in_upkeep_stops_neither_lending_nor_forgetting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = asyncio.Semaphore(0)

    def fails(group: object, **_: object) -> None:
        loop.call_soon_threadsafe(rounds.release)
        raise RuntimeError("a bug")

    loop = asyncio.get_running_loop()
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        monkeypatch.setattr(desk, "UPKEEP_S", 0.0)
        monkeypatch.setattr(desk, "_due_by_now", fails)
        running = asyncio.create_task(world.desk._keep_up())
        await rounds.acquire()
        await sc.ask(Lend("CARD1", "item-1"))
        await sc.ask(Return("item-1"))
        async with asyncio.timeout(20):
            while world.rows("SELECT patron FROM loan") != [(None,)]:
                await rounds.acquire()
        running.cancel()

        assert not world.loans()
