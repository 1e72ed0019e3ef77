"""Tag tools over FEIG: what is locked, EAS by what was heard, firmware that answers oddly."""

import itertools
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import DeviceLost, DeviceRefused, TagError, TagGone, TagLocked
from firmware_bridge.feig import control, words
from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.feig.tag_access import chunks, runs
from firmware_bridge.ports import EasResult
from firmware_bridge.transport import open_tcp
from sim.devices.feig_pad import FeigPad as SimPad
from sim.devices.tags import SimTag
from wire.errors import DeviceError

UID, OTHER = "E004015000000001", "E004015000000002"


@pytest.fixture
async def sim() -> AsyncIterator[SimPad]:
    pad = SimPad()
    await pad.start()
    yield pad
    await pad.stop()


@pytest.fixture
async def pad(sim: SimPad) -> AsyncIterator[FeigPad]:
    found = FeigPad.tcp("127.0.0.1", sim.port, timeout_s=0.3)
    yield found
    await found.close()


def lay(sim: SimPad, uid: str = UID, item: str = "item-1") -> SimTag:
    tag = SimTag.for_item(uid, item, "XX-TLF")
    sim.place(tag)
    return tag


@pytest.mark.parametrize("blocks", [28, 79, 94])
async def test_every_block_is_read_with_its_lock(sim: SimPad, pad: FeigPad, blocks: int) -> None:
    tag = lay(sim)
    tag.memory = bytearray(os.urandom(blocks * 4))
    tag.locked = {0, 5, blocks - 1}

    found = await pad.read_all(UID)

    assert (bytes(tag.memory), frozenset(tag.locked)) == (found.blocks, found.locked)
    assert found.block_count == blocks


@given(st.integers(1, 256), st.integers(2, 64))
def test_no_read_is_as_long_as_the_one_before_it(total: int, most: int) -> None:
    found = chunks(total, most)

    assert sum(found) == total
    assert max(found) <= most
    assert all(a != b or a == 1 for a, b in itertools.pairwise(found))


@given(st.frozensets(st.integers(0, 80)))
def test_runs_of_blocks_are_those_blocks(numbers: frozenset[int]) -> None:
    found = [first + n for first, count in runs(numbers) for n in range(count)]

    assert sorted(numbers) == found


@pytest.mark.parametrize("without_2c", [False, True])
async def test_blocks_are_locked_once_and_a_second_call_harms_nothing(
    sim: SimPad, pad: FeigPad, without_2c: bool
) -> None:
    tag = lay(sim)
    tag.locked = {3}
    if without_2c:
        plain = sim._commands._access
        sim._commands._access = lambda tag, command, mode, rest: (  # type: ignore[method-assign]  # firmware without 2C
            (0x80, b"") if command == words.BLOCK_SECURITY else plain(tag, command, mode, rest)
        )

    await pad.lock_blocks(UID, 1, 4)
    await pad.lock_blocks(UID, 1, 4)

    assert tag.locked == {1, 2, 3, 4}
    with pytest.raises(TagError, match="not all on a tag"):
        await pad.lock_blocks(UID, 26, 4)


async def test_a_lock_whose_answer_is_lost_is_seen_when_it_is_looked_for(sim: SimPad, pad: FeigPad) -> None:
    tag = lay(sim)
    tag.silent_writes = 1

    await pad.lock_blocks(UID, 0, 2)

    assert tag.locked == {0, 1}


async def test_a_lock_that_did_not_take_is_an_error(sim: SimPad, pad: FeigPad) -> None:
    tag = lay(sim)
    tag.write_faults = 1

    with pytest.raises(TagError, match="not written"):
        await pad.lock_blocks(UID, 0, 2)
    assert not tag.locked


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("raw", [False, True])
async def test_eas_is_what_was_heard_afterwards(sim: SimPad, pad: FeigPad, on: bool, raw: bool) -> None:
    tag = lay(sim)
    tag.eas = not on
    tag.silent_writes = 1

    assert await pad.set_eas(UID, on) == EasResult(on)
    if raw:
        sim.unknown = {words.CUSTOM}
    assert await pad.eas(UID) == EasResult(on)
    assert tag.eas is on


