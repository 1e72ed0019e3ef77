"""Counter, pins, printer's identity, pauses: what a technician is told, and how each comes back."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gpiod
import pytest
from gpiod.line import Bias, Value
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import counter as people
from firmware_bridge.backoff import Backoff
from firmware_bridge.counter import LineCounter, LineWatch, Pulses
from firmware_bridge.errors import DeviceLost, DeviceTimeout
from firmware_bridge.fakes import FakeBarriers
from firmware_bridge.gpio import FakeInputs, FakeLines, GpioInputs, GpioLamp, GpioSettings
from firmware_bridge.ports import DeviceInfo
from firmware_bridge.receipt_identity import MOST, Identity, answer_in, identity_of, question
from firmware_bridge.serial_line import port_info
from firmware_bridge.transport import open_tcp
from sim.devices.printer import EscposPrinter
from wire.errors import TurnleafError


class Scripted(FakeBarriers):
    """Inputs that fail as they are told to; `None` is a device that does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[DeviceLost | None] = []
        self.looks = 0

    async def inputs(self) -> int:
        self.looks += 1
        if self.faults:
            fault = self.faults.pop(0)
            if fault is None:
                await asyncio.sleep(3600)
            else:
                raise fault
        return self.value


@pytest.fixture
async def lines() -> Scripted:
    return Scripted()


async def until(wanted: Any) -> None:
    async with asyncio.timeout(10):
        while not wanted():
            await asyncio.sleep(0.001)


async def test_a_counter_lives_through_a_device_that_went_and_keeps_its_counts(lines: Scripted) -> None:
    counter, told = LineCounter(lines, Pulses(debounce_ms=0), poll_s=0.001), list[TurnleafError]()
    watching = asyncio.create_task(counter.watch(told.append))
    try:
        lines.value = 1
        await until(lambda: counter.health.looks)
        lines.faults = [DeviceLost("the reader is gone")]
        await until(lambda: told)
        looks = counter.health.looks
        lines.value = 0
        await until(lambda: counter.health.looks > looks)
        lines.value = 1
        await until(lambda: counter.health.looks > looks + 2)
        counted = await counter.counts()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    assert [error.seen for error in told] == ["the reader is gone"]
    assert counted == (2, 0)
    assert counter.health.losses == 1


async def test_a_device_that_is_silent_is_a_lost_one(
    lines: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "LOOK_S", 0.02)
    lines.faults = [None]
    counter = LineCounter(lines, Pulses())

    with pytest.raises(DeviceTimeout, match="were not told"):
        await counter.run()

    assert counter.health.losses == 1


async def test_a_line_that_is_on_for_too_long_is_stuck_and_one_that_moves_is_not(
    lines: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "STUCK_S", 0.03)
    counter = LineCounter(lines, Pulses(), poll_s=0.001)
    running = asyncio.create_task(counter.run())
    try:
        lines.value = 0b10
        await until(lambda: counter.health.stuck == frozenset({1}))
        lines.value = 0
        await until(lambda: counter.health.stuck == frozenset())
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_lamp_counts_its_alarms_and_what_went_wrong() -> None:
    pins = FakeLines()
    lamp = GpioLamp(GpioSettings(), lambda _: pins)
    await lamp.alarm(5)
    pins.broken = OSError("gone")
    with pytest.raises(DeviceLost):
        await lamp.alarm(5)
    lamp.close()

    assert (lamp.health.alarms, lamp.health.errors) == (1, 1)
    assert not pins.on


