"""Which devices a gate has by its settings: a UHF reader that speaks LLRP, a FEIG reader, a lamp on pins."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge import gpio
from firmware_bridge.counter import LineCounter
from firmware_bridge.errors import DeviceLost
from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.gpio import FakeInputs
from firmware_bridge.tags.iso28560_4 import Uii, encode_epc
from kiosk.config_devices import PadSettings
from kiosk.config_gate import BarrierSettings, GateSettings, LampSettings
from kiosk.config_station import BrokerSettings
from kiosk.gate_lamp import Sounded
from kiosk.gate_loop import GateTold, GateWatch
from kiosk.gate_open import WithPins, gate_device
from kiosk.gate_parts import watched_lines
from kiosk.gate_pins import HasPins
from kiosk.gate_uhf import UhfGate
from kiosk.pad_loop import PadFound, PadSampled
from sim.devices.llrp_reader import FieldTag, SimLlrpReader
from wire.clock import FakeClock, SystemClock
from wire.errors import ConfigError

CLOCK = SystemClock()


def settings(pad: PadSettings, **more: Any) -> GateSettings:
    broker = BrokerSettings(host="b", port=1, ca=Path("a"), cert=Path("a"), key=Path("a"))
    return GateSettings(
        name="gate-1", state_dir=Path("s"), broker=broker, pad=pad, items_key=Path("k"), **more
    )  # fmt: skip


def tag(item: str, afi: int) -> FieldTag:
    bank = encode_epc(Uii(item, "DE-290"), afi)
    return FieldTag(bank[2:], int.from_bytes(bank[:2], "big"))


async def test_a_secured_tag_before_a_uhf_reader_sounds_and_a_lent_one_does_not() -> None:
    async with SimLlrpReader() as reader:
        pad = PadSettings(kind="llrp", host="127.0.0.1", port=reader.port, owners=("DE-290",), poll_ms=20)
        told: list[GateTold] = []
        found = settings(pad)
        async with gate_device(found, CLOCK) as device:
            assert isinstance(device, UhfGate)
            watch = GateWatch(
                device, found, CLOCK, lambda item: "loan" if item == "2" else "available", told.append
            )
            async with asyncio.timeout(20):
                while not any(isinstance(one, PadFound) for one in told):
                    task = asyncio.create_task(watch.once())
                    await asyncio.wait((task,), timeout=0.2)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                reader.field = {1: (tag("2", 0xC2),)}
                while not await device.inventory():
                    await asyncio.sleep(0.01)
                await watch.look()
                assert not [one for one in told if isinstance(one, Sounded)]
                reader.field = {1: (tag("1", 0x07),)}
                while not any(isinstance(one, Sounded) for one in told):
                    await watch.look()
                    await asyncio.sleep(0.01)

    assert (await_info := [one for one in told if isinstance(one, PadFound)])
    assert await_info[0].info.make


async def test_a_uhf_gate_lights_its_readers_output_and_tells_how_its_reader_does() -> None:
    async with SimLlrpReader(rate=50) as reader:
        reader.field = {1: (tag("1", 0x07),)}
        found = settings(PadSettings(kind="llrp", host="127.0.0.1", port=reader.port, poll_ms=20), sample_s=1)
        told: list[GateTold] = []
        clock = FakeClock(datetime(2026, 11, 21, tzinfo=UTC))
        async with gate_device(found, clock) as device, asyncio.timeout(20):
            assert isinstance(device, UhfGate)
            watch = GateWatch(device, found, clock, lambda _: "available", told.append)
            while not reader.gpo.get(1):
                with suppress(DeviceLost):
                    await watch.look()
                await asyncio.sleep(0.01)
            device.sample()
            seen = reader.reported
            while reader.reported < seen + 10:
                await asyncio.sleep(0.01)
            clock.advance(2)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await watch.once()
        sampled = next(one.values for one in told if isinstance(one, PadSampled))

    assert {one.ok for one in told if isinstance(one, Sounded)} == {True}
    assert sampled["reads_per_s_antenna_1"] > 0
    assert {"response_ms", "reconnections", "decoding_errors", "weak_reports", "tags_read"} <= set(sampled)
    info = next(one.info for one in told if isinstance(one, PadFound))
    assert (info.model, info.serial) == ("1", "001625FFFF0000AA")
    assert reader.gpo == {1: False}


async def test_a_uhf_gate_without_a_lamp_switches_nothing() -> None:
    async with SimLlrpReader() as reader:
        pad = PadSettings(kind="llrp", host="127.0.0.1", port=reader.port)
        async with gate_device(settings(pad, lamp=LampSettings(fitted=False)), CLOCK), asyncio.timeout(20):
            while not reader.states:
                await asyncio.sleep(0.01)

    assert reader.gpo_log == []


async def test_a_gates_lamp_can_be_on_pins() -> None:
    pad = PadSettings(host="127.0.0.1")
    async with gate_device(settings(pad), CLOCK) as alone:
        assert isinstance(alone, FeigPad)
    async with gate_device(settings(pad, lamp=LampSettings(pins=(17, 27))), CLOCK) as device:
        assert isinstance(device, WithPins)


async def test_a_uhf_gates_barriers_are_on_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    wires = FakeInputs()
    wires.value = 0b10
    monkeypatch.setattr(gpio, "open_gpiod_inputs", lambda _: wires)
    async with SimLlrpReader() as reader:
        pad = PadSettings(kind="llrp", host="127.0.0.1", port=reader.port)
        found = settings(pad, barriers=BarrierSettings(pins=(5, 6), kind="pulses"))
        async with gate_device(found, CLOCK) as device:
            assert isinstance(device, HasPins)
            assert await device.inputs() == 0b10
            lines = watched_lines(found.barriers, device, device.pins)
            assert isinstance(lines, LineCounter)

    assert wires.released


@pytest.mark.parametrize(
    ("pad", "seen"),
    [
        (PadSettings(kind="3m", host="127.0.0.1"), "neither inputs for light barriers nor a lamp"),
        (PadSettings(kind="llrp", serial="/dev/ttyUSB0"), "over TCP"),
    ],
)
async def test_what_cannot_be_a_gate_says_so(pad: PadSettings, seen: str) -> None:
    with pytest.raises(ConfigError, match=seen):
        async with gate_device(settings(pad), CLOCK):
            pass
