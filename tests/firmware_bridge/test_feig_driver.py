"""The FEIG driver against a pad that speaks FEIG bytes, over good and bad cables."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from firmware_bridge.errors import DeviceLost, TagError, TagGone
from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.tags import ItemTag, SecurityBits, decode_tag
from firmware_bridge.transport import open_tcp
from sim.cables import Cable, Fault
from sim.devices.feig_pad import FeigPad as SimPad
from sim.devices.tags import SimTag
from wire.errors import DeviceError

UIDS = [f"E0040150000000{n:02X}" for n in range(25)]
OURS = frozenset({"XX-TLF"})


@pytest.fixture
async def sim() -> AsyncIterator[SimPad]:
    pad = SimPad()
    await pad.start()
    yield pad
    await pad.stop()


def driver(port: int, **options: float) -> FeigPad:
    return FeigPad(lambda: open_tcp("127.0.0.1", port), **options)  # type: ignore[arg-type] - timeout and attempts


@pytest.fixture
async def pad(sim: SimPad) -> AsyncIterator[FeigPad]:
    found = driver(sim.port)
    yield found
    await found.close()


def lay(sim: SimPad, count: int) -> list[SimTag]:
    tags = [SimTag.for_item(uid, f"item-{n}", "XX-TLF") for n, uid in enumerate(UIDS[:count])]
    for tag in tags:
        sim.place(tag)
    return tags


async def test_a_large_stack_is_inventoried_whole(sim: SimPad, pad: FeigPad) -> None:
    lay(sim, 25)

    assert frozenset(UIDS) == await pad.inventory()


async def test_an_empty_pad_is_an_empty_inventory(pad: FeigPad) -> None:
    assert await pad.inventory() == frozenset()


async def test_a_tag_is_read_in_its_own_byte_order(sim: SimPad, pad: FeigPad) -> None:
    lay(sim, 3)

    found = decode_tag(await pad.read_tag(UIDS[2]), OURS, SecurityBits())

    assert isinstance(found, ItemTag)
    assert (found.item, found.security) == ("item-2", "secured")


async def test_blocks_are_written_and_read_back(sim: SimPad, pad: FeigPad) -> None:
    (tag,) = lay(sim, 1)

    await pad.write_blocks(tag.uid, 4, b"abcdefgh", 4)

    assert bytes(tag.memory[16:24]) == b"abcdefgh"


async def test_a_locked_block_is_a_named_error(sim: SimPad, pad: FeigPad) -> None:
    (tag,) = lay(sim, 1)
    tag.locked = {5}

    with pytest.raises(TagError, match="locked"):
        await pad.write_blocks(tag.uid, 4, b"abcdefgh", 4)


@pytest.mark.parametrize(
    ("prepare", "outcome", "afi"),
    [
        ("nothing", "verified", 0xC2),
        ("answer lost", "verified", 0xC2),
        ("write refused", "failed", 0x07),
        ("locked", "failed", 0x07),
        ("gone", "unknown", None),
        ("already so", "verified", 0xC2),
    ],
)
async def test_an_afi_counts_as_it_is_read_back(
    sim: SimPad, pad: FeigPad, prepare: str, outcome: str, afi: int | None
) -> None:
    (tag,) = lay(sim, 1)
    match prepare:
        case "answer lost":
            tag.silent_writes = 1
        case "write refused":
            tag.write_faults = 99
        case "locked":
            tag.afi_locked = True
        case "gone":
            sim.remove(tag.uid)
        case "already so":
            tag.afi = 0xC2

    result = await pad.write_afi(tag.uid, 0xC2)

    assert (outcome, afi) == (result.outcome, result.afi)


async def test_a_tag_that_goes_between_write_and_read_back_is_unknown_not_failed(
    sim: SimPad, pad: FeigPad
) -> None:
    (tag,) = lay(sim, 1)
    sim.on_write = lambda written: sim.remove(written.uid) and None

    result = await pad.write_afi(tag.uid, 0xC2)

    assert (result.outcome, tag.afi) == ("unknown", 0xC2)


async def test_no_antenna_means_no_tags_and_a_read_says_gone(sim: SimPad, pad: FeigPad) -> None:
    lay(sim, 2)
    sim.antenna = False

    assert await pad.inventory() == frozenset()
    with pytest.raises(TagGone):
        await pad.read_tag(UIDS[0])


async def test_a_pulled_cable_is_said_and_a_plugged_one_works_again(sim: SimPad, pad: FeigPad) -> None:
    lay(sim, 2)
    await pad.inventory()
    await sim.unplug()
    with pytest.raises(DeviceLost):
        await pad.inventory()
    with pytest.raises(DeviceLost, match="cannot connect"):
        await pad.inventory()

    await sim.plug()

    assert len(await pad.inventory()) == 2


async def test_a_cancelled_read_leaves_nothing_for_the_next_one(sim: SimPad, pad: FeigPad) -> None:
    tags = lay(sim, 2)
    sim.air_time_s = 0.05
    reading = asyncio.create_task(pad.read_tag(tags[0].uid))
    await asyncio.sleep(0.02)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    found = decode_tag(await pad.read_tag(tags[1].uid), OURS, SecurityBits())

    assert isinstance(found, ItemTag)
    assert found.item == "item-1"


async def test_the_lamp_is_lit_and_the_inputs_are_read(sim: SimPad, pad: FeigPad) -> None:
    sim.inputs = 0b10

    await pad.alarm(2.0)

    assert sim.lamp
    assert await pad.inputs() == 0b10
    assert (await pad.info()).make == "FEIG"


CABLES = {
    "one byte at a time": Fault(chop=True),
    "a fifth is lost": Fault(lose=0.2),
    "slow": Fault(delay_s=0.02),
    "cut in mid-frame": Fault(cut=0.1),
    "bits flip": Fault(garbage=0.15),
}


@pytest.mark.parametrize("name", CABLES)
async def test_over_a_bad_cable_a_value_is_right_or_the_error_has_a_name(sim: SimPad, name: str) -> None:
    tags = lay(sim, 6)
    right = wrong = named = 0
    async with Cable("127.0.0.1", sim.port, CABLES[name], seed=7) as cable:
        pad = driver(cable.port, timeout_s=0.15)
        for turn in range(60):
            tag = tags[turn % len(tags)]
            wanted = 0xC2 if turn % 2 else 0x07
            try:
                found = decode_tag(await pad.read_tag(tag.uid), OURS, SecurityBits())
                result = await pad.write_afi(tag.uid, wanted)
            except DeviceError:
                named += 1
                continue
            assert isinstance(found, ItemTag)
            right += found.item == f"item-{turn % len(tags)}"
            wrong += found.item != f"item-{turn % len(tags)}"
            wrong += result.outcome == "verified" and tag.afi != wanted
        await pad.close()

    assert wrong == 0
    assert right >= 20
    assert right + named == 60
