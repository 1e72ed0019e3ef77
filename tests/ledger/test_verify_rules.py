"""What verify calls sound and what not: the rules of a ledger, each with the fault that it is for."""

from datetime import date
from pathlib import Path

import pytest
from desk_kit import START, Station, World, desk_on

from central.authority import Done, Elsewhere
from central.ledger.backup import check
from central.results import AskNext, Told
from wire.ids import new_id
from wire.messages.stream import Answer

DUE = date(2026, 4, 1)


async def renewed_elsewhere(world: World) -> str:
    """A loan made at the library's own desk is renewed at a station: the ledger never had the loan."""
    k1, request, boot = Station(world), new_id(), world.ledger.boot
    await k1.send(k1.began())
    await k1.send(k1.renew("item-1", "CARD1"), entry=request)
    await world.desk.submit(AskNext(frozenset(), 4, 20_000, boot))
    said = Done(due=DUE, renewed=True)
    await world.desk.submit(Told(request, "carry-out", said, 900_000, boot))
    return request


async def renewed_before_a_restore(world: World) -> str:
    """A renewal comes again with its answer, and the restored ledger lacks its loan."""
    k1, request = Station(world), new_id()
    answer = Answer(
        request=request, central="old", outcome="granted", at=START, item="item-1", due=DUE, renewed=True
    )
    await k1.send(k1.renew("item-1", "CARD1"), entry=request, answer=answer)
    return request


async def test_a_renewal_elsewhere_of_a_loan_that_is_not_here_is_sound(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", authority=Elsewhere()) as world:
        await renewed_elsewhere(world)
        assert world.rows("SELECT outcome, renewed FROM answer") == [("granted", 1)]
        assert world.rows("SELECT * FROM renewal") == []

    assert check(tmp_path / "l.db").faults == ()


async def test_a_renewal_told_again_to_a_restored_ledger_without_its_loan_is_sound(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        request = await renewed_before_a_restore(world)
        assert world.cases() == {f"renewed-without-loan:{request}"}

    assert check(tmp_path / "l.db").faults == ()


@pytest.mark.parametrize(
    ("lost", "fault"),
    [
        ('DELETE FROM "case"', "1 granted renewals that renewed nothing"),
        ("UPDATE journal SET kind = 'checkout'", "1 granted checkouts without a loan"),
    ],
)
async def test_a_granted_request_that_came_to_nothing_is_a_fault(
    tmp_path: Path, lost: str, fault: str
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await renewed_before_a_restore(world)
        world.ledger.hot.connection.execute(lost)

    assert check(tmp_path / "l.db").faults == (fault,)


async def test_a_renewal_here_has_its_row(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        world.clock.advance(86_400 * 5)
        said = await k1.send(k1.renew("item-1", "CARD1"))
        assert said.answer is not None
        assert said.answer.outcome == "granted"
        assert check(tmp_path / "l.db").faults == ()
        world.ledger.hot.connection.execute("DELETE FROM renewal")

    assert check(tmp_path / "l.db").faults == ("1 granted renewals that renewed nothing",)
