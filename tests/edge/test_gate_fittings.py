"""A gate's people counter, pins and lamp: counted by pulses, said as parts, in nobody's way when they hang."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from edge_world import central_of, memory_link, running, settings_of, until
from pydantic import ValidationError
from scripted_central import ScriptedCentral
from test_gate_daemon import GATE, book, gate

from firmware_bridge import counter, gpio
from firmware_bridge.errors import DeviceLost
from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.gpio import FakeInputs, FakeLines, GpioInputs, GpioLamp, GpioSettings
from firmware_bridge.ports import DeviceInfo
from kiosk import gate_lamp
from kiosk.config_gate import GateSettings
from kiosk.daemon_gate import run_gate
from kiosk.gate_open import WithPins
from kiosk.gate_pins import Pins
from sim.devices.gate_pad import GatePad
from sim.devices.tags import SimTag
from wire.clock import SystemClock
from wire.link_memory import MemoryBroker

HANGS_S = 120.0
"""Longer than any test waits."""
PULSES = {"kind": "pulses", "pulse_ms": 90}
WAYS: list[Literal["in", "out"]] = ["in", "in", "out", "in", "out", "in", "in"]


def people(central: ScriptedCentral) -> tuple[int, int]:
    told = central.bodies("count/1")
    return sum(one["entered"] for one in told), sum(one["left"] for one in told)


def part(central: ScriptedCentral, name: str) -> dict[str, Any]:
    parts = central.state(GATE, "parts").get("parts", [])
    return next((one for one in parts if one["part"] == name), {})


# --- a people counter that gives pulses -------------------------------------------------------------


@pytest.mark.parametrize(("swapped", "counted"), [(False, (5, 2)), (True, (2, 5))])
async def test_people_whom_a_counter_pulses_for_are_told_by_their_number(
    tmp_path: Path, swapped: bool, counted: tuple[int, int]
) -> None:
    async with gate(tmp_path, count={"people": 7}, barriers={**PULSES, "swapped": swapped}) as world:
        await world.central.until(lambda: part(world.central, "people-counter").get("state") == "ok")
        await world.pad.pulse(WAYS, pulse_s=0.15, bounces=2)
        await world.central.until(lambda: sum(people(world.central)) >= 7)
        await world.central.until(lambda: world.central.samples.get(f"{GATE}/people-counter"))
        values = world.central.samples[f"{GATE}/people-counter"][-1]["values"]

    assert people(world.central) == counted
    assert values["looks"] > 0
    assert values["losses"] == values["stuck"] == 0


async def test_a_passage_takes_the_direction_of_the_people_who_were_pulsed_for(tmp_path: Path) -> None:
    async with gate(tmp_path, items={"30001": "available"}, barriers=PULSES) as world:
        world.pad.place(book(1))
        await until(lambda: world.pad.lamp_orders)
        await world.pad.pulse(["out"])
        world.pad.remove(book(1).uid)
        (passage,) = await world.passages()

    assert (passage["verdict"], passage["direction"]) == ("alarm", "out")


async def test_counts_outlive_a_pulled_cable_and_the_counter_says_that_it_was_lost(tmp_path: Path) -> None:
    async with gate(tmp_path, count={"people": 3}, barriers=PULSES) as world:
        await world.central.until(lambda: part(world.central, "people-counter").get("state") == "ok")
        await world.pad.pulse(["in", "out"])
        await world.pad.unplug()
        await world.central.until(lambda: part(world.central, "people-counter")["state"] == "lost")
        await world.pad.plug()
        await world.central.until(lambda: part(world.central, "people-counter")["state"] == "ok")
        await world.pad.pulse(["in"])
        await world.central.until(lambda: sum(people(world.central)) >= 3)

    assert people(world.central) == (2, 1)


@pytest.mark.parametrize(
    ("barriers", "name"), [(PULSES, "people-counter"), ({"kind": "barriers"}, "barriers")]
)
async def test_a_line_that_hangs_is_told_until_it_moves_again(
    tmp_path: Path, barriers: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter, "STUCK_S", 0.3)
    async with gate(tmp_path, barriers=barriers) as world:
        world.pad.inputs = 0b10
        await world.central.until(lambda: part(world.central, name).get("state") == "degraded")
        seen = part(world.central, name)["seen"]
        world.pad.inputs = 0
        await world.central.until(lambda: part(world.central, name)["state"] == "ok")

    assert "input 2" in seen


# --- lamp and inputs on pins ------------------------------------------------------------------------


class Board:
    """A relay board: lamp and inputs whose chip can hang, be pulled out, and come back."""

    def __init__(self) -> None:
        self.outputs, self.inputs, self.reads = FakeLines(), FakeInputs(), 0
        self.free = threading.Event()
        self.free.set()

    def switch(self, on: bool) -> None:
        self.free.wait(HANGS_S)
        self.outputs.switch(on)

    def read(self) -> int:
        self.free.wait(HANGS_S)
        self.reads += 1
        return self.inputs.read()

    def release(self) -> None: ...


class WatchedTag(SimTag):
    """A tag that counts how often it was read."""

    reads = 0

    def read(self, first: int, count: int) -> bytes:
        self.reads += 1
        return super().read(first, count)


@asynccontextmanager
async def gate_on_pins(
    tmp_path: Path, board: Board, **more: Any
) -> AsyncIterator[tuple[GatePad, ScriptedCentral]]:
    """A gate with its reader on the network, and lamp and inputs on a board."""
    pad = GatePad()
    await pad.start()
    settings = settings_of(
        GateSettings, tmp_path, GATE, pad.port,
        **{"pad": {"owners": ["DE-290"]}, "passage_gap_ms": 300, "lamp": {"pins": [17]}, **more},
    )  # fmt: skip
    broker = MemoryBroker()
    central = central_of(broker)
    for n in range(1, 6):
        central.set_item(f"3000{n}", "available", publish=False)
    feig = FeigPad.tcp("127.0.0.1", pad.port)
    pins = Pins(
        GpioLamp(GpioSettings(), lambda _: board), GpioInputs(GpioSettings(lines=(5, 6)), lambda _: board)
    )
    link = memory_link(broker, settings, "gate")
    try:
        async with running(
            central.run(), run_gate(settings, link=link, device=WithPins(feig, pins), clock=SystemClock())
        ):
            await central.until(lambda: part(central, "pad").get("state") == "ok")
            await central.until(lambda: central.state(GATE, "work").get("items_n") is not None)
            yield pad, central
    finally:
        board.free.set()
        pins.close()
        await feig.close()
        await pad.stop()


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpio, "chip_info", lambda path: DeviceInfo(model="relay board", serial=path))


async def carried_past(pad: GatePad, central: ScriptedCentral, number: int) -> str:
    """Carry a secured item past, and return the gate's verdict."""
    tag = WatchedTag.for_item(f"E00401500000{number:04d}", f"3000{number}", "DE-290")
    assert isinstance(tag, WatchedTag)
    passages = len(central.bodies("passage/1"))
    pad.place(tag)
    await until(lambda: tag.reads)
    pad.remove(tag.uid)
    await central.until(lambda: len(central.bodies("passage/1")) > passages)
    return str(central.bodies("passage/1")[-1]["verdict"])


