"""The mirror of a library's own system: what happened without us joins an item's history, and never outranks
what we know better."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from desk_kit import Station, World, desk_on
from hypothesis import given, settings
from hypothesis import strategies as st

from central.authority import Done, Elsewhere
from central.ledger.rows import millis
from central.results import AskNext, ItemsChanged, Mirrored, Told


def now_of(world: World) -> int:
    return millis(world.clock.now())


async def hear(
    world: World, on_loan: bool, *, item: str = "item-1", ago_ms: int = 0, due: date | None = None
) -> None:
    world.clock.advance(1)
    await world.desk.submit(Mirrored(item, on_loan, now_of(world) - ago_ms, due))
    world.clock.advance(1)


SEEDED = 9
"""Changes that the registry's items were numbered with."""


def changes(world: World) -> list[tuple[int, str]]:
    return [(one.n - SEEDED, one.changes[-1].s) for one in world.effects() if isinstance(one, ItemsChanged)]


async def grant(world: World) -> None:
    """Let the library's own system grant whatever it is asked."""
    asked = await world.desk.submit(AskNext(frozenset(), 9, 20_000, "b"))
    for call in asked.calls:
        await world.desk.submit(Told(call.row.request, call.verb, Done(), 900_000, "b"))


async def test_an_item_lent_without_us_is_told_to_gates_as_a_numbered_change(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", authority=Elsewhere()) as world:
        await hear(world, True, due=date(2026, 4, 1))
        lent = changes(world)
        await hear(world, True)
        again = changes(world)
        await hear(world, False)
        back = changes(world)
        loans = world.rows("SELECT item, patron, station, due, ended IS NULL FROM loan")

    assert (lent, again, back) == ([(1, "loan")], [], [(2, "available")])
    assert loans == [("item-1", None, "", "2026-04-01", 0)]


async def test_with_the_own_ledger_nobody_else_is_believed(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await hear(world, True)

        assert changes(world) == []
        assert world.loans() == set()


@pytest.mark.parametrize("item", ["nobody-has-it", "item-1|x"])
async def test_an_item_that_is_not_in_the_ledger_is_left_alone(tmp_path: Path, item: str) -> None:
    async with desk_on(tmp_path / "l.db", authority=Elsewhere()) as world:
        await hear(world, True, item=item)

        assert changes(world) == []


async def test_a_word_older_than_what_our_own_station_did_says_nothing(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", authority=Elsewhere()) as world:
        kiosk = Station(world)
        await hear(world, True)
        await kiosk.take_back("item-1")
        await grant(world)
        world.effects()
        await hear(world, True, ago_ms=60_000)

        assert changes(world) == []
        assert world.loans() == set()


async def test_while_a_return_is_on_its_way_there_its_old_loan_is_not_believed(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", authority=Elsewhere()) as world:
        kiosk = Station(world)
        await hear(world, True)
        await kiosk.take_back("item-1")
        world.effects()
        await hear(world, True)
        on_its_way = changes(world)
        await grant(world)
        await hear(world, True)

        assert (on_its_way, changes(world)) == ([], [(3, "loan")])


async def test_a_loan_of_ours_ends_when_the_item_came_back_at_a_desk(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", authority=Elsewhere()) as world:
        kiosk = Station(world)
        await kiosk.send(kiosk.checkout("item-1", "CARD1"))
        await grant(world)
        request = kiosk.id_at(1)
        await kiosk.send(kiosk.written(request, "item-1"))
        lent = world.loans()
        await hear(world, False)

        assert lent == {("item-1", "patron-1")}
        assert world.loans() == set()
        assert world.cases() == set()


async def test_nobody_waits_for_a_report_on_the_tag_of_what_happened_without_us(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", authority=Elsewhere()) as world:
        await hear(world, True)
        await hear(world, True, item="item-2")
        await hear(world, False, item="item-2")
        world.clock.advance(timedelta(hours=2).total_seconds())
        await world.desk.upkeep()

        assert world.cases() == set()


STEPS = st.lists(
    st.tuples(st.sampled_from(["lent", "back", "ours", "returned"]), st.integers(0, 5_000)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
async def test_whatever_is_overheard_the_state_is_what_the_history_comes_to(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    async with desk_on(tmp_path_factory.mktemp("m") / "l.db", authority=Elsewhere()) as world:
        kiosk = Station(world)
        for word, ago in steps:
            match word:
                case "lent" | "back":
                    await hear(world, word == "lent", ago_ms=ago)
                case "ours":
                    await kiosk.send(kiosk.checkout("item-1", "CARD1"))
                    await grant(world)
                case _:
                    await kiosk.send(kiosk.checkin("item-1", world.clock.now() - timedelta(milliseconds=ago)))
                    await grant(world)
        numbers = changes(world)
        ((loan,),) = world.rows("SELECT loan FROM item WHERE item = 'item-1'")
        found = world.rows(
            "SELECT request FROM loan WHERE item = 'item-1' AND ended IS NULL AND NOT withdrawn"
        )

    assert [row[0] for row in found] == ([loan] if loan else [])
    assert [n for n, _ in numbers] == list(range(1, len(numbers) + 1))
    assert [word for _, word in numbers] == [("loan", "available")[at % 2] for at in range(len(numbers))]
