"""A library's own system decides (design §4): each way a request can go, one by one."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from asked_kit import Doom, Library, library_in, states
from desk_kit import Station

from central.authority import Request, Said
from central.authority_fake import Manner, ScriptedAuthority
from central.authority_states import Verb
from wire.ids import new_id


async def test_a_request_is_consumed_at_once_and_its_answer_comes_later(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "slow") as (library, world, kiosk):
        request = new_id()
        said = await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        after = await kiosk.send(kiosk.count(1, 0))
        again = await kiosk.say(kiosk.entry(1))
        await library.until(world, lambda: states(library)[request] == "sent")

        assert (said.answer, again.answer) == (None, None)
        assert (said.resume and said.resume.upto, after.resume and after.resume.upto) == (1, 2)
        assert world.loans() == set()
        library.remote.let_go.set()
        await library.until(world, lambda: states(library)[request] == "granted")
        stored = (await kiosk.say(kiosk.entry(1))).answer
        library.take_pushed(world)
        await kiosk.send(kiosk.written(request, "item-1"))

        assert stored is not None
        assert (stored.outcome, library.pushed) == ("granted", {request: "granted"})
        assert world.loans() == {("item-1", "patron-1")}
        assert states(library)[request] == "confirmed"


async def test_a_refusal_there_is_the_answer_here(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "refuse") as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "confirmed")
        answer = (await kiosk.say(kiosk.entry(1))).answer

        assert answer is not None
        assert answer.refusal is not None
        assert (answer.outcome, answer.refusal.code, world.loans()) == ("refused", "limit-reached", set())


async def test_a_grant_that_comes_after_the_patron_left_is_undone_there(tmp_path: Path) -> None:
    def script(verb: Verb, request: Request) -> Manner:
        return "slow" if verb == "carry-out" else "well"

    async with library_in(tmp_path, script) as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "sent")
        await kiosk.send(kiosk.withdrawn(request))
        library.remote.let_go.set()
        await library.until(world, lambda: states(library)[request] == "undone")
        library.take_pushed(world)

        assert (library.remote.loans, world.loans(), library.pushed) == ({}, set(), {})
        assert library.remote.sends["undo", request] == 1


async def test_a_loan_withdrawn_after_its_grant_is_undone_there_too(tmp_path: Path) -> None:
    async with library_in(tmp_path) as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "granted")
        await kiosk.send(kiosk.withdrawn(request, "tag-failed"))
        await library.until(world, lambda: states(library)[request] == "undone")

        assert (library.remote.loans, world.loans()) == ({}, set())


async def test_what_was_withdrawn_before_it_was_sent_is_never_sent(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "away") as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await kiosk.send(kiosk.withdrawn(request))
        await library.until(world, lambda: states(library)[request] == "undone")

        assert not library.remote.sends


async def test_a_lost_answer_is_settled_by_asking_and_nothing_is_sent_again(tmp_path: Path) -> None:
    def script(verb: Verb, request: Request) -> Manner:
        return "lose" if verb == "carry-out" else "well"

    async with library_in(tmp_path, script) as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "granted")

        assert library.remote.sends == {("carry-out", request): 1, ("settle", request): 1}
        assert world.loans() == {("item-1", "patron-1")}


async def test_what_nobody_can_settle_is_refused_and_a_case(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "lose") as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "unknown")
        library.clock.advance(901)
        await library.until(world, lambda: library.take_pushed(world) or library.pushed)

        assert library.pushed == {request: "refused"}
        assert world.cases() == {f"outcome-unknown-elsewhere:{request}"}


async def test_a_patron_who_waits_for_an_absent_system_is_told_and_returns_wait_for_it(
    tmp_path: Path,
) -> None:
    manner: list[Manner] = ["away"]
    async with library_in(tmp_path, lambda verb, request: manner[0]) as (library, world, kiosk):
        request, back = new_id(), new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await kiosk.send(kiosk.checkin("item-2"), entry=back)
        library.clock.advance(21)
        await library.until(world, lambda: states(library)[request] == "confirmed")
        library.clock.advance(3600)
        manner[0] = "well"
        await library.until(world, lambda: states(library)[back] == "confirmed")
        library.take_pushed(world)

        assert library.pushed == {request: "refused"}
        assert library.remote.sends == {("carry-out", back): 1}


async def test_a_renewal_that_was_withdrawn_too_late_is_a_case(tmp_path: Path) -> None:
    async with library_in(tmp_path) as (library, world, kiosk):
        first, more = new_id(), new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=first)
        await library.until(world, lambda: states(library)[first] == "granted")
        await kiosk.send(kiosk.written(first, "item-1"))
        await kiosk.send(kiosk.renew("item-1", "CARD1"), entry=more)
        await library.until(world, lambda: states(library)[more] == "confirmed")
        await kiosk.send(kiosk.withdrawn(more))

        assert states(library)[more] == "case"
        assert world.cases() == {f"renewal-elsewhere-not-undone:{more}"}


async def test_a_loan_made_offline_is_told_there_and_stays_whatever_is_said(tmp_path: Path) -> None:
    class No(ScriptedAuthority):
        async def carry_out(self, request: Request) -> Said:
            assert request.happened
            from wire.messages.stream import Refusal

            return Refusal(code="card-blocked")

    library = Library(tmp_path / "l.db", No())
    async with library.central(seed=True) as world:
        kiosk, request = Station(world), new_id()
        said = await kiosk.send(kiosk.checkout("item-1", "CARD1", offline=True), entry=request)
        await kiosk.send(kiosk.written(request, "item-1"))
        await library.until(world, lambda: states(library)[request] == "case")

        assert said.answer is not None
        assert said.answer.outcome == "granted"
        assert world.loans() == {("item-1", "patron-1")}
        assert world.cases() == {f"checkout-refused-elsewhere:{request}"}


async def test_when_the_authority_changes_what_was_open_is_for_a_person(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "lose") as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "unknown")
        world.alarms[0].cancel()
        left = await world.desk.abandon()

        assert (left, states(library)[request]) == (1, "case")
        assert world.cases() == {f"authority-changed:{request}"}


async def test_who_asked_is_forgotten_once_all_is_said(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "refuse") as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "confirmed")
        before = world.rows("SELECT card FROM asked")
        await world.desk.upkeep()

        assert before == [("CARD1",)]
        assert world.rows("SELECT card, patron FROM asked") == [(None, None)]


@pytest.mark.parametrize("number", range(14))
async def test_killed_at_each_await_of_one_loan_it_is_lent_once(tmp_path: Path, number: int) -> None:
    library = Library(tmp_path / "l.db", ScriptedAuthority(), doom=Doom(number))
    async with library.central(seed=True) as world:
        kiosk, request = Station(world), new_id()
        with contextlib.suppress(asyncio.CancelledError):
            await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library).get(request) == "granted")
    async with library.central() as world:
        kiosk.world = world
        await kiosk.say(kiosk.entry(1))
        done = ("granted", "confirmed")
        await library.until(world, lambda: states(library)[request] in done)
        answer = (await kiosk.say(kiosk.entry(1))).answer

        assert answer is not None
        assert library.remote.sends["carry-out", request] <= 1
        assert (answer.outcome == "granted") == (world.loans() == {("item-1", "patron-1")})
        assert (answer.outcome == "granted") == ("item-1" in library.remote.loans)


async def test_after_a_death_an_authority_that_is_away_is_asked_again_and_not_sent_to(tmp_path: Path) -> None:
    manners: list[Manner] = ["well", "away", "away"]
    remote = ScriptedAuthority(lambda verb, request: manners.pop(0) if manners else "well")
    library = Library(tmp_path / "l.db", remote, doom=Doom(at="after carry-out"))
    async with library.central(seed=True) as world:
        kiosk, request = Station(world), new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        assert not await library.until(world, lambda: False)
    async with library.central() as world:
        await library.until(world, lambda: states(library)[request] == "granted")

    assert remote.sends == {("carry-out", request): 1, ("settle", request): 1}


def test_a_row_never_shows_a_card() -> None:
    from central.ledger.rows import AskedRow

    row = AskedRow("r", 1, "checkout", "asked", "i", "CARD1", "patron-1", "k1", "main", "UTC", 0, 0, 0, False)

    assert "CARD1" not in repr(replace(row, n=2))
    assert "patron-1" not in repr(row)
