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


NOT_FOUND = "loans and returns that are not found, or not once, from their item"
CROSSED = """
UPDATE checkin SET previous = (SELECT request FROM loan WHERE loan.item <> checkin.item
    AND request IN (SELECT previous FROM checkin))"""
RING = "UPDATE loan SET previous = (SELECT fact_id FROM checkin WHERE checkin.item = loan.item)"


@pytest.mark.parametrize(
    ("wrong", "count"),
    [
        ((CROSSED,), 2),
        (("UPDATE newest SET event = (SELECT previous FROM checkin WHERE fact_id = event)",
          "UPDATE checkin SET previous = fact_id"), 2),
        (("UPDATE loan SET previous = request",), 2),
        ((RING,), 2),
        ((RING, "DELETE FROM newest"), 4),
        (("UPDATE loan SET previous = 'nothing' WHERE item = 'item-1'",), 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("grown", [True, False])
async def test_an_event_stands_once_in_the_history_of_its_own_item(
    tmp_path: Path, wrong: tuple[str, ...], count: int, *, grown: bool
) -> None:
    """Whether its id is later than those before it, or not."""
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        for item in ("item-1", "item-2"):
            lent, back = ("a" + item, "b" + item) if grown else ("b" + item, "a" + item)
            await k1.send(k1.checkout(item, "CARD1"), entry=lent)
            await k1.send(k1.checkin(item), entry=back)
        assert check(tmp_path / "l.db").faults == ()
        for sql in wrong:
            world.ledger.hot.connection.execute(sql)

    assert check(tmp_path / "l.db").faults == (f"{count} {NOT_FOUND}",)


async def test_a_ring_that_no_way_leads_to_is_found(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        for _ in range(2):
            await k1.lend("item-1", "CARD1")
            await k1.take_back("item-1")
        run = world.ledger.hot.connection.execute
        (first, back), (_, last) = run(
            "SELECT loan.request, fact_id FROM loan JOIN checkin ON checkin.previous = loan.request"
            " ORDER BY loan.start"
        ).fetchall()
        run("UPDATE loan SET previous = ? WHERE request = ?", (back, first))
        run("UPDATE loan SET previous = NULL WHERE request <> ?", (first,))
        assert run("SELECT event FROM newest").fetchone() == (last,)

    assert check(tmp_path / "l.db").faults == (f"2 {NOT_FOUND}",)


LAST_GONE = "1 streams whose last fact the journal does not hold"
ANSWER_GONE = "1 answers to requests that the journal does not hold"


@pytest.mark.parametrize(
    ("gone", "fault"),
    [
        (("DELETE FROM journal WHERE seq IN (2, 3)",), ANSWER_GONE),
        (("DELETE FROM journal WHERE seq > 2",), LAST_GONE),
        (
            tuple(f"DELETE FROM {name}" for name in ("journal", "loan", "checkin", "answer", "newest")),
            LAST_GONE,
        ),
    ],
)
async def test_what_was_consumed_stands_in_the_journal(
    tmp_path: Path, gone: tuple[str, ...], fault: str
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1, k2 = Station(world), Station(world, "k2")
        await k1.send(k1.began())
        await k1.lend("item-1", "CARD1")
        await k1.take_back("item-1")
        assert check(tmp_path / "l.db").faults == ()
        for sql in gone:
            world.ledger.hot.connection.execute(sql)
        await k2.send(k2.began())

    assert check(tmp_path / "l.db").faults == (fault,)


async def test_numbers_that_a_case_tells_are_lost_are_not_missed_and_others_are(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        for _ in range(13):
            k1.write(k1.passage(direction="out", verdict="pass"))
        for seq in (1, 2):
            await k1.say(k1.entry(seq))
        await k1.say(k1.lost(2, 4))
        await k1.say(k1.entry(5))
        await k1.say(k1.lost(5, 10))
        await k1.say(k1.void(11))
        await k1.say(k1.entry(12))
        assert world.rows("SELECT upto FROM stream") == [(12,)]
        assert world.rows("SELECT count(*) FROM journal") == [(5,)]
        assert check(tmp_path / "l.db").faults == ()
        await k1.say(k1.lost(12, 13))
        assert check(tmp_path / "l.db").faults == ()
        world.ledger.hot.connection.execute('DELETE FROM "case"')

    assert check(tmp_path / "l.db").faults == (LAST_GONE,)


async def test_a_stream_that_brings_facts_of_another_again_is_sound(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.send(k1.began())
        await k1.lend("item-1", "CARD1")
        fork = Station(world)
        await fork.send(fork.began("fork", (k1.stream,)))
        for fact, body in k1.rows:
            await fork.send(body, entry=fact)
        await fork.take_back("item-1")
        assert world.rows("SELECT upto, (SELECT count(*) FROM journal) FROM stream ORDER BY upto") == [
            (3, 6), (6, 6)
        ]  # fmt: skip

    assert check(tmp_path / "l.db").faults == ()