class StuckChip(FakeLines):
    """Lines of a chip that hangs in the kernel until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def switch(self, on: bool) -> None:
        self.free.wait(10)
        super().switch(on)


async def test_a_chip_that_hangs_holds_up_nobody_and_leaves_nothing_lit() -> None:
    chip = StuckChip()
    lamp = GpioLamp(GpioSettings(), lambda _: chip)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await lamp.alarm(0.02)
    assert chip.history == []
    chip.free.set()
    await until(lambda: chip.history == [True, False])
    lamp.close()

    assert chip.released


async def test_inputs_on_pins_are_read_as_bits_and_opened_anew_after_a_loss() -> None:
    pins, opened = FakeInputs(), list[tuple[int, ...]]()

    def open_pins(settings: GpioSettings) -> FakeInputs:
        opened.append(settings.lines)
        return pins

    inputs = GpioInputs(GpioSettings(lines=(5, 6)), open_pins)
    pins.value = 0b10
    assert await inputs.inputs() == 0b10
    pins.broken = OSError("gone")
    with pytest.raises(DeviceLost, match="cannot be read"):
        await inputs.inputs()
    assert pins.released
    pins.broken = None
    assert await inputs.inputs() == 0b10
    inputs.close()

    assert opened == [(5, 6), (5, 6)]


async def test_inputs_are_asked_of_the_kernel_with_the_pull_that_the_contact_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = list[Any]()
    request = SimpleNamespace(
        get_values=lambda numbers: [Value.ACTIVE if n == 6 else Value.INACTIVE for n in numbers],
        release=lambda: None,
    )

    def request_lines(*_: object, config: object, **__: object) -> SimpleNamespace:
        asked.append(config)
        return request

    monkeypatch.setattr(gpiod, "request_lines", request_lines)
    inputs = GpioInputs(GpioSettings(lines=(5, 6), active_low=True))

    assert await inputs.inputs() == 0b10
    inputs.close()
    assert asked[0][(5, 6)].bias is Bias.PULL_UP
    assert asked[0][(5, 6)].active_low


async def test_lines_are_seen_at_once_and_none_is_on_while_their_device_is_away(lines: Scripted) -> None:
    watch = LineWatch(lines, poll_s=0.001)
    watching = asyncio.create_task(watch.watch())
    try:
        lines.value = 0b11
        await until(lambda: watch.health.looks)
        assert await watch.inputs() == 0b11
        lines.faults = [DeviceLost("the board is gone")]
        await until(lambda: watch.health.losses)
        assert await watch.inputs() == 0
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_chip_says_what_it_is_by_its_label(monkeypatch: pytest.MonkeyPatch) -> None:
    class Chip:
        def __init__(self, path: str) -> None:
            assert path == "/dev/gpiochip4"

        def __enter__(self) -> "Chip":
            return self

        def __exit__(self, *_: object) -> None: ...

        def get_info(self) -> SimpleNamespace:
            return SimpleNamespace(name="gpiochip4", label="pinctrl-rp1", num_lines=54)

    monkeypatch.setitem(sys.modules, "gpiod", SimpleNamespace(Chip=Chip))

    found = await GpioLamp(GpioSettings(chip="/dev/gpiochip4")).info()

    assert found == DeviceInfo(model="pinctrl-rp1 (54 lines)", serial="gpiochip4")


async def test_a_chip_that_is_not_there_is_a_lost_device() -> None:
    with pytest.raises(DeviceLost, match="gpiochip-none"):
        await GpioLamp(GpioSettings(chip="/dev/gpiochip-none")).info()


@pytest.fixture
async def printer() -> AsyncIterator[EscposPrinter]:
    found = EscposPrinter()
    await found.start()
    yield found
    await found.stop()


async def test_a_printer_says_make_model_firmware_and_serial_number(printer: EscposPrinter) -> None:
    found = await identity_of(lambda: open_tcp(printer.host, printer.port))

    assert found == DeviceInfo("EPSON", "TM-T20II", "11.20", "J5KF018822")
    assert printer.paper == []


async def test_what_a_printer_does_not_answer_stays_empty(printer: EscposPrinter) -> None:
    del printer.identity[Identity.SERIAL]
    found = await identity_of(lambda: open_tcp(printer.host, printer.port), 0.1)
    await printer.unplug()
    gone = await identity_of(lambda: open_tcp(printer.host, printer.port), 0.1)

    assert found == DeviceInfo("EPSON", "TM-T20II", "11.20", "")
    assert gone == DeviceInfo()


def test_the_question_is_that_of_the_command_reference() -> None:
    assert question(Identity.MODEL) == bytes.fromhex("1D4943")


@given(st.binary(max_size=2 * MOST), st.binary(max_size=200))
def test_no_noise_of_a_printer_is_waited_for_for_ever_or_printed(noise: bytes, more: bytes) -> None:
    text = answer_in(noise + more + bytes(MOST))

    assert text is not None
    assert text == "" or (text.isascii() and text.isprintable())


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-. ", max_size=40), st.integers(0, 50))
def test_an_answer_is_heard_whole_however_it_is_cut(text: str, at: int) -> None:
    whole = b"\x5f" + text.encode() + b"\x00"

    assert answer_in(whole[: min(at, len(whole) - 1)]) is None
    assert answer_in(b"\x11" + whole) == text.strip()


@given(st.floats(0.01, 1.0), st.floats(1.0, 60.0), st.integers(1, 30))
def test_pauses_grow_to_their_cap_and_are_never_none(base: float, cap: float, tries: int) -> None:
    backoff = Backoff(base, cap_s=cap)
    pauses = [backoff.pause_s() for _ in range(tries)]

    assert all(base / 2 <= pause <= max(cap, base / 2) for pause in pauses)


def test_a_port_that_is_none_of_usb_tells_nothing(tmp_path: Path) -> None:
    assert port_info(str(tmp_path / "no-port")) == DeviceInfo()


def test_a_usb_port_is_found_behind_its_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, link = tmp_path / "ttyACM0", tmp_path / "by-id"
    real.touch()
    link.symlink_to(real)
    port = SimpleNamespace(
        device=str(real), manufacturer="Datalogic", product="Magellan", serial_number="S23"
    )
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [port])

    assert port_info(str(link)) == DeviceInfo("Datalogic", "Magellan", "", "S23")
