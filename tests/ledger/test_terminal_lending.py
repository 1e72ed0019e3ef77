"""Terminals of other makes lend and return by the rules of the kiosks, in the same history."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from desk_kit import START, Station, desk_on
from terminal_kit import Terminal

from central import desk_terminal
from central.authority import Elsewhere
from central.results import Happened, ItemsChanged
from central.terminal import AllRenewed, Back, Lend, Lent, Refused, Renew, RenewAll, Return
from circulation.policy import Policy
from wire.ids import new_id


async def test_an_item_is_lent_at_a_terminal_and_the_gates_are_told(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        done = await Terminal(world).got(Lent, Lend("CARD1", "item-1"))

        assert done == Lent(date(2026, 3, 30), title="Title 1", media="book")
        assert world.loans() == {("item-1", "patron-1")}
        assert world.rows("SELECT station, branch, tag FROM loan") == [("sc-1", "main", "told")]
        effects = world.effects()
        assert [c.s for e in effects if isinstance(e, ItemsChanged) for c in e.changes] == ["loan"]
        assert [e.event for e in effects if isinstance(e, Happened)] == ["checkout"]


@pytest.mark.parametrize("status", ["not-for-loan", "on-order", "in-process"])
async def test_what_is_not_for_loan_is_lent_neither_at_terminals_nor_at_kiosks(
    tmp_path: Path, status: str
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await world.desk.write(lambda hot: hot.whereabouts("item-1", status, None))

        refused = await Terminal(world).got(Refused, Lend("CARD1", "item-1"))
        k1 = Station(world)
        said = await k1.send(k1.checkout("item-1", "CARD1"))

        assert refused.refusal.code == "item-not-for-loan"
        assert said.answer is not None
        assert said.answer.refusal == refused.refusal
        assert world.loans() == set()


async def test_an_item_comes_back_at_a_terminal_whoever_lent_it(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await Station(world).lend("item-1", "CARD1")
        done = await Terminal(world).got(Back, Return("item-1"))

        assert done.known
        assert (done.patron, done.title, done.owner_branch) == ("CARD1", "Title 1", "main")
        assert world.loans() == set()
        assert world.cases() == set()


async def test_nobody_waits_for_a_report_on_a_tag_that_a_terminal_switches(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(Lend("CARD1", "item-1"))
        await sc.ask(Return("item-2"))
        world.clock.advance(3600)
        await world.desk.upkeep()

        assert world.cases() == set()


async def test_ones_own_item_is_lent_on_only_where_the_terminal_may(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(Lend("CARD1", "item-1"))
        assert await sc.refused(Lend("CARD1", "item-1"), wait=3 * 86400) == "renewal-not-allowed"
        done = await sc.got(Lent, Lend("CARD1", "item-1", renewal=True))

        assert done.renewed
        assert done.due == date(2026, 4, 2)
        assert world.rows("SELECT renewals FROM loan WHERE ended IS NULL") == [(1,)]


async def test_a_refusal_leaves_no_row_behind(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        assert await sc.refused(Lend("NOBODY", "item-1")) == "unknown-card"
        assert await sc.refused(Lend("CARD1", "nothing")) == "item-unknown"
        assert await sc.refused(Renew("CARD1", "item-1")) == "not-on-loan"

        for table in ("loan", "journal", "answer", "stream", "renewal", "case"):
            assert world.rows(f'SELECT count(*) FROM "{table}"') == [(0,)]


async def test_loans_are_renewed_one_by_one_or_all(tmp_path: Path) -> None:
    once = Policy.model_validate({"defaults": {"renewals": 1}})
    async with desk_on(tmp_path / "l.db", policy=once) as world:
        sc = Terminal(world)
        for number in (1, 2, 3):
            await sc.ask(Lend("CARD1", f"item-{number}"))
        done = await sc.got(Lent, Renew("CARD1", "item-2"), wait=86400)
        assert (done.renewed, done.due) == (True, date(2026, 3, 31))
        assert await sc.refused(Renew("CARD2", "item-2")) == "on-loan-elsewhere"

        both = await sc.got(AllRenewed, RenewAll("CARD1"))
        assert both == AllRenewed(renewed=("item-1", "item-3"), not_renewed=("item-2",))
        assert world.rows("SELECT count(*) FROM renewal") == [(3,)]


async def test_a_deed_of_a_terminal_is_journalled_and_its_numbers_have_no_holes(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        one, two = Terminal(world), Terminal(world, "sc-2")
        await one.ask(Lend("CARD1", "item-1"))
        await two.ask(Lend("CARD1", "item-2"))
        await one.ask(Lend("CARD1", "item-1"))
        await one.ask(Return("item-1"))

        found = world.rows("SELECT stream, seq, kind, item FROM journal ORDER BY stream, seq")
        assert found == [
            ("terminal:sc-1", 1, "checkout", "item-1"),
            ("terminal:sc-1", 2, "checkin", "item-1"),
            ("terminal:sc-2", 1, "checkout", "item-2"),
        ]
        assert world.rows("SELECT sum(upto) FROM stream") == [(3,)]


async def test_a_fault_of_one_request_is_taken_back_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(scene: object, deed: object) -> None:
        raise RuntimeError("a bug")

    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        with monkeypatch.context() as patched:
            patched.setattr(desk_terminal, "shown", fails)
            assert await sc.refused(Lend("CARD1", "item-1")) == "not-possible-now"
        assert world.loans() == set()
        assert world.rows("SELECT count(*) FROM change WHERE state = 'loan'") == [(0,)]

        await sc.got(Lent, Lend("CARD1", "item-1"))


async def test_where_loans_are_decided_elsewhere_no_terminal_is_served(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", authority=Elsewhere()) as world:
        assert await Terminal(world).refused(Return("item-1")) == "not-possible-now"
        assert world.rows("SELECT count(*) FROM checkin") == [(0,)]


# --- what has happened already (no block)


async def test_what_happened_is_recorded_with_its_own_dates_even_against_the_rules(tmp_path: Path) -> None:
    strict = Policy.model_validate({"defaults": {"limit": 1}})
    async with desk_on(tmp_path / "l.db", policy=strict) as world:
        sc, before = Terminal(world), START - timedelta(hours=2)
        due = date(2026, 3, 20)
        await sc.got(Lent, Lend("CARD1", "item-1", happened=True, due=due), at=before)
        done = await sc.got(Lent, Lend("CARD1", "item-2", happened=True), at=before)

        assert done.due == date(2026, 3, 30)
        assert world.loans() == {("item-1", "patron-1"), ("item-2", "patron-1")}
        assert world.rows("SELECT due FROM loan WHERE item = 'item-1'") == [("2026-03-20",)]
        assert [case.split(":")[0] for case in world.cases()] == ["lent-offline-against-rule"]


async def test_what_happened_to_an_unknown_patron_or_item_is_a_case(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.got(Lent, Lend("NOBODY", "item-1", happened=True))
        await sc.got(Lent, Lend("CARD1", "nothing", happened=True))
        back = await sc.got(Back, Return("nothing-either", happened=True))

        assert not back.known
        kinds = sorted(case.split(":")[0] for case in world.cases())
        assert kinds == ["item-unknown-lent", "item-unknown-returned", "lent-to-unknown-card"]


async def test_a_late_return_does_not_end_the_newest_loan(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, k1 = Terminal(world), Station(world)
        await sc.ask(Lend("CARD1", "item-1"))
        between = world.clock.now() + timedelta(minutes=5)
        world.clock.advance(3600)
        await k1.lend("item-1", "CARD2")
        await sc.got(Back, Return("item-1", happened=True), at=between)

        assert world.loans() == {("item-1", "patron-2")}


async def test_what_is_told_of_one_second_keeps_its_order(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, second = Terminal(world), START - timedelta(hours=1)
        for _ in range(8):
            await sc.got(Lent, Lend("CARD1", "item-1", happened=True), at=second)
            await sc.got(Back, Return("item-1", happened=True), at=second)
        await sc.got(Lent, Lend("CARD2", "item-1", happened=True), at=second)

        assert world.loans() == {("item-1", "patron-2")}


async def test_two_requests_of_one_moment_never_meet_as_if_the_item_had_gone(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        for _ in range(5):
            await sc.got(Lent, Lend("CARD1", "item-1"), wait=0)
            await sc.got(Back, Return("item-1"), wait=0)

        assert world.loans() == set()


# --- undoing


async def test_a_loan_whose_tag_could_not_be_unlocked_is_undone_and_in_no_count(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(Lend("CARD1", "item-1"))
        for _ in range(3):
            await sc.got(Back, Return("item-1", cancel=True))

        assert world.loans() == set()
        assert world.rows("SELECT withdrawn FROM loan") == [(1,)]
        assert world.rows("SELECT count(*) FROM checkin") == [(0,)]
        assert (await world.ledger.counts(None, START)).loans == 0


async def test_an_undone_loan_gives_the_item_back_to_whoever_had_it(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await Station(world).lend("item-1", "CARD1")
        await sc.ask(Lend("CARD2", "item-1"))
        await sc.got(Back, Return("item-1", cancel=True))
        await sc.got(Back, Return("item-1", cancel=True))

        assert world.loans() == {("item-1", "patron-1")}


async def test_a_loan_that_was_made_elsewhere_is_not_undone_but_ended(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await Station(world).lend("item-1", "CARD1")
        await Terminal(world, "sc-2").ask(Lend("CARD1", "item-2"))
        await Terminal(world).got(Back, Return("item-1", cancel=True))
        await Terminal(world).got(Back, Return("item-2", cancel=True))

        assert world.loans() == set()
        assert world.rows("SELECT DISTINCT withdrawn FROM loan") == [(0,)]
        assert world.rows("SELECT count(*) FROM checkin") == [(2,)]


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_return_whose_tag_could_not_be_secured_is_undone(tmp_path: Path, forgotten: bool) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        lent = await sc.got(Lent, Lend("CARD1", "item-1"))
        await sc.ask(Return("item-1"))
        if forgotten:
            await world.desk.upkeep()
            assert world.rows("SELECT patron FROM loan") == [(None,)]
        for _ in range(3):
            assert (await sc.got(Lent, Lend("CARD1", "item-1", cancel=True))).due == lent.due

        assert world.loans() == {("item-1", "patron-1")}
        assert (await world.ledger.counts(None, START)).returns == 0


async def test_a_return_is_not_undone_for_somebody_else_or_for_nothing(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(Lend("CARD1", "item-1"))
        await sc.ask(Return("item-1"))
        assert await sc.refused(Lend("CARD2", "item-1", cancel=True)) == "not-on-loan"
        await sc.ask(Return("item-2"))
        assert await sc.refused(Lend("CARD1", "item-2", cancel=True)) == "not-on-loan"

        assert world.loans() == set()


async def test_a_forgotten_loan_is_given_back_only_at_the_terminal_that_took_the_item_and_at_once(
    tmp_path: Path,
) -> None:
    """Nobody knows any more whose it was: another terminal, or another hour, could give it to any card."""
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(Lend("CARD1", "item-1"))
        await sc.ask(Return("item-1"))
        await world.desk.upkeep()
        undo = Lend("CARD2", "item-1", cancel=True)
        assert await Terminal(world, "sc-2").refused(undo) == "not-on-loan"
        assert await sc.refused(undo, wait=3600) == "not-on-loan"

        assert world.loans() == set()


async def test_a_kiosk_takes_its_request_back_as_before(tmp_path: Path) -> None:
    """The same way of undoing serves both."""
    async with desk_on(tmp_path / "l.db") as world:
        k1, request = Station(world), new_id()
        await Terminal(world).ask(Lend("CARD1", "item-1"))
        await k1.send(k1.checkout("item-1", "CARD2"), entry=request)
        await k1.send(k1.withdrawn(request))

        assert world.loans() == {("item-1", "patron-1")}
