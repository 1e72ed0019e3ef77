"""A UHF gate: what its reader reports is what the gate's loop sees, rules on and sounds for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firmware_bridge.errors import DeviceLost
from firmware_bridge.fakes import FakeLamp
from firmware_bridge.ports import DeviceInfo, ReaderFound, ReaderLost, UhfEvent, UhfTagSeen
from firmware_bridge.tags.iso28560_4 import Uii, encode_epc
from firmware_bridge.tags.reading import ItemTag, SecurityBits
from kiosk.config_devices import PadSettings
from kiosk.config_gate import GateSettings
from kiosk.config_station import BrokerSettings
from kiosk.gate import Known
from kiosk.gate_lamp import Sounded
from kiosk.gate_loop import GateTold, GateWatch
from kiosk.gate_passage import Passed
from kiosk.gate_uhf import UhfGate, UhfRules
from wire.clock import FakeClock

RULES = UhfRules(frozenset({"DE-290"}), SecurityBits())


class ScriptedReader:
    """A UHF reader that reports what it is told to."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[UhfEvent] = asyncio.Queue()

    async def events(self) -> AsyncIterator[UhfEvent]:
        while True:
            yield await self.said.get()


def report(item: str, afi: int, *, rssi: int = -50, owner: str = "DE-290") -> UhfTagSeen:
    bank = encode_epc(Uii(item, owner), afi)
    return UhfTagSeen(bank[2:], int.from_bytes(bank[:2], "big"), 1, rssi)


class Door:
    """A gate with a scripted reader, its loop driven look by look."""

    def __init__(self, known: Known) -> None:
        self.clock = FakeClock(datetime(2026, 11, 21, tzinfo=UTC))
        self.reader = ScriptedReader()
        self.lamp = FakeLamp()
        self.gate = UhfGate(self.reader, RULES, self.clock, lamp=self.lamp)
        self.told: list[GateTold] = []
        broker = BrokerSettings(host="b", port=1, ca=Path("a"), cert=Path("a"), key=Path("a"))
        settings = GateSettings(
            name="gate-1", state_dir=Path("s"), broker=broker, pad=PadSettings(host="h"), items_key=Path("k"),
            passage_gap_ms=300,
        )  # fmt: skip
        self.watch = GateWatch(self.gate, settings, self.clock, lambda _: known, self.told.append)
        self.following = asyncio.create_task(self.gate.run())

    async def hears(self, *events: UhfEvent) -> None:
        for event in events:
            self.reader.said.put_nowait(event)
        while not self.reader.said.empty():
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def look(self, ms: int = 50) -> None:
        self.clock.advance(ms / 1000)
        await self.watch.look()

    async def close(self) -> None:
        self.following.cancel()
        await asyncio.gather(self.following, return_exceptions=True)


async def test_a_secured_item_that_is_not_lent_sounds_and_a_passage_is_told() -> None:
    door = Door("available")
    await door.hears(ReaderFound(DeviceInfo("Impinj")), report("30000001", 0x07))
    await door.look()
    await door.look()
    for _ in range(12):
        await door.look(100)
    await door.close()

    assert [type(one) for one in door.told] == [Sounded, Passed]
    passed = door.told[1]
    assert isinstance(passed, Passed)
    assert len(door.lamp.orders) == 1


async def test_a_lent_item_passes_in_silence() -> None:
    door = Door("loan")
    await door.hears(ReaderFound(), report("30000001", 0xC2))
    await door.look()
    await door.close()

    assert not [one for one in door.told if isinstance(one, Sounded)]


async def test_a_tag_is_there_for_a_while_after_its_last_report() -> None:
    door = Door("available")
    await door.hears(ReaderFound(), report("30000001", 0xC2))
    (epc,) = await door.gate.inventory()
    reading = await door.gate.reading(epc)
    door.clock.advance(0.39)
    await door.hears(report("30000001", 0xC2))
    door.clock.advance(0.39)
    still = await door.gate.inventory()
    door.clock.advance(0.02)
    gone = await door.gate.inventory()
    await door.close()

    assert isinstance(reading, ItemTag)
    assert (reading.item, reading.owner, reading.security) == ("30000001", "DE-290", "unsecured")
    assert (still, gone) == (frozenset({epc}), frozenset())


async def test_a_weak_report_comes_from_a_shelf_and_is_counted() -> None:
    door = Door("available")
    await door.hears(ReaderFound(), report("30000001", 0x07, rssi=-80))
    seen = await door.gate.inventory()
    await door.close()

    assert seen == frozenset()
    assert door.gate.weak == 1


async def test_a_reader_that_is_away_is_lost_to_the_gate_and_its_tags_are_forgotten() -> None:
    door = Door("available")
    with pytest.raises(DeviceLost, match="has not been heard"):
        await door.gate.inventory()
    await door.hears(ReaderFound(), report("30000001", 0x07), ReaderLost(DeviceLost("the cable")))
    with pytest.raises(DeviceLost, match="the cable"):
        await door.gate.inventory()
    await door.hears(ReaderFound())
    seen = await door.gate.inventory()
    await door.close()

    assert seen == frozenset()


@pytest.mark.parametrize("first", [0x07, 0xC2])
async def test_a_copy_of_a_lent_tag_does_not_cover_a_secured_one(first: int) -> None:
    door = Door("available")
    second = 0xC2 if first == 0x07 else 0x07
    await door.hears(ReaderFound(), report("30000001", first), report("30000001", second))
    (epc,) = await door.gate.inventory()
    reading = await door.gate.reading(epc)
    door.clock.advance(0.5)
    await door.hears(report("30000001", 0xC2))
    later = await door.gate.reading(epc)
    await door.close()

    assert getattr(reading, "security", "") == "secured"
    assert getattr(later, "security", "") == "unsecured"


async def test_a_report_without_its_pc_word_takes_nothing_from_the_one_before() -> None:
    door = Door("available")
    seen = report("30000001", 0x07)
    await door.hears(ReaderFound(), seen, replace(seen, pc=None))
    reading = await door.gate.reading(seen.epc.hex().upper())
    await door.close()

    assert getattr(reading, "security", "") == "secured"