@pytest.mark.parametrize("how", ["gone", "muted", "antenna", "another maker", "leaves while it is set"])
async def test_a_silent_tag_is_not_a_clear_one(sim: SimPad, pad: FeigPad, how: str) -> None:
    tag = lay(sim, "E007000000000001" if how == "another maker" else UID)
    match how:
        case "gone":
            sim.remove(tag.uid)
        case "muted":
            tag.muted = True
        case "antenna":
            sim.antenna = False
        case "leaves while it is set":
            tag.leaves = "after"
            assert (await pad.set_eas(tag.uid, True)).on is None

    found = await pad.eas(tag.uid)

    assert found.on is None
    assert found.reason


async def test_a_locked_eas_bit_is_told_with_its_state(sim: SimPad, pad: FeigPad) -> None:
    tag = lay(sim)
    tag.eas_locked = True

    found = await pad.set_eas(UID, True)

    assert found.on is False
    assert "locked" in found.reason


async def test_a_password_opens_a_protected_tag_and_a_wrong_one_mutes_it_until_the_field_was_off(
    sim: SimPad, pad: FeigPad
) -> None:
    tag = lay(sim)
    tag.password, tag.protected = b"abcd", {"afi"}
    assert (await pad.write_afi(UID, 0xC2)).outcome == "failed"
    with pytest.raises(TagGone):
        await pad.open_with(UID, b"nope")
    assert await pad.inventory() == frozenset()

    await pad.reset_field()
    await pad.open_with(UID, b"abcd")

    assert (await pad.write_afi(UID, 0xC2)).outcome == "verified"


async def test_afi_and_dsfid_are_written_and_locked(sim: SimPad, pad: FeigPad) -> None:
    tag = lay(sim)
    tag.silent_writes = 1
    await pad.write_dsfid(UID, 0x06)
    await pad.lock_dsfid(UID)
    await pad.lock_afi(UID)

    with pytest.raises(TagLocked):
        await pad.write_dsfid(UID, 0x3E)
    assert (await pad.write_afi(UID, 0xC2)).outcome == "failed"
    assert (tag.dsfid, tag.afi) == (0x06, 0x07)


async def test_a_tag_told_to_be_quiet_is_found_again_when_it_is_woken(sim: SimPad, pad: FeigPad) -> None:
    lay(sim)
    await pad.stay_quiet(UID)
    assert await pad.inventory() == frozenset()
    await pad.reset_to_ready(UID)
    await pad.select(UID)

    assert await pad.inventory() == {UID}


@pytest.mark.parametrize("form", ["standard", "advanced", "both"])
@pytest.mark.parametrize("less_one", [True, False])
@pytest.mark.parametrize("turned", [True, False])
async def test_firmware_differs_and_the_tag_is_the_same(
    sim: SimPad, form: Any, less_one: bool, turned: bool
) -> None:
    tag = lay(sim)
    sim.form, sim.firmware.memory_less_one, sim.firmware.blocks_turned = form, less_one, turned

    pad = FeigPad(lambda: open_tcp("127.0.0.1", sim.port), timeout_s=0.2, blocks_turned=turned)
    await pad.write_blocks(UID, 20, b"12345678", 4)
    found = await pad.read_all(UID)
    await pad.close()

    assert (bytes(tag.memory), 28, 4) == (found.blocks, found.block_count, found.block_size)


@pytest.mark.parametrize("fault", ["late", "lost_answers", "twice", "wrong_crcs"])
async def test_an_answer_that_is_late_lost_doubled_or_broken_spoils_nothing(
    sim: SimPad, pad: FeigPad, fault: str
) -> None:
    tags = [lay(sim), lay(sim, OTHER, "item-2")]
    await pad.inventory()
    for turn in range(6):
        if fault == "late":
            sim.late = [0.0] * (turn % 3) + [0.4]
        else:
            setattr(sim, fault, 1)
        tag = tags[turn % 2]
        try:
            assert bytes(tag.memory) == (await pad.read_all(tag.uid)).blocks
        except DeviceError:
            continue
        sim.late, sim.lost_answers, sim.twice, sim.wrong_crcs = [], 0, 0, 0

    assert await pad.inventory() == {UID, OTHER}


