"""`turnleaf device`: a technician's look at real drivers on speaking devices."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from test_tag_station import turnleaf

from kiosk.devices import devices, info, selftest
from sim.devices.feig_pad import FeigPad
from sim.devices.printer import EscposPrinter
from sim.devices.scanner import SerialScannerDevice
from sim.devices.tags import SimTag
from wire.clock import SystemClock
from wire.errors import ConfigError


@pytest.fixture
async def pad() -> AsyncIterator[FeigPad]:
    found = FeigPad()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def printer() -> AsyncIterator[EscposPrinter]:
    found = EscposPrinter()
    await found.start()
    yield found
    await found.stop()


def settings(folder: Path, pad: FeigPad, printer: EscposPrinter) -> Path:
    path = folder / "kiosk.toml"
    path.write_text(
        f'name = "kiosk-1"\n[pad]\nhost = "127.0.0.1"\nport = {pad.port}\ntimeout_s = 0.3\n'
        f'[printer]\nhost = "127.0.0.1"\nport = {printer.port}\n'
    )
    return path


async def lines(*words: object) -> tuple[int, list[dict[str, Any]]]:
    async with turnleaf("device", *words) as command:
        assert command.process.stdout is not None
        out = await command.process.stdout.read()
        return await command.end(), [json.loads(line) for line in out.splitlines()]


async def test_the_devices_of_a_station_are_listed_and_asked(
    tmp_path: Path, pad: FeigPad, printer: EscposPrinter
) -> None:
    station = settings(tmp_path, pad, printer)

    code, found = await lines("list", "--station", station)
    assert (code, [row["device"] for row in found]) == (0, ["pad", "printer"])
    assert found[0]["address"] == f"tcp://127.0.0.1:{pad.port}"

    code, found = await lines("info", "--station", station, "--device", "pad")
    assert (code, found[0]["make"]) == (0, "FEIG")
    assert found[0]["serial"]


async def test_a_pad_that_works_passes_and_its_tags_are_read_twice(
    tmp_path: Path, pad: FeigPad, printer: EscposPrinter
) -> None:
    pad.place(SimTag.for_item("E004010000000001", "1", "DE-290"))

    code, found = await lines("selftest", "--station", settings(tmp_path, pad, printer), "--lamp")

    assert code == 0
    assert [row["ok"] for row in found] == [True] * len(found)
    assert any("E004010000000001: " in row["seen"] for row in found)
    assert pad.lamp_orders == 1


async def test_what_is_wrong_is_said_with_its_mend_and_exit_one(
    tmp_path: Path, pad: FeigPad, printer: EscposPrinter
) -> None:
    station = settings(tmp_path, pad, printer)
    printer.use_up()
    await pad.unplug()

    code, found = await lines("selftest", "--station", station)

    assert code == 1
    assert [(row["device"], row["ok"]) for row in found] == [("pad", False), ("printer", False)]
    assert found[0]["do"]
    assert "paper" in found[1]["seen"]


async def test_a_pad_is_watched_over_a_pulled_cable(
    tmp_path: Path, pad: FeigPad, printer: EscposPrinter
) -> None:
    station = settings(tmp_path, pad, printer)
    async with turnleaf(
        "device", "watch", "--station", station, "--device", "pad", "--every", 0.05
    ) as command:
        assert (await command.next())["tags"] == 0
        await pad.unplug()
        while "lost" not in await command.next():
            pass
        await pad.plug()
        while "lost" in await command.next():
            pass
        command.interrupt()
        assert await command.end() == 0


async def test_what_is_plugged_in_here_can_be_listed() -> None:
    code, _ = await lines("list")

    assert code == 0


def test_a_file_without_devices_says_what_it_may_name(tmp_path: Path) -> None:
    path = tmp_path / "central.toml"
    path.write_text('ledger = "x"\n')

    with pytest.raises(ConfigError, match="names no device"):
        devices(path)


async def test_a_device_that_is_not_there_is_a_check_that_failed(tmp_path: Path, pad: FeigPad) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(f'[pad]\nhost = "127.0.0.1"\nport = {pad.port}\nconnect_timeout_s = 0.5\n')
    (found,) = devices(path)
    assert (await info(found)).make == "FEIG"
    await pad.stop()

    (check,) = await selftest(found, SystemClock())

    assert not check.ok
    assert "connect" in check.seen


async def test_a_printer_says_what_it_is(tmp_path: Path, pad: FeigPad, printer: EscposPrinter) -> None:
    code, found = await lines("info", "--station", settings(tmp_path, pad, printer), "--device", "printer")

    assert code == 0
    row = found[0]
    assert (row["make"], row["model"], row["firmware"]) == ("EPSON", "TM-T20II", "11.20")
    assert row["serial"]


async def test_a_scanner_is_found_and_one_that_is_unplugged_fails(tmp_path: Path) -> None:
    scanner = SerialScannerDevice()
    path = tmp_path / "kiosk.toml"
    path.write_text(f'[card]\nfitted = false\n[scanner]\nkind = "serial"\npath = "{scanner.path}"\n')

    code, found = await lines("list", "--station", path)
    assert (code, found) == (0, [{"device": "scanner", "address": f"serial:{scanner.path}"}])
    code, found = await lines("selftest", "--station", path)
    assert (code, found[0]["ok"], found[0]["device"]) == (0, True, "scanner")
    scanner.unplug()
    code, found = await lines("selftest", "--station", path)

    assert (code, found[0]["ok"]) == (1, False)
    assert "plug" in found[0]["do"]
