"""The world keeps the truth: where things are, what was written, who walked out with what."""

import asyncio

import pytest

from sim.catalogue import books, people
from sim.world import SECURED, UNSECURED, World, Written

ONE, TWO = "30000001", "30000002"


@pytest.fixture
def world() -> World:
    made = World(books(4), people(2), seed=1)
    made.add_pad("kiosk-1")
    made.add_gate("gate-1")
    return made


def test_an_item_is_at_one_place_at_a_time(world: World) -> None:
    world.lay(ONE, "kiosk-1")
    assert list(world.pads["kiosk-1"].tags) == [world.books[ONE].uid]

    world.take(ONE)

    assert world.pads["kiosk-1"].tags == {}
    assert world.place[ONE] == "hands"
    assert world.truth.laid["kiosk-1"] == 1


def test_a_write_is_truth_with_the_place_where_it_happened(world: World) -> None:
    world.tags[ONE].afi = UNSECURED
    world.pads["kiosk-1"].on_write(world.tags[ONE])

    assert world.truth.written == [Written(ONE, UNSECURED, "kiosk-1")]
    assert (world.truth.count(UNSECURED), world.truth.count(SECURED)) == (1, 0)
    assert world.lent(ONE)
    assert not world.lent(TWO)


async def test_a_walk_out_with_a_secured_tag_is_a_theft_and_takes_it_outside(world: World) -> None:
    await world.walk((ONE,), "gate-1", "out", pace_s=0.001)

    assert (world.truth.walks, world.truth.thefts) == (1, 1)
    assert world.place[ONE] == "outside"
    assert world.gates["gate-1"].tags == {}


async def test_one_walk_with_several_secured_tags_is_one_theft(world: World) -> None:
    world.tags[ONE].afi = UNSECURED

    await world.walk((ONE, TWO, "30000003"), "gate-1", "out", pace_s=0.001)

    assert (world.truth.walks, world.truth.thefts) == (1, 1)


async def test_a_walk_with_lent_items_or_inwards_is_no_theft(world: World) -> None:
    world.tags[ONE].afi = UNSECURED

    await world.walk((ONE,), "gate-1", "out", pace_s=0.001)
    await world.walk((TWO,), "gate-1", "in", pace_s=0.001)

    assert (world.truth.walks, world.truth.thefts) == (2, 0)
    assert world.place[TWO] == "hands"


async def test_a_walk_with_empty_hands_is_not_counted(world: World) -> None:
    await world.walk((), "gate-1", "out", pace_s=0.001)

    assert world.truth.walks == 0


async def test_one_person_at_a_time_fits_through_a_gate(world: World) -> None:
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, len(world.gates["gate-1"].tags))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(world.walk((item,), "gate-1", "out", pace_s=0.002) for item in (ONE, TWO)))
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)

    assert most == 1


async def test_settled_waits_for_the_tags_and_says_when_they_do_not_come(world: World) -> None:
    assert not await world.settled((ONE,), UNSECURED, timeout_s=0.01)

    asyncio.get_running_loop().call_later(0.02, setattr, world.tags[ONE], "afi", UNSECURED)

    assert await world.settled((ONE,), UNSECURED, timeout_s=5)