async def test_the_reader_tells_what_it_is_and_how_it_is(sim: SimPad, pad: FeigPad) -> None:
    sim.password = b"open"
    with pytest.raises(DeviceRefused, match="login"):
        await pad.configuration(1)
    with pytest.raises(DeviceRefused, match="refused the login"):
        await pad.login(b"shut")
    await pad.login(b"open")
    assert await pad.configuration(1) == b"\1" * 14
    with pytest.raises(DeviceRefused):
        await pad.configuration(60)
    assert await pad.diagnose() == frozenset()
    sim.antenna = False
    assert await pad.diagnose() == {"impedance_above_50_ohm"}
    with pytest.raises(DeviceRefused):
        await pad.noise()
    sim.noise = (1, 2, 300)
    assert await pad.noise() == control.Noise(1, 2, 300)
    assert (await pad.buffers()).receive == 260
    await pad.switch_field(False)
    assert not sim.powered
    await pad.restart()
    assert (await pad.info()).make == "FEIG"
    assert pad.health.connections == 2


async def test_a_small_pad_sounds_by_the_other_command(sim: SimPad, pad: FeigPad) -> None:
    sim.unknown = {words.SET_OUTPUT}
    await pad.alarm(2.0)
    await pad.alarm(2.0)
    assert (sim.lamp, sim.lamp_orders) == (True, 2)

    sim.unknown = {words.SET_OUTPUT, words.SIGNAL_OUTPUT}
    with pytest.raises(DeviceRefused):
        await pad.alarm(2.0)


async def test_what_the_reader_collected_comes_once_and_again_when_the_order_to_forget_is_lost(
    sim: SimPad, pad: FeigPad
) -> None:
    tag = lay(sim)
    assert await pad.collect() == ()
    sim.buffer.on = True
    sim.buffer.passes(tag, antennas=(1,))
    sim.buffer.passes(tag, antennas=(2,))
    assert (await pad.buffer_info()).length == 2
    with pytest.raises(DeviceRefused, match="ISO host mode"):
        await pad.inventory()
    sim.unknown = {words.CLEAR_BUFFER}
    first = await pad.collect()
    sim.unknown = set()
    again = await pad.collect(1) + await pad.collect(1)
    await pad.empty_buffer()

    assert first == again
    assert [one.uid for one in first] == [UID, UID]
    assert pad.health.by_antenna == {1: 2, 2: 2}
    assert await pad.collect() == ()


async def test_a_refused_connection_is_said_before_anything_is_written(sim: SimPad, pad: FeigPad) -> None:
    lay(sim)
    await sim.unplug()

    with pytest.raises(DeviceLost):
        await pad.set_eas(UID, True)


async def test_a_slow_tag_is_waited_for_and_one_slower_than_the_reader_is_unknown_though_it_took(
    sim: SimPad, pad: FeigPad
) -> None:
    tag = lay(sim)
    tag.slow_s = 0.015
    assert (await pad.write_afi(UID, 0xC2)).outcome == "verified"
    assert pad.health.response_ms > 8

    tag.slow_s = 0.025
    result = await pad.write_afi(UID, 0x07)

    assert (result.outcome, tag.afi) == ("unknown", 0x07)
    assert pad.health.read_rate < 1


async def test_a_stack_that_detunes_sinks_the_read_rate_and_nothing_wrong_is_read(
    sim: SimPad, pad: FeigPad
) -> None:
    tags = [lay(sim, f"E00401500000000{n}", f"item-{n}") for n in range(8)]
    sim.detune = 0.06
    read = 0
    for tag in tags * 3:
        try:
            assert bytes(tag.memory) == (await pad.read_all(tag.uid)).blocks
        except TagGone:
            continue
        read += 1

    assert 0 < read < 24
    assert pad.health.read_rate < 0.97
