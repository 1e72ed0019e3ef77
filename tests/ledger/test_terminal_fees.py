"""Fines, fees, payments, barred cards and properties: at terminals, with effect at the kiosks too."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from desk_kit import START, Station, World, desk_on
from terminal_kit import Terminal, charge

from central.terminal import (
    Back,
    Bar,
    CardSet,
    Describe,
    Described,
    Enable,
    Lend,
    Lent,
    Paid,
    Pay,
    Refused,
    Renew,
    Return,
)
from circulation.policy import Policy
from wire.ids import new_id

FINES = Policy.model_validate(
    {"fees": {"fine_per_day": "0.20", "max_fine": "5.00"}, "defaults": {"loan_days": 7}}
)
LATE = 10 * 86400


def fees(world: World) -> list[tuple[Any, ...]]:
    """Return (patron, item, kind, amount, paid) of all fees."""
    return world.rows("SELECT patron, item, kind, amount, paid FROM fee ORDER BY item, kind")


async def test_a_late_return_is_charged_wherever_it_happens(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", policy=FINES) as world:
        sc, bin_ = Terminal(world), Station(world, "b1")
        for item in ("item-1", "item-2", "item-3"):
            await sc.ask(Lend("CARD1", item))
        await sc.ask(Return("item-3"))
        world.clock.advance(LATE)
        back = await sc.got(Back, Return("item-1"))
        await bin_.take_back("item-2")

        assert back.fine == 60
        assert fees(world) == [
            ("patron-1", "item-1", "overdue", 60, 0),
            ("patron-1", "item-2", "overdue", 60, 0),
        ]


async def test_a_fine_is_what_the_history_comes_to_however_late_it_is_heard_of(tmp_path: Path) -> None:
    """A bin that was cut off had it days before: the fine that was charged meanwhile becomes smaller."""
    week = FINES.model_copy(update={"retention": FINES.retention.model_copy(update={"loan_days": 30})})
    async with desk_on(tmp_path / "l.db", policy=week) as world:
        sc, bin_ = Terminal(world), Station(world, "b1")
        await sc.ask(Lend("CARD1", "item-1"))
        bin_.boot = new_id()
        early = START + timedelta(days=8)
        world.clock.advance(LATE)
        await sc.ask(Return("item-1"))
        assert fees(world) == [("patron-1", "item-1", "overdue", 60, 0)]
        await sc.got(Back, Return("item-1", happened=True), at=early)

        assert fees(world) == [("patron-1", "item-1", "overdue", 20, 0)]


async def test_a_return_that_is_undone_is_not_charged(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", policy=FINES) as world:
        sc = Terminal(world)
        await sc.ask(Lend("CARD1", "item-1"))
        await sc.ask(Return("item-1"), wait=LATE)
        assert len(fees(world)) == 1
        await sc.got(Lent, Lend("CARD1", "item-1", cancel=True))

        assert fees(world) == []


async def test_who_owes_too_much_is_lent_nothing_anywhere_until_it_is_paid(tmp_path: Path) -> None:
    strict = Policy.model_validate({"fees": {"block_at": "10.00"}})
    async with desk_on(tmp_path / "l.db", policy=strict) as world:
        sc, k1 = Terminal(world), Station(world)
        charge(world, "patron-1", 1000, "f1")
        assert await sc.refused(Lend("CARD1", "item-1")) == "fees"
        said = await k1.send(k1.checkout("item-1", "CARD1"))
        assert said.answer is not None
        assert said.answer.refusal is not None
        assert said.answer.refusal.params == {"owed": "10.00", "currency": "EUR"}
        await sc.got(Paid, Pay("CARD1", 1, "k-1"))

        await k1.lend("item-1", "CARD1")


async def test_overdue_items_stop_lending_where_the_policy_says_so(tmp_path: Path) -> None:
    strict = Policy.model_validate({"defaults": {"overdue_limit": 1, "loan_days": 7}})
    async with desk_on(tmp_path / "l.db", policy=strict) as world:
        sc, k1 = Terminal(world), Station(world)
        await sc.ask(Lend("CARD1", "item-1"))
        await sc.got(Lent, Lend("CARD1", "item-2"), wait=7 * 86400)
        world.clock.advance(86400)
        assert await sc.refused(Lend("CARD1", "item-3")) == "too-many-overdue"
        said = await k1.send(k1.checkout("item-3", "CARD1"))

        assert said.answer is not None
        assert said.answer.outcome == "refused"


async def test_a_fee_for_lending_is_agreed_to_first_and_charged_once(tmp_path: Path) -> None:
    rents = Policy.model_validate({"rules": [{"item": "book", "rental_fee": "1.50"}]})
    async with desk_on(tmp_path / "l.db", policy=rents) as world:
        sc = Terminal(world)
        asked = await sc.got(Refused, Lend("CARD1", "item-1"))
        assert (asked.refusal.code, asked.fee, asked.fee_kind) == ("fee-to-acknowledge", 150, "rental")
        assert asked.title == "Title 1"
        assert fees(world) == []
        lent = await sc.got(Lent, Lend("CARD1", "item-1", fee_acknowledged=True), digest="d1")
        assert (lent.fee, lent.fee_kind) == (150, "rental")
        assert await sc.got(Lent, Lend("CARD1", "item-1", fee_acknowledged=True), digest="d1") == lent
        assert fees(world) == [("patron-1", "item-1", "rental", 150, 0)]
        await sc.got(Back, Return("item-1", cancel=True))

        assert fees(world) == []


async def test_a_renewal_costs_too_and_nothing_is_taken_back_that_was_paid(tmp_path: Path) -> None:
    rents = Policy.model_validate({"fees": {"rental_fee": "1.00"}})
    async with desk_on(tmp_path / "l.db", policy=rents) as world:
        sc = Terminal(world)
        await sc.got(Lent, Lend("CARD1", "item-1", fee_acknowledged=True))
        assert await sc.refused(Renew("CARD1", "item-1"), wait=86400) == "fee-to-acknowledge"
        await sc.got(Lent, Renew("CARD1", "item-1", fee_acknowledged=True))
        await sc.got(Paid, Pay("CARD1", 150, "k-1"))
        await sc.got(Back, Return("item-1", cancel=True))

        assert world.rows("SELECT amount, paid FROM fee ORDER BY at") == [(100, 100), (100, 50)]


async def test_a_payment_is_taken_once_for_its_key_and_never_more_than_is_owed(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        charge(world, "patron-1", 300, "f1", at=1)
        charge(world, "patron-1", 200, "f2", at=2)
        assert await sc.refused(Pay("CARD1", 501, "k-0")) == "too-much"
        assert await sc.refused(Pay("CARD1", 0, "k-0")) == "amount-not-positive"
        assert await sc.refused(Pay("CARD2", 1, "k-0")) == "nothing-owed"
        assert await sc.refused(Pay("NOBODY", 1, "k-0")) == "unknown-card"
        assert await sc.refused(Pay("CARD1", 1, "k-0", fee="f9")) == "unknown-fee"
        assert await sc.got(Paid, Pay("CARD1", 350, "k-1")) == Paid(350)
        assert await sc.got(Paid, Pay("CARD1", 350, "k-1")) == Paid(350, again=True)
        assert await sc.refused(Pay("CARD1", 10, "k-1")) == "payment-key-used"
        assert await sc.refused(Pay("CARD2", 350, "k-1")) == "payment-key-used"
        assert world.rows("SELECT fee, paid FROM fee ORDER BY fee") == [("f1", 300), ("f2", 50)]
        await sc.got(Paid, Pay("CARD1", 150, "k-2", means="02", fee="f2"))

        assert world.rows("SELECT key, amount, terminal, means FROM payment ORDER BY key") == [
            ("k-1", 350, "sc-1", "00"),
            ("k-2", 150, "sc-1", "02"),
        ]


async def test_a_barred_card_borrows_nowhere_until_it_is_enabled(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, k1 = Terminal(world), Station(world)
        await sc.got(CardSet, Bar("CARD1", "left in the terminal"))
        assert await sc.refused(Lend("CARD1", "item-1")) == "card-blocked"
        said = await k1.send(k1.checkout("item-1", "CARD1"))
        assert said.answer is not None
        assert said.answer.outcome == "refused"
        account = await world.ledger.account("a", "CARD1", None, world.clock.now())
        assert account.refusal is not None
        await sc.got(CardSet, Enable("CARD1"))

        await sc.got(Lent, Lend("CARD1", "item-1"))
        assert await sc.refused(Bar("NOBODY", "")) == "unknown-card"


async def test_what_staff_blocked_no_terminal_enables(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        world.ledger.hot.begin()
        world.ledger.hot.connection.execute(
            "UPDATE patron SET blocked = 'lost-card' WHERE patron = 'patron-1'"
        )
        world.ledger.hot.commit()
        sc = Terminal(world)
        await sc.got(CardSet, Enable("CARD1"))

        assert await sc.refused(Lend("CARD1", "item-1")) == "lost-card"


async def test_an_items_properties_are_set_and_said(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        done = await sc.got(Described, Describe("item-1", "2 discs"))
        assert done == Described("Title 1", "2 discs")
        assert await sc.refused(Describe("nothing", "x")) == "item-unknown"

        lent = await sc.got(Lent, Lend("CARD1", "item-1"))
        assert lent.properties == "2 discs"
        assert lent.due == date(2026, 3, 30)
