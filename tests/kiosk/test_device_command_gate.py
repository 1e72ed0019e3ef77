"""`turnleaf device` on what a gate has, a UHF reader, inputs, a lamp on pins, and on pads that are not FEIG's."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from test_device_command import lines
from test_tag_station import turnleaf

from firmware_bridge import gpio
from firmware_bridge.gpio import FakeInputs, FakeLines
from firmware_bridge.ports import DeviceInfo
from firmware_bridge.tags.iso28560_4 import Uii, encode_epc
from kiosk import devices_gate
from kiosk.devices import devices, info, selftest, watch
from sim.devices.gate_pad import GatePad
from sim.devices.llrp_reader import FieldTag, SimLlrpReader
from sim.devices.pcscd import Pcscd
from sim.devices.tags import SimTag
from sim.devices.threem_pad import ThreeMPad
from sim.devices.vpcd_tag import TagOnReader
from wire.clock import SystemClock

CLOCK = SystemClock()


def tag(item: str, rssi: int = -50) -> FieldTag:
    bank = encode_epc(Uii(item, "DE-290"), 0x07)
    return FieldTag(bank[2:], int.from_bytes(bank[:2], "big"), rssi)


# --- a UHF reader -----------------------------------------------------------------------------------


@pytest.fixture
async def uhf() -> AsyncIterator[SimLlrpReader]:
    async with SimLlrpReader(rate=50) as reader:
        reader.field = {1: (tag("1"), tag("2")), 2: (tag("3", rssi=-90),)}
        yield reader


def uhf_station(folder: Path, port: int) -> Path:
    path = folder / "gate.toml"
    path.write_text(
        f'name = "gate-1"\nitems_key = "k"\n[pad]\nkind = "llrp"\nhost = "127.0.0.1"\nport = {port}\n[barriers]\n'
    )
    return path


async def test_a_uhf_reader_is_listed_and_says_what_it_is(tmp_path: Path, uhf: SimLlrpReader) -> None:
    station = uhf_station(tmp_path, uhf.port)

    code, found = await lines("list", "--station", station)
    assert (code, found) == (0, [{"device": "pad", "address": f"tcp://127.0.0.1:{uhf.port}"}])
    code, found = await lines("info", "--station", station)
    assert (code, found[0]["device"], found[0]["serial"]) == (0, "pad", "001625FFFF0000AA")


async def test_a_uhf_reader_is_tried_with_its_antennas_its_line_and_its_lamp(
    tmp_path: Path, uhf: SimLlrpReader
) -> None:
    code, found = await lines("selftest", "--station", uhf_station(tmp_path, uhf.port), "--lamp")

    assert (code, [row["ok"] for row in found]) == (0, [True] * 4)
    assert found[1]["tags"] == 3
    assert found[1]["reports_per_s"] > found[1]["weak_reports"] / 2 > 0
    assert found[2]["losses"] == 0
    assert (1, True) in uhf.gpo_log
    assert uhf.gpo[1] is False


async def test_a_uhf_reader_whose_antenna_is_off_or_that_is_away_fails_with_its_mend(
    tmp_path: Path, uhf: SimLlrpReader
) -> None:
    (device,) = devices(uhf_station(tmp_path, uhf.port))
    trying = asyncio.create_task(selftest(device, CLOCK))
    async with asyncio.timeout(10):
        while not uhf.reported:
            await asyncio.sleep(0.01)
    uhf.antenna(2, False)
    checks = await trying
    assert [check.ok for check in checks] == [True, False, True]
    assert "antenna 2 is not connected" in checks[1].seen

    uhf.faults.silent = True
    (check,) = await selftest(device, CLOCK)
    assert (check.ok, bool(check.do)) == (False, True)


async def test_a_uhf_reader_is_watched_over_a_lost_connection(tmp_path: Path, uhf: SimLlrpReader) -> None:
    station = uhf_station(tmp_path, uhf.port)
    async with turnleaf("device", "watch", "--station", station, "--every", 0.2) as command:
        while not (line := await command.next()).get("reads_per_s_antenna_1"):
            pass
        assert (line["tags"], line["losses"]) == (3, 0)
        uhf.faults.refuse = 1
        uhf.drop()
        while "lost" not in await command.next():
            pass
        uhf.faults.refuse = 0
        while not (line := await command.next()).get("tags"):
            pass
        assert line["reconnections"] == 1
        command.interrupt()
        assert await command.end() == 0


# --- inputs and a lamp ------------------------------------------------------------------------------


@pytest.fixture
async def gate() -> AsyncIterator[GatePad]:
    found = GatePad()
    await found.start()
    yield found
    await found.stop()


def feig_station(folder: Path, pad: GatePad, more: str) -> Path:
    path = folder / "gate.toml"
    path.write_text(
        f'name = "gate-1"\nitems_key = "k"\n[pad]\nhost = "127.0.0.1"\nport = {pad.port}\ntimeout_s = 0.3\n{more}'
    )
    return path


async def test_the_inputs_of_a_gates_reader_are_tried_and_a_counters_pulses_watched(
    tmp_path: Path, gate: GatePad
) -> None:
    station = feig_station(tmp_path, gate, '[barriers]\nkind = "pulses"\n')
    gate.inputs = 0b10
    code, found = await lines("selftest", "--station", station, "--device", "barriers")
    assert (code, found[0]["ok"]) == (0, True)
    assert found[0]["seen"].startswith("input 1 off, input 2 on")
    gate.inputs = 0

    watched = ("device", "watch", "--station", station, "--device", "barriers", "--every", 0.1)
    async with turnleaf(*watched) as command:
        while not (await command.next()).get("looks"):
            pass
        await gate.pulse(["in", "in", "out"], pulse_s=0.15)
        while (line := await command.next())["input_2_pulses"] < 1:
            pass
        assert (line["input_1_pulses"], line["input_2_pulses"]) == (2, 1)
        await gate.unplug()
        while "lost" not in await command.next():
            pass
        await gate.plug()
        while "lost" in (line := await command.next()):
            pass
        assert line["losses"] >= 1
        command.interrupt()
        assert await command.end() == 0


ON_PINS = "[lamp]\npins = [17]\n[barriers]\npins = [5, 6]\n"


async def test_what_is_on_pins_is_found_tried_and_watched(
    tmp_path: Path, gate: GatePad, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins, lamp = FakeInputs(), FakeLines()
    monkeypatch.setattr(gpio, "chip_info", lambda path: DeviceInfo(model="relay board", serial=path))
    monkeypatch.setattr(gpio, "open_gpiod_inputs", lambda _: pins)
    monkeypatch.setattr(gpio, "open_gpiod", lambda _: lamp)
    monkeypatch.setattr(devices_gate, "LAMP_ON_S", 0.01)
    pad, light, inputs = devices(feig_station(tmp_path, gate, ON_PINS))
    pins.value = 0b01

    assert (pad.name, light.address, inputs.address) == (
        "pad", "gpio:/dev/gpiochip0:17", "gpio:/dev/gpiochip0:5,6",
    )  # fmt: skip
    assert {(await info(one)).model for one in (light, inputs)} == {"relay board"}
    assert [check.ok for check in await selftest(light, CLOCK, lamp=True)] == [True, True]
    assert lamp.history[0]
    assert not lamp.on
    assert [check.seen[:25] for check in await selftest(inputs, CLOCK)] == ["input 1 on, input 2 off: "]
    async for line in watch(inputs, CLOCK, 0.05):
        if line.get("looks"):
            break
    assert line["inputs"] == "input 1 on, input 2 off"


async def test_pins_that_are_not_there_fail_with_what_to_do(tmp_path: Path, gate: GatePad) -> None:
    missing = 'chip = "/dev/gpiochip-none"\n'
    more = ON_PINS.replace("[17]\n", f"[17]\n{missing}") + missing
    code, found = await lines("selftest", "--station", feig_station(tmp_path, gate, more), "--lamp")

    assert code == 1
    assert [(row["device"], row["ok"]) for row in found if row["device"] != "pad"] == [
        ("lamp", False), ("barriers", False),
    ]  # fmt: skip
    assert all("gpiodetect" in row["do"] for row in found if row["device"] != "pad")


# --- pads of other makes ----------------------------------------------------------------------------


async def test_a_3m_pad_says_what_it_is_and_is_watched(tmp_path: Path) -> None:
    sim = ThreeMPad()
    await sim.start()
    sim.place(SimTag.for_item("E004015000000001", "31001", "DE-290"))
    path = tmp_path / "kiosk.toml"
    path.write_text(f'[pad]\nkind = "3m"\nhost = "127.0.0.1"\nport = {sim.port}\n')
    try:
        code, found = await lines("info", "--station", path)
        assert (code, found[0]["make"]) == (0, "3M")
        async with turnleaf("device", "watch", "--station", path, "--every", 0.05) as command:
            line = await command.next()
            assert (line["tags"], line["retries"]) == (1, 0)
            command.interrupt()
            assert await command.end() == 0
    finally:
        await sim.stop()


@pytest.mark.pcscd
async def test_a_pcsc_pad_says_what_it_is_and_its_tag_is_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Pcscd(tmp_path / "pcscd", ("Pad 1552",))
    await daemon.start()
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", daemon.environment["PCSCLITE_CSOCK_NAME"])
    path = tmp_path / "kiosk.toml"
    path.write_text('[pad]\nkind = "pcsc"\nreader = "Pad 1552"\nway = "transparent"\n')
    item = TagOnReader(SimTag.for_item("E004015000000001", "31001", "DE-290"))
    try:
        await item.insert(daemon.port(0))
        code, found = 0, list[dict[str, Any]]()
        async with asyncio.timeout(20):
            while not any("read twice" in row["seen"] for row in found):
                code, found = await lines("selftest", "--station", path)
        assert (code, [row["ok"] for row in found]) == (0, [True] * len(found))
        code, found = await lines("info", "--station", path)
        assert (code, found[0]["device"]) == (0, "pad")
    finally:
        await item.eject()
        await daemon.stop()
    assert os.environ["PCSCLITE_CSOCK_NAME"] == daemon.environment["PCSCLITE_CSOCK_NAME"]
