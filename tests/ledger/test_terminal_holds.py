"""Holds are served whatever brings the item back: kiosk, bin or terminal, in one queue."""

from datetime import date, timedelta
from pathlib import Path

from desk_kit import Station, World, desk_on
from terminal_kit import Terminal, catalogue

from central.terminal import (
    Back,
    ChangeHold,
    DropHold,
    HoldKept,
    Lend,
    Lent,
    PlaceHold,
    Renew,
    Return,
)
from circulation.policy import Policy
from wire.ids import new_id


def queue(world: World) -> list[tuple[str, str, str | None]]:
    """Return (patron, state, ready item) of the open holds, in their order."""
    return world.rows(  # type: ignore[return-value]  # three columns
        "SELECT patron, state, ready_item FROM hold WHERE state IN ('waiting', 'ready') ORDER BY n"
    )


async def test_a_returned_item_is_kept_for_who_waits_first_and_lent_to_nobody_else(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, k1 = Terminal(world), Station(world)
        await k1.lend("item-1", "CARD1")
        first = await sc.got(HoldKept, PlaceHold("CARD2", "item-1"))
        second = await sc.got(HoldKept, PlaceHold("CARD3", "item-1"))
        assert (first.position, second.position) == (1, 2)
        back = await sc.got(Back, Return("item-1"))

        assert (back.alert, back.hold_card) == ("hold-here", "CARD2")
        assert queue(world) == [("patron-2", "ready", "item-1"), ("patron-3", "waiting", None)]
        assert await sc.refused(Lend("CARD3", "item-1")) == "on-hold-for-another"
        said = await k1.send(k1.checkout("item-1", "CARD1"))
        assert said.answer is not None
        assert said.answer.refusal is not None
        assert said.answer.refusal.code == "on-hold-for-another"


async def test_an_own_hold_is_over_when_its_item_is_collected_at_a_kiosk(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await Terminal(world).ask(PlaceHold("CARD2", "item-1"))
        await k1.take_back("item-1")
        assert queue(world) == [("patron-2", "ready", "item-1")]
        await k1.lend("item-1", "CARD2")

        assert queue(world) == []
        assert world.rows("SELECT state FROM hold") == [("collected",)]
        assert world.loans() == {("item-1", "patron-2")}


async def test_any_copy_of_a_title_will_do(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        catalogue(world, {"item-1": "t1", "item-2": "t1", "item-3": "t2"})
        sc, bin_ = Terminal(world), Station(world, "b1")
        for item in ("item-1", "item-2", "item-3"):
            await sc.ask(Lend("CARD1", item))
        kept = await sc.got(HoldKept, PlaceHold("CARD2", title_id="t1"))
        assert (kept.item, kept.title_id, kept.available) == ("", "t1", False)
        await bin_.take_back("item-3")
        await bin_.take_back("item-2")
        back = await sc.got(Back, Return("item-1"))

        assert queue(world) == [("patron-2", "ready", "item-2")]
        assert back.alert == ""


async def test_an_item_that_is_collected_elsewhere_travels_and_is_ready_there(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        here, there = Terminal(world), Terminal(world, "sc-9", "north")
        await here.ask(PlaceHold("CARD2", "item-1", pickup="north"))
        sent = await here.got(Back, Return("item-1"))
        assert (sent.alert, sent.to_branch, sent.hold_card) == ("hold-elsewhere", "north", "CARD2")
        assert queue(world) == [("patron-2", "waiting", "item-1")]
        came = await there.got(Back, Return("item-1"))

        assert came.alert == "hold-here"
        assert queue(world) == [("patron-2", "ready", "item-1")]
        assert world.rows("SELECT place FROM item WHERE item = 'item-1'") == [("north",)]


async def test_an_item_of_another_branch_is_told_to_go_home(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        north, main = Terminal(world, "sc-9", "north"), Station(world)
        back = await north.got(Back, Return("item-1"))
        assert (back.alert, back.to_branch, back.owner_branch) == ("transit", "main", "main")
        assert world.rows("SELECT place FROM item WHERE item = 'item-1'") == [("north",)]

        await main.take_back("item-1")
        assert world.rows("SELECT place FROM item WHERE item = 'item-1'") == [(None,)]


async def test_a_cancelled_hold_sets_its_item_free_for_the_next(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(PlaceHold("CARD2", "item-1"))
        await sc.ask(PlaceHold("CARD3", "item-1"))
        await sc.ask(Return("item-1"))
        done = await sc.got(HoldKept, DropHold("CARD2", "item-1"))

        assert done.position == 0
        assert queue(world) == [("patron-3", "ready", "item-1")]
        assert await sc.refused(DropHold("CARD2", "item-1")) == "hold-unknown"


async def test_a_hold_is_changed_until_something_is_kept_for_it(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(PlaceHold("CARD2", "item-1"))
        kept = await sc.got(HoldKept, ChangeHold("CARD2", "item-1", pickup="north", expires=date(2026, 4, 1)))
        assert (kept.pickup, kept.expires, kept.position) == ("north", date(2026, 4, 1), 1)
        await sc.ask(Return("item-1"))

        assert await sc.refused(ChangeHold("CARD2", "item-1", pickup="main")) == "hold-ready"
        assert await sc.refused(ChangeHold("CARD3", "item-1", pickup="main")) == "hold-unknown"


async def test_what_is_not_collected_in_time_goes_to_the_next(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(PlaceHold("CARD2", "item-1"))
        await sc.ask(PlaceHold("CARD3", "item-1"))
        await sc.ask(Return("item-1"))
        world.clock.advance(7 * 86400)
        await world.desk.upkeep()
        assert queue(world)[0] == ("patron-2", "ready", "item-1")
        world.clock.advance(86400)
        await world.desk.upkeep()

        assert queue(world) == [("patron-3", "ready", "item-1")]
        assert world.rows("SELECT state FROM hold ORDER BY n") == [("expired",), ("ready",)]


async def test_what_was_not_collected_is_the_next_ones_even_before_anybody_noticed(tmp_path: Path) -> None:
    """The item went out against the rule and came back when its days on the shelf were over."""
    async with desk_on(tmp_path / "l.db") as world:
        sc, k1 = Terminal(world), Station(world)
        await sc.ask(PlaceHold("CARD2", "item-1"))
        await sc.ask(PlaceHold("CARD3", "item-1"))
        await sc.ask(Return("item-1"))
        await k1.send(k1.checkout("item-1", "CARD1", offline=True))
        world.clock.advance(9 * 86400)
        back = await sc.got(Back, Return("item-1"))

        assert back.hold_card == "CARD3"
        assert queue(world) == [("patron-3", "ready", "item-1")]
        assert any(case.startswith("lent-offline-against-rule") for case in world.cases())


async def test_a_loan_is_not_renewed_while_somebody_waits(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        catalogue(world, {"item-1": "t1", "item-2": "t1"})
        sc = Terminal(world)
        await sc.ask(Lend("CARD1", "item-1"))
        await sc.ask(PlaceHold("CARD2", title_id="t1"))
        await sc.got(Lent, Renew("CARD1", "item-1"))  # the other copy stands on the shelf
        await sc.ask(Lend("CARD3", "item-2"))

        assert await sc.refused(Renew("CARD1", "item-1")) == "on-hold-for-another"


async def test_a_loan_that_is_undone_leaves_the_hold_as_it_was(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, k1 = Terminal(world), Station(world)
        await sc.ask(PlaceHold("CARD2", "item-1"))
        await sc.ask(PlaceHold("CARD3", "item-1"))
        await sc.ask(Return("item-1"))
        before = queue(world)
        await sc.ask(Lend("CARD2", "item-1"))
        assert queue(world) == [("patron-3", "waiting", None)]
        await world.desk.upkeep()  # forgets whose the collected hold was
        await sc.got(Back, Return("item-1", cancel=True))
        assert queue(world) == before
        request = new_id()
        await k1.send(k1.checkout("item-1", "CARD2"), entry=request)
        assert len(queue(world)) == 1
        await k1.send(k1.withdrawn(request, "tag-failed"))

        assert queue(world) == before


async def test_a_return_that_is_undone_lets_whoever_waits_wait_on(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(Lend("CARD1", "item-1"))
        await sc.ask(PlaceHold("CARD2", "item-1"))
        await sc.ask(Return("item-1"))
        await sc.got(Lent, Lend("CARD1", "item-1", cancel=True))

        assert queue(world) == [("patron-2", "waiting", None)]
        assert world.loans() == {("item-1", "patron-1")}


async def test_a_late_return_catches_nothing_that_has_gone_out_again(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(Lend("CARD1", "item-1"))
        between = world.clock.now() + timedelta(seconds=30)
        world.clock.advance(60)
        await Station(world, "k2").lend("item-1", "CARD2")
        await sc.ask(PlaceHold("CARD3", "item-1"))
        await sc.got(Back, Return("item-1", happened=True), at=between)

        assert queue(world) == [("patron-3", "waiting", None)]
        assert world.loans() == {("item-1", "patron-2")}


async def test_a_lost_item_that_comes_back_is_found(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        world.ledger.hot.begin()
        world.ledger.hot.connection.execute("UPDATE item SET status = 'lost' WHERE item = 'item-1'")
        world.ledger.hot.connection.execute("UPDATE item SET status = 'missing' WHERE item = 'item-2'")
        world.ledger.hot.connection.execute("UPDATE item SET status = 'in-process' WHERE item = 'item-3'")
        world.ledger.hot.commit()
        await Station(world, "b1").take_back("item-1")
        await Terminal(world).ask(Lend("CARD1", "item-2"))
        await Terminal(world).ask(Return("item-3"))

        found = world.rows("SELECT status FROM item WHERE item IN ('item-1','item-2','item-3') ORDER BY item")
        assert found == [("",), ("",), ("in-process",)]


async def test_no_more_holds_than_the_policy_allows(tmp_path: Path) -> None:
    two = Policy.model_validate({"holds": {"limit": 2}})
    async with desk_on(tmp_path / "l.db", policy=two) as world:
        sc = Terminal(world)
        await sc.ask(PlaceHold("CARD2", "item-1"))
        assert await sc.refused(PlaceHold("CARD2", "item-1")) == "already-held"
        await sc.ask(PlaceHold("CARD2", "item-2"))

        assert await sc.refused(PlaceHold("CARD2", "item-3")) == "hold-limit-reached"
        assert await sc.refused(PlaceHold("CARD3", "nothing")) == "item-unknown"
        assert await sc.refused(PlaceHold("CARD3", title_id="none")) == "item-unknown"
