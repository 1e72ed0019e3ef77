"""Lending at the desk, against a real file (streams.md §1.6)."""

from datetime import date, timedelta
from pathlib import Path

from desk_kit import START, Station, desk_on

from central.authority import Refusing
from central.results import CaseClosed, CaseOpened, Counted, Happened, ItemsChanged
from circulation.policy import Policy
from wire.ids import item_hash, new_id
from wire.messages.facts import PassedItem


async def test_a_patron_lends_a_book_and_the_gates_are_told(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        said = await k1.send(k1.checkout("item-1", "CARD1"))

        assert said.answer is not None
        assert said.answer.outcome == "granted"
        assert said.answer.due == date(2026, 3, 30)
        assert said.answer.title == "Title 1"
        assert said.answer.central == world.ledger.boot
        assert said.answer.link == k1.link
        assert said.resume is not None
        assert said.resume.upto == 1
        assert world.loans() == {("item-1", "patron-1")}
        changed = [e for e in world.effects() if isinstance(e, ItemsChanged)]
        assert [c.s for e in changed for c in e.changes] == ["loan"]
        assert changed[0].changes[0].h == f"{item_hash(b'k' * 32, 'item-1'):016x}"


async def test_a_returned_item_is_available_and_its_loan_has_ended(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1, bin_ = Station(world), Station(world, "b1")
        await k1.lend("item-1", "CARD1")
        await bin_.take_back("item-1")

        assert world.loans() == set()
        assert world.cases() == set()
        seen = await world.ledger.item("a", "item-1")
        assert not seen.on_loan


async def test_an_item_on_ones_own_card_is_renewed(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        world.clock.advance(3 * 86400)
        said = await k1.send(k1.checkout("item-1", "CARD1"))

        assert said.answer is not None
        assert said.answer.renewed
        assert said.answer.due == date(2026, 4, 2)
        assert world.loans() == {("item-1", "patron-1")}


async def test_a_renewal_moves_the_due_date_and_its_withdrawal_moves_it_back(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        world.clock.advance(3 * 86400)
        request = new_id()
        said = await k1.send(k1.renew("item-1", "CARD1"), entry=request)
        assert said.answer is not None
        assert said.answer.due == date(2026, 4, 2)

        await k1.send(k1.withdrawn(request))

        assert world.rows("SELECT due, renewals FROM loan WHERE ended IS NULL") == [("2026-03-30", 0)]


async def test_l1_a_loan_starts_when_it_was_asked_for_not_when_it_arrived(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        k1.write(k1.checkout("item-1", "CARD1"))
        world.clock.advance(3600)
        await k1.say(k1.entry(1))

        [(start,)] = world.rows("SELECT start FROM loan")
        assert start == int(START.timestamp() * 1000)


async def test_l6_a_late_return_does_not_end_a_later_loan(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1, bin_ = Station(world), Station(world, "b1")
        await k1.lend("item-1", "CARD1")
        world.clock.advance(60)
        late = bin_.write(bin_.checkin("item-1"))
        world.clock.advance(60)
        await k1.lend("item-1", "CARD2")
        await bin_.say(bin_.entry(late))

        assert world.loans() == {("item-1", "patron-2")}


async def test_l6_a_late_loan_does_not_open_on_an_item_that_was_returned_since(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1, bin_ = Station(world), Station(world, "b1")
        request = new_id()
        lent = k1.write(k1.checkout("item-1", "CARD1", offline=True), entry=request)
        world.clock.advance(60)
        await bin_.take_back("item-1")
        await k1.say(k1.entry(lent))

        assert world.loans() == set()
        assert (await world.ledger.item("a", "item-1")).on_loan is False


async def test_l6_a_withdrawn_request_gives_the_item_back_to_who_had_it(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1, k2 = Station(world), Station(world, "k2")
        await k1.lend("item-1", "CARD1")
        request = new_id()
        await k2.send(k2.checkout("item-1", "CARD2"), entry=request)
        assert world.loans() == {("item-1", "patron-2")}
        await k2.send(k2.withdrawn(request))

        assert world.loans() == {("item-1", "patron-1")}


async def test_l7_a_request_for_an_item_that_has_left_the_pad_is_refused(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1, k2 = Station(world), Station(world, "k2")
        late = k1.write(k1.checkout("item-1", "CARD1"))
        world.clock.advance(60)
        await k2.lend("item-1", "CARD2")
        said = await k1.say(k1.entry(late))

        assert said.answer is not None
        assert said.answer.refusal is not None
        assert said.answer.refusal.code == "left-the-pad"
        assert world.loans() == {("item-1", "patron-2")}


async def test_l7_a_request_that_brings_its_answer_is_recorded_as_it_happened(tmp_path: Path) -> None:
    """A restored ledger: the book stands at its limit now, but it was lent then."""
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        said = await k1.send(k1.checkout("item-1", "CARD1"))
        granted = said.answer
    strict = Policy.model_validate({"defaults": {"limit": 0}})
    async with desk_on(tmp_path / "restored.db", policy=strict) as world:
        k1 = Station(world)
        again = await k1.send(k1.checkout("item-1", "CARD1"), answer=granted)
        refused = await k1.send(k1.checkout("item-2", "CARD1"))

        assert again.answer is not None
        assert granted is not None
        assert again.answer.due == granted.due
        assert world.loans() == {("item-1", "patron-1")}
        assert refused.answer is not None
        retold = await k1.send(k1.checkout("item-3", "CARD1"), answer=refused.answer)
        assert retold.answer is not None
        assert retold.answer.refusal == refused.answer.refusal


async def test_l8_a_withdrawal_of_an_unknown_request_does_nothing(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.send(k1.withdrawn(new_id()))

        assert world.cases() == set()


async def test_l8_a_withdrawal_after_the_tag_was_written_leaves_the_loan_and_opens_a_case(
    tmp_path: Path,
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        request = await k1.lend("item-1", "CARD1")
        await k1.send(k1.withdrawn(request))

        assert world.loans() == {("item-1", "patron-1")}
        assert world.cases() == {"withdrawn-after-written:item-1"}
        await k1.take_back("item-1")
        assert world.cases() == set()


async def test_l9_a_tag_written_for_a_withdrawn_loan_is_a_case(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        request = new_id()
        await k1.send(k1.checkout("item-1", "CARD1"), entry=request)
        await k1.send(k1.withdrawn(request))
        await k1.send(k1.written(request, "item-1"))

        assert world.loans() == set()
        assert world.cases() == {f"tag-written-after-withdrawn:{request}", "unsecured-not-lent:item-1"}


async def test_l9_a_tag_written_without_any_loan_is_a_case(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.send(k1.written("nobody-knows", "item-1"))

        assert world.cases() == {"tag-reported-without-loan:nobody-knows"}


async def test_l9_a_tag_nobody_can_vouch_for_is_a_case_until_it_is_written(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        request = new_id()
        await k1.send(k1.checkout("item-1", "CARD1"), entry=request)
        await k1.send(k1.tag_unknown(request, "item-1"))
        assert world.cases() == {"tag-unknown:item-1"}
        await k1.send(k1.written(request, "item-1"))

        assert world.cases() == set()


async def test_a_return_that_could_not_be_secured_is_a_case_until_it_is(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        fact = await k1.take_back("item-1", "failed")
        opened = [e.kind for e in world.effects() if isinstance(e, CaseOpened)]
        assert opened == ["returned-unsecured"]
        await k1.send(k1.secured(fact, "item-1"))

        assert world.cases() == set()
        assert [e.kind for e in world.effects() if isinstance(e, CaseClosed)] == ["returned-unsecured"]


async def test_a_returned_item_that_nobody_knows_is_recorded_with_a_case(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        bin_ = Station(world, "b1")
        await bin_.take_back("somebody-elses")

        assert world.cases() == {"item-unknown-returned:somebody-elses"}
        assert len(world.rows("SELECT 1 FROM checkin")) == 1


async def test_a_passage_keeps_no_item_but_a_case_names_one(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1, gate = Station(world), Station(world, "g1")
        await k1.lend("item-1", "CARD1")
        passed = PassedItem(item="item-1", secured=True, verdict="pass", case="lent-but-secured")
        await gate.send(gate.passage(direction="out", verdict="pass", items=(passed,), silent=2))
        await gate.send(
            gate.passage(
                direction="out",
                verdict="alarm",
                items=(PassedItem(item="item-2", secured=True, verdict="alarm"),),
            )
        )

        assert world.cases() == {"lent-but-secured:item-1"}
        assert [e.event for e in world.effects() if isinstance(e, Happened)][-1] == "gate-alarm"
        await k1.take_back("item-1")
        assert world.cases() == set()


async def test_people_are_counted(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        gate = Station(world, "g1")
        await gate.send(gate.count(5, 3))

        [counted] = [e for e in world.effects() if isinstance(e, Counted)]
        assert (counted.entered, counted.left, counted.branch) == (5, 3, "main")
        told = await world.ledger.counts(None, START - timedelta(hours=1))
        assert (told.entered, told.left) == (5, 3)


async def test_an_incident_is_a_case_once(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        bin_ = Station(world, "b1")
        await bin_.send(bin_.incident("bin-full"))
        await bin_.send(bin_.incident("bin-full"))

        assert world.cases() == {"bin-full:b1"}


async def test_a_loan_whose_tag_nobody_reported_on_becomes_a_case(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.send(k1.checkout("item-1", "CARD1"))
        await k1.send(k1.checkin("item-2"))
        world.clock.advance(20 * 60)
        await world.desk.upkeep()

        assert world.cases() == {"tag-unreported:item-1", "tag-unreported:item-2"}


async def test_a_station_that_is_not_in_the_registry_loses_nothing(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        stranger = Station(world, "k9")
        said = await stranger.send(stranger.checkout("item-1", "CARD1"))

        assert said.answer is not None
        assert said.answer.outcome == "granted"


async def test_a_clock_that_fits_nothing_is_a_case_and_favours_the_patron(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.send(k1.checkout("item-1", "CARD1", at=START + timedelta(days=400)))

        assert world.cases() == {f"clock-doubt:k1:{k1.boot}"}
        assert world.rows("SELECT due FROM loan") == [("2026-03-30",)]


async def test_a_wrong_clock_is_corrected_by_the_counter_central_heard(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        world.desk.heard("k1", k1.boot, world.clock.mono())
        number = k1.write(k1.checkout("item-1", "CARD1", at=START + timedelta(days=400)))
        world.clock.advance(3600)
        await k1.say(k1.entry(number))

        assert world.cases() == set()
        assert world.rows("SELECT start FROM loan") == [(int(START.timestamp() * 1000),)]


async def test_a_refusal_changes_nothing_but_the_journal_and_its_answer(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        before = {
            t: world.rows(f'SELECT * FROM "{t}"') for t in ("item", "loan", "change", "case", "checkin")
        }
        said = await k1.send(k1.checkout("item-1", "NO-SUCH-CARD"))

        assert said.answer is not None
        assert said.answer.refusal is not None
        assert said.answer.refusal.code == "unknown-card"
        assert before == {t: world.rows(f'SELECT * FROM "{t}"') for t in before}


async def test_another_authority_may_decide(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", authority=Refusing("closed")) as world:
        k1 = Station(world)
        said = await k1.send(k1.checkout("item-1", "CARD1"))

        assert said.answer is not None
        assert said.answer.refusal is not None
        assert said.answer.refusal.code == "closed"
        assert world.loans() == set()
