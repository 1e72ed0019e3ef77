"""The 3M driver against a simulated pad: what it reads is so, what it wrote was read back, or it says why."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Literal

import pytest

from firmware_bridge.errors import (
    DeviceLost,
    DeviceTimeout,
    FrameError,
    TagError,
    TagGone,
    TagLocked,
    TagWriteFailed,
)
from firmware_bridge.iso15693 import EAS_ALARM, EAS_SEQUENCE, nxp
from firmware_bridge.ports import DeviceInfo
from firmware_bridge.threem import commands, words
from firmware_bridge.threem.driver import ThreeMPad
from firmware_bridge.threem.frames import Frame, Parser, encode
from sim.devices.tags import SimTag
from sim.devices.threem_pad import ThreeMPad as SimPad

UIDS = [f"E0040150000000{n:02X}" for n in range(40)]
UID = UIDS[0]


@pytest.fixture
async def sim() -> AsyncIterator[SimPad]:
    found = SimPad()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def pad(sim: SimPad) -> AsyncIterator[ThreeMPad]:
    found = ThreeMPad.tcp("127.0.0.1", sim.port, timeout_s=0.3, write_tries=3)
    yield found
    await found.close()


def laid(sim: SimPad, uid: str = UID, **more: Any) -> SimTag:
    tag = SimTag.for_item(uid, "item-1", "XX-TLF")
    for name, value in more.items():
        setattr(tag, name, value)
    sim.place(tag)
    return tag


async def test_the_reader_says_what_it_is(pad: ThreeMPad) -> None:
    assert await pad.info() == DeviceInfo("3M", "RFID reader 210/810", "5.0.2", "")


async def test_a_stack_is_inventoried_whole_and_an_empty_pad_is_empty(sim: SimPad, pad: ThreeMPad) -> None:
    assert await pad.inventory() == frozenset()
    for uid in UIDS:
        laid(sim, uid)
    assert await pad.inventory() == frozenset(UIDS)
    await pad.quiet(UIDS[3])
    assert await pad.inventory() == frozenset(UIDS) - {UIDS[3]}


@pytest.mark.parametrize("old", [False, True], ids=["210", "810 without tag info"])
@pytest.mark.parametrize(("blocks", "size"), [(28, 4), (8, 4), (9, 4), (13, 4), (79, 4)])
async def test_a_tag_is_read_whole_and_in_its_own_order(
    sim: SimPad, pad: ThreeMPad, old: bool, blocks: int, size: int
) -> None:
    memory = bytearray(os.urandom(blocks * size))
    tag = laid(sim, memory=memory, block_size=size, locked={1, blocks - 1})
    sim.unknown = {words.TAG_INFO} if old else set()
    whole, part = await pad.read_all(UID), await pad.read_tag(UID)

    assert (whole.blocks, whole.locked, whole.block_count) == (bytes(tag.memory), {1, blocks - 1}, blocks)
    assert part.blocks == bytes(tag.memory)[:64]
    assert (whole.afi, whole.dsfid, whole.uid) == (tag.afi, None if old else tag.dsfid, UID)


async def test_a_tag_with_blocks_of_eight_bytes_is_read_and_written(sim: SimPad, pad: ThreeMPad) -> None:
    tag = laid(sim, memory=bytearray(64 * 8), block_size=8)
    await pad.write_blocks(UID, 2, bytes(range(80)), 8)

    assert (await pad.read_all(UID)).blocks == bytes(tag.memory)
    assert tag.memory[16:96] == bytes(range(80))


@pytest.mark.parametrize(
    ("prepare", "outcome", "afi"),
    [
        ({}, "verified", 0xC2),
        ({"write_faults": 2}, "verified", 0xC2),
        ({"silent_writes": 1}, "verified", 0xC2),
        ({"write_faults": 9}, "failed", 0x07),
        ({"afi_locked": True}, "failed", 0x07),
        ({"leaves": "before"}, "unknown", 0x07),
        ({"leaves": "after"}, "unknown", 0xC2),
    ],
)
async def test_an_afi_counts_by_what_is_read_back(
    sim: SimPad, pad: ThreeMPad, prepare: dict[str, Any], outcome: str, afi: int
) -> None:
    tag = laid(sim, **prepare)
    result = await pad.write_afi(UID, 0xC2)

    assert (result.outcome, tag.afi) == (outcome, afi)
    assert result.afi == (None if outcome == "unknown" else afi)
    assert bool(result.reason) == (outcome != "verified")


async def test_a_locked_tag_is_written_once(sim: SimPad, pad: ThreeMPad) -> None:
    laid(sim, afi_locked=True)
    await pad.write_afi(UID, 0xC2)

    assert pad.health.exchanges == 3  # the fence, the write, the look


async def test_blocks_are_written_and_a_failed_write_has_its_name(sim: SimPad, pad: ThreeMPad) -> None:
    tag = laid(sim, locked={20})
    await pad.write_blocks(UID, 3, bytes(range(48)), 4)
    assert tag.memory[12:60] == bytes(range(48))

    with pytest.raises(TagLocked):
        await pad.write_blocks(UID, 20, b"nope", 4)
    tag.write_faults = 1
    with pytest.raises(TagWriteFailed):
        await pad.write_blocks(UID, 5, b"nope", 4)
    tag.silent_writes = 1
    await pad.write_blocks(UID, 5, b"done", 4)
    assert tag.memory[20:24] == b"done"
    with pytest.raises(ValueError, match="no whole blocks"):
        await pad.write_blocks(UID, 5, b"odd", 4)


async def test_locks_are_read_back_and_may_be_asked_for_again(sim: SimPad, pad: ThreeMPad) -> None:
    tag = laid(sim, locked={4}, silent_writes=1)
    await pad.lock_blocks(UID, 3, 10)
    await pad.lock_blocks(UID, 3, 10)
    assert tag.locked == set(range(3, 13))

    tag.write_faults = 1
    with pytest.raises(TagWriteFailed):
        await pad.lock_blocks(UID, 20, 1)
    with pytest.raises(TagError, match="not all on the tag"):
        await pad.lock_blocks(UID, 27, 2)


async def test_afi_and_dsfid_are_written_and_locked(sim: SimPad, pad: ThreeMPad) -> None:
    tag = laid(sim)
    await pad.write_dsfid(UID, 0x06)
    await pad.lock_dsfid(UID)
    await pad.lock_afi(UID)

    assert (tag.dsfid, tag.dsfid_locked, tag.afi_locked) == (0x06, True, True)
    with pytest.raises(TagLocked):
        await pad.write_dsfid(UID, 0x3E)


@pytest.mark.parametrize("on", [True, False])
async def test_eas_is_what_was_heard_afterwards(sim: SimPad, pad: ThreeMPad, on: bool) -> None:
    tag = laid(sim, eas=not on, write_faults=1)

    assert (await pad.set_eas(UID, on)).on is on
    assert tag.eas is on
    assert (await pad.eas(UID)).on is on


async def test_a_tag_that_is_not_there_is_never_one_whose_eas_is_off(sim: SimPad, pad: ThreeMPad) -> None:
    request = commands.to_tag(words.CHECK_EAS, UID)
    assert sim.answer(request).payload == b"\0" + bytes.fromhex(UID) + b"\0"  # what the pad says of no tag

    assert (await pad.eas(UID)).on is None
    tag = laid(sim, leaves="after", eas=True)
    assert (await pad.set_eas(UID, False)).on is None
    assert tag.eas is False
    assert (await pad.eas("E0070000000000FF")).on is None


async def test_a_locked_eas_bit_is_told_with_its_state(sim: SimPad, pad: ThreeMPad) -> None:
    laid(sim, eas=True, eas_locked=True)
    result = await pad.set_eas(UID, False)

    assert result.on is True
    assert "locked" in result.reason


async def test_a_password_opens_what_it_protects_and_a_wrong_one_mutes(sim: SimPad, pad: ThreeMPad) -> None:
    tag = laid(sim, eas=True, password=b"1234", protected={"afi"})
    assert (await pad.write_afi(UID, 0xC2)).outcome == "failed"
    await pad.open_with(UID, b"1234")
    assert (await pad.write_afi(UID, 0xC2)).outcome == "verified"
    assert await pad.air(nxp(EAS_ALARM, UID), 33) == EAS_SEQUENCE
    with pytest.raises(FrameError, match="33 bytes came"):
        await pad.air(nxp(EAS_ALARM, UID), 5)
    with pytest.raises(TagError, match="does not know this command"):
        await pad.air(nxp(0xA7, UID), 1)

    tag.power_off()
    with pytest.raises(TagGone):
        await pad.open_with(UID, b"wrog")
    assert tag.muted


@pytest.mark.parametrize("fault", ["lost_answers", "wrong_crcs", "twice"])
async def test_a_spoilt_answer_costs_a_question_and_nothing_else(
    sim: SimPad, pad: ThreeMPad, fault: str
) -> None:
    tag = laid(sim)
    await pad.info()
    setattr(sim, fault, 1)
    found = await pad.read_all(UID)

    assert found.blocks == bytes(tag.memory)
    health = pad.health
    assert health.timeouts == (0 if fault == "twice" else 1)
    assert health.crc_errors == (1 if fault == "wrong_crcs" else 0)
    assert health.retries == (0 if fault == "twice" else 1)


async def test_a_late_answer_is_never_another_tags_content(sim: SimPad, pad: ThreeMPad) -> None:
    first, second = laid(sim), laid(sim, UIDS[1])
    second.memory[:8] = b"another!"
    await pad.info()
    sim.late = [0.4]
    with suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await pad.read_all(UID)
    found = await pad.read_all(UIDS[1])

    assert found.blocks == bytes(second.memory) != bytes(first.memory)


async def test_a_busy_reader_does_not_hear_the_fence_and_is_asked_again(sim: SimPad, pad: ThreeMPad) -> None:
    tag = laid(sim)
    await pad.info()
    sim.late = [0.2]
    reading = asyncio.create_task(pad.read_all(UID))
    while sim.late:
        await asyncio.sleep(0)
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading

    assert (await pad.write_afi(UID, 0xC2)).outcome == "verified"
    assert tag.afi == 0xC2
    assert pad.health.connections == 1


@pytest.mark.parametrize("leaves", ["before", "after"])
async def test_a_tag_that_goes_while_it_is_written_is_unknown(
    sim: SimPad, pad: ThreeMPad, leaves: Literal["before", "after"]
) -> None:
    laid(sim, leaves=leaves)

    assert (await pad.write_afi(UID, 0xC2)).outcome == "unknown"
    with pytest.raises(TagGone):
        await pad.read_tag(UID)


async def test_a_pulled_cable_is_said_and_a_plugged_one_works_again(sim: SimPad, pad: ThreeMPad) -> None:
    laid(sim)
    await pad.inventory()
    await sim.unplug()
    with pytest.raises(DeviceLost):
        await pad.inventory()
    with pytest.raises(DeviceLost):
        await pad.write_afi(UID, 0xC2)
    await sim.plug()

    assert await pad.inventory() == {UID}
    assert pad.health.connections == 2


async def test_a_dead_pad_is_given_up_before_anything_is_written(sim: SimPad, pad: ThreeMPad) -> None:
    tag = laid(sim)
    sim.lost_answers = 3
    with pytest.raises(DeviceTimeout):
        await pad.write_afi(UID, 0xC2)

    assert tag.afi == 0x07


async def test_an_810_that_wakes_by_the_older_form_is_in_step(sim: SimPad, pad: ThreeMPad) -> None:
    laid(sim)
    sim.lost_answers = 1

    assert await pad.inventory() == {UID}
    assert pad.health.timeouts == 1


async def test_over_a_serial_port_it_is_the_same(sim: SimPad) -> None:
    tag = laid(sim)
    far, near = os.openpty()
    tty.setraw(near)
    os.set_blocking(far, False)
    loop = asyncio.get_running_loop()
    parser = Parser()

    def answer() -> None:
        with suppress(OSError):
            for frame in parser.feed(os.read(far, 4096)):
                os.write(far, encode(sim.answer(frame)))

    os.write(far, encode(Frame(words.GET_AFI, b"\0" + bytes.fromhex(UID) + b"\xc2")))  # from before
    loop.add_reader(far, answer)
    pad = ThreeMPad.serial(os.ttyname(near), timeout_s=2.0)
    found, result = await pad.read_all(UID), await pad.write_afi(UID, 0xC2)
    await pad.close()
    loop.remove_reader(far)
    os.close(far)
    os.close(near)

    assert (found.blocks, found.afi) == (bytes(tag.memory), 0x07)
    assert (result.outcome, tag.afi) == ("verified", 0xC2)