async def test_a_lamp_that_hangs_holds_up_no_ruling_on_the_next_tags(
    tmp_path: Path, chip: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_lamp, "LAMP_S", HANGS_S)
    board = Board()
    async with gate_on_pins(tmp_path, board, barriers={"fitted": False}) as (pad, central):
        board.free.clear()
        verdicts = [await carried_past(pad, central, n) for n in (1, 2, 3)]
        before = list(board.outputs.history)
        board.free.set()
        await until(lambda: board.outputs.history)

    assert before == []
    assert verdicts == ["alarm"] * 3


async def test_a_lamp_on_pins_is_a_part_and_says_what_went_wrong(tmp_path: Path, chip: None) -> None:
    board = Board()
    async with gate_on_pins(tmp_path, board, barriers={"fitted": False}) as (pad, central):
        found = await central.until(lambda: part(central, "lamp"))
        board.outputs.broken = OSError("no such device")
        await carried_past(pad, central, 1)
        await central.until(lambda: part(central, "lamp")["state"] == "degraded")
        seen, pads = part(central, "lamp")["seen"], part(central, "pad")["state"]
        board.outputs.broken = None
        await carried_past(pad, central, 2)
        await central.until(lambda: part(central, "lamp")["state"] == "ok")

        def sampled(name: str) -> float:
            return sum(float(one["values"][name]) for one in central.samples.get(f"{GATE}/lamp", []))

        await central.until(lambda: sampled("alarms") == 1)

    assert (found["model"], found["state"]) == ("relay board", "ok")
    assert "no such device" in seen
    assert pads == "ok"
    assert sampled("errors") == 1


