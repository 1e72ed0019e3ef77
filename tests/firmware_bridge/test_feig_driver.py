"""The FEIG driver against a pad that speaks FEIG bytes, over good and bad cables."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from firmware_bridge.errors import DeviceLost, TagGone, TagLocked, TagWriteFailed
from firmware_bridge.feig import words
from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.ports import DeviceInfo, Transport
from firmware_bridge.tags import ItemTag, SecurityBits, decode_tag
from firmware_bridge.transport import open_tcp
from sim.devices.feig_pad import FeigPad as SimPad
from sim.devices.tags import SimTag

UIDS = [f"E0040150000000{n:02X}" for n in range(25)]
OURS = frozenset({"XX-TLF"})


@pytest.fixture
async def sim() -> AsyncIterator[SimPad]:
    pad = SimPad()
    await pad.start()
    yield pad
    await pad.stop()


def driver(port: int, **options: float) -> FeigPad:
    return FeigPad(lambda: open_tcp("127.0.0.1", port), **options)  # type: ignore[arg-type]  # timeout and attempts


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
    tag.silent_writes = 1
    await pad.write_blocks(tag.uid, 6, b"ijkl", 4)

    assert bytes(tag.memory[16:28]) == b"abcdefghijkl"


async def test_a_locked_block_is_a_named_error(sim: SimPad, pad: FeigPad) -> None:
    (tag,) = lay(sim, 1)
    tag.locked = {5}

    with pytest.raises(TagLocked, match="locked"):
        await pad.write_blocks(tag.uid, 4, b"abcdefgh", 4)
    tag.write_faults = 1
    with pytest.raises(TagWriteFailed):
        await pad.write_blocks(tag.uid, 8, b"abcd", 4)


@pytest.mark.parametrize(
    ("prepare", "outcome", "afi"),
    [
        ("nothing", "verified", 0xC2),
        ("answer lost", "verified", 0xC2),
        ("write refused", "failed", 0x07),
        ("locked", "failed", 0x07),
        ("gone", "unknown", None),
        ("already so", "verified", 0xC2),
        ("goes before the write", "unknown", None),
        ("goes after the write", "unknown", None),
        ("refused once", "verified", 0xC2),
        ("antenna gone", "unknown", None),
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
        case "goes before the write":
            tag.leaves = "before"
        case "goes after the write":
            tag.leaves = "after"
        case "refused once":
            tag.write_faults = 1
        case "antenna gone":
            sim.antenna = False

    result = await pad.write_afi(tag.uid, 0xC2)

    assert (outcome, afi) == (result.outcome, result.afi)


@pytest.mark.parametrize(("leaves", "afi"), [("before", 0x07), ("after", 0xC2)])
async def test_a_tag_that_goes_while_it_is_written_is_unknown_whatever_it_took_along(
    sim: SimPad, pad: FeigPad, leaves: Literal["before", "after"], afi: int
) -> None:
    (tag,) = lay(sim, 1)
    tag.leaves = leaves

    result = await pad.write_afi(tag.uid, 0xC2)

    assert (result.outcome, result.afi, tag.afi) == ("unknown", None, afi)


async def test_a_locked_tag_is_not_written_again_and_again(sim: SimPad, pad: FeigPad) -> None:
    (tag,) = lay(sim, 1)
    tag.afi_locked = True

    result = await pad.write_afi(tag.uid, 0xC2)

    assert "locked" in result.reason
    assert pad.health.exchanges == 3  # the fence, the write, the look


async def test_a_reader_that_is_away_before_the_write_is_an_error_because_surely_nothing_was_written(
    sim: SimPad, pad: FeigPad
) -> None:
    (tag,) = lay(sim, 1)
    await sim.unplug()

    with pytest.raises(DeviceLost):
        await pad.write_afi(tag.uid, 0xC2)


async def test_a_cable_pulled_during_a_write_is_unknown_and_no_error(sim: SimPad, pad: FeigPad) -> None:
    (tag,) = lay(sim, 1)
    pulled: list[asyncio.Task[None]] = []
    sim.on_write = lambda _: pulled.append(asyncio.create_task(sim.unplug()))
    sim.air_time_s = 0.02

    result = await pad.write_afi(tag.uid, 0xC2)
    await asyncio.gather(*pulled)

    assert result.outcome == "unknown"


async def test_a_lost_answer_to_a_write_is_settled_by_reading_back() -> None:
    """The pad's answer to the write itself is swallowed on the way; the write took all the same."""
    sim = SimPad()
    await sim.start()
    (tag,) = lay(sim, 1)
    swallowed: list[bytes] = []

    async def connect() -> Transport:
        inner = await open_tcp("127.0.0.1", sim.port)

        class Swallows:
            read, close, quiet = inner.read, inner.close, inner.quiet

            async def write(self, data: bytes) -> None:
                await inner.write(data)
                if bytes((words.ISO_HOST, words.WRITE_AFI)) in data and not swallowed:
                    swallowed.append(await inner.read())

        return Swallows()

    pad = FeigPad(connect, timeout_s=0.1)
    result = await pad.write_afi(tag.uid, 0xC2)
    await pad.close()
    await sim.stop()

    assert (result.outcome, tag.afi_log, len(swallowed)) == ("verified", [0xC2], 1)


async def test_a_weak_tag_is_read_sooner_or_later_and_shows_in_the_read_rate(
    pad: FeigPad, sim: SimPad
) -> None:
    (tag,) = lay(sim, 1)
    tag.weak = 0.5
    found = 0
    for _ in range(40):
        try:
            found += isinstance(decode_tag(await pad.read_tag(tag.uid), OURS, SecurityBits()), ItemTag)
        except TagGone:
            continue

    assert 2 <= found <= 30
    assert pad.health.read_rate < 0.95


async def test_a_tag_with_blocks_of_eight_bytes_is_read_and_written(sim: SimPad, pad: FeigPad) -> None:
    (tag,) = lay(sim, 1)
    tag.block_size = 8

    found = decode_tag(await pad.read_tag(tag.uid), OURS, SecurityBits())
    await pad.write_blocks(tag.uid, 10, b"12345678", 8)

    assert isinstance(found, ItemTag)
    assert bytes(tag.memory[80:88]) == b"12345678"


async def test_more_tags_than_can_be_told_apart_are_an_empty_field(sim: SimPad, pad: FeigPad) -> None:
    lay(sim, 25)
    sim.collide_above = 24

    assert await pad.inventory() == frozenset()


async def test_one_client_at_a_time_the_second_is_answered_when_the_first_has_hung_up(sim: SimPad) -> None:
    first, second = driver(sim.port), driver(sim.port, timeout_s=5.0)
    await first.inventory()
    waiting = asyncio.create_task(second.inventory())
    while sim.clients < 2:
        await asyncio.sleep(0.01)
    assert not waiting.done()

    await first.close()

    assert await waiting == frozenset()
    await second.close()


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
    await pad.reset_field()

    assert sim.lamp
    assert set(sim.outputs) == {1}
    assert await pad.inputs() == 0b10
    assert await pad.info() == DeviceInfo("FEIG", "ID ISC.MR102", "2.10", "00C0FFEE")
