"""Simulated devices keep the rules of the real ones: what a test believes of them must be true."""

import asyncio

import pytest

from firmware_bridge.errors import DeviceLost, TagGone, TagLocked
from firmware_bridge.fakes import FakeBarriers, FakeCardReader, FakeLamp, FakePad
from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.feig.frames import Frame, Parser, encode_standard
from firmware_bridge.ports import CardRemoved, TagMemory
from sim.cables import Cable, Fault
from sim.devices.gate_pad import INNER, OUTER, GatePad
from sim.devices.paper import PaperRoll
from sim.devices.tags import SimTag, TagRefused


@pytest.mark.parametrize(("direction", "first", "last"), [("out", INNER, OUTER), ("in", OUTER, INNER)])
async def test_a_walk_breaks_the_barriers_one_after_the_other_with_the_tags_in_the_field(
    direction: str, first: int, last: int
) -> None:
    gate = GatePad()
    await gate.start()
    tag = SimTag.for_item("E004015000000001", "30000001", "XX-TLF")
    driver = FeigPad.tcp("127.0.0.1", gate.port)
    seen: list[int] = []
    fields: set[frozenset[str]] = set()
    walking = asyncio.create_task(gate.walk([tag], direction, pace_s=0.05))  # type: ignore[arg-type]  # of the literal
    while not walking.done():
        fields.add(await driver.inventory())
        inputs = await driver.inputs()
        if inputs and seen[-1:] != [inputs]:
            seen.append(inputs)
        await asyncio.sleep(0.005)
    await driver.close()
    await gate.stop()

    assert seen == [first, INNER | OUTER, last]
    assert frozenset({tag.uid}) in fields
    assert not gate.tags


async def test_a_reader_asked_in_the_standard_form_answers_in_it() -> None:
    gate = GatePad()
    await gate.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    for byte in encode_standard(Frame(0x65)):
        writer.write(bytes((byte,)))
        await writer.drain()
    answer = await reader.readexactly(13)
    writer.close()
    await writer.wait_closed()
    await gate.stop()

    assert answer[0] == 13
    assert len(Parser().feed(answer)) == 1


def test_paper_falls_by_receipts_until_one_does_not_fit_and_is_refilled() -> None:
    roll = PaperRoll(length_mm=200.0, left_mm=200.0)
    printed = [roll.print_receipt(lines=10) for _ in range(4)]
    left = roll.percent
    roll.refill()

    assert printed == [True, True, False, False]
    assert (left, roll.percent) == (30.0, 100.0)


def test_a_tag_refuses_blocks_that_it_does_not_have_or_that_are_locked() -> None:
    tag = SimTag("E004015000000001", locked={3})
    for first, data, code in ((27, bytes(8), 0x10), (3, bytes(4), 0x12)):
        with pytest.raises(TagRefused) as refused:
            tag.write(first, data)
        assert refused.value.code == code
    with pytest.raises(TagRefused):
        tag.read(20, 9)


async def test_a_cable_to_nowhere_is_a_lost_device() -> None:
    gate = GatePad()
    await gate.start()
    await gate.stop()
    async with Cable("127.0.0.1", gate.port, Fault()) as cable:
        with pytest.raises(DeviceLost):
            await FeigPad.tcp("127.0.0.1", cable.port).inventory()


async def test_the_shipped_stand_ins_do_what_their_ports_say() -> None:
    pad, lamp, barriers, reader = FakePad(), FakeLamp(), FakeBarriers(), FakeCardReader()
    pad.tags["E0"] = TagMemory("E0", bytes(16), 4, 0x07, 0x3E, 4)
    pad.outcomes = ["failed", "unknown"]
    outcomes = [(await pad.write_afi("E0", 0xC2)).outcome for _ in range(3)]
    await pad.write_blocks("E0", 1, b"abcd", 4)
    reader.say(CardRemoved())
    await lamp.alarm(2.0)
    barriers.value = 2

    assert outcomes == ["failed", "unknown", "verified"]
    assert (await pad.read_tag("E0")).blocks == bytes(4) + b"abcd" + bytes(8)
    assert await anext(reader.events()) == CardRemoved()
    assert (lamp.orders, await barriers.inputs(), await pad.inventory()) == ([2.0], 2, frozenset({"E0"}))
    pad.locked.add("E0")
    with pytest.raises(TagLocked):
        await pad.write_blocks("E0", 0, b"abcd", 4)
    with pytest.raises(TagGone):
        await pad.read_tag("E1")
    assert (await pad.write_afi("E1", 0xC2)).outcome == "unknown"
    assert (await pad.info()).make == "Turnleaf"
    pad.lost = DeviceLost("pulled")
    with pytest.raises(DeviceLost):
        await pad.inventory()