async def test_barriers_on_pins_count_and_hold_up_no_ruling_when_they_hang(
    tmp_path: Path, chip: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, more = Board(), {"barriers": {"pins": [5, 6]}, "count": {"people": 1}}
    async with gate_on_pins(tmp_path, board, **more) as (pad, central):
        await central.until(lambda: part(central, "barriers").get("state") == "ok")
        for lines in (0b10, 0b11, 0b01, 0):
            board.inputs.value, looks = lines, board.reads + 6
            await until(lambda looks=looks: board.reads >= looks)
        await central.until(lambda: people(central) == (1, 0))
        monkeypatch.setattr(counter, "LOOK_S", 0.2)
        board.free.clear()
        await central.until(lambda: part(central, "barriers")["state"] == "lost")

        assert await carried_past(pad, central, 1) == "alarm"


async def test_a_lamp_that_takes_no_order_in_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_lamp, "LAMP_S", 0.02)

    class Silent:
        async def alarm(self, seconds: float) -> None:
            await asyncio.sleep(3600)

    told = list[gate_lamp.Sounded]()
    orders = gate_lamp.LampOrders(Silent(), 1, SystemClock(), told.append)
    await orders.order(0)
    await orders.order(0)
    await until(lambda: len(told) == 2)
    await orders.end()

    assert [one.ok for one in told] == [False, False]
    assert "did not take its order" in told[0].seen


class Wrong:
    """A lamp whose driver raises."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def alarm(self, seconds: float) -> None:
        raise self.error


async def test_a_bug_in_a_lamps_driver_ends_the_gate_and_is_not_taken_for_a_broken_lamp() -> None:
    told = list[gate_lamp.Sounded]()
    broken = gate_lamp.LampOrders(Wrong(DeviceLost("gone")), 1, SystemClock(), told.append)
    await broken.order(0)
    await asyncio.sleep(0)
    broken.check()
    assert [(one.ok, one.seen) for one in told] == [(False, "gone")]

    bug = gate_lamp.LampOrders(Wrong(KeyError("x")), 1, SystemClock(), told.append)
    await bug.order(0)
    await asyncio.sleep(0)
    with pytest.raises(KeyError):
        bug.check()


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ({"barriers": {"pins": [5]}}, "two lines of the chip"),
        ({"barriers": {"pins": [5, 5]}}, "two lines of the chip"),
        ({"pad": {"kind": "llrp"}, "barriers": {"kind": "pulses"}}, "wire the counter to"),
        ({"pad": {"marks": ["eas"]}}, "by the AFI"),
    ],
)
def test_what_cannot_be_counted_or_told_apart_is_refused(
    tmp_path: Path, more: dict[str, Any], seen: str
) -> None:
    with pytest.raises(ValidationError, match=seen):
        settings_of(GateSettings, tmp_path, GATE, **more)
