"""Which driver a station's settings open: make, network or serial port, and what a gate cannot have."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.threem.driver import ThreeMPad
from kiosk.config import PadSettings
from kiosk.devices import Device, devices, selftest
from kiosk.pad_loop import PadEvent, PadFound, Placed, open_pad, watch_pad
from sim.devices.tags import SimTag
from sim.devices.threem_pad import ThreeMPad as SimPad
from wire.clock import SystemClock
from wire.errors import ConfigError, DeviceError


@pytest.mark.parametrize(
    ("told", "driver"),
    [
        ({"host": "127.0.0.1"}, FeigPad),
        ({"serial": "/dev/no-such-port"}, FeigPad),
        ({"kind": "3m", "host": "127.0.0.1", "port": 4001}, ThreeMPad),
        ({"kind": "3m", "serial": "/dev/no-such-port"}, ThreeMPad),
    ],
)
def test_the_settings_name_the_driver(told: dict[str, Any], driver: type) -> None:
    assert type(open_pad(PadSettings.model_validate(told))) is driver


@pytest.mark.parametrize("kind", ["feig", "3m"])
async def test_a_serial_port_that_is_not_there_is_a_lost_device(kind: str) -> None:
    pad = open_pad(PadSettings.model_validate({"kind": kind, "serial": "/dev/no-such-port"}))

    with pytest.raises(DeviceError, match="no-such-port: cannot be opened"):
        await pad.inventory()


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ({}, "neither is given"),
        ({"kind": "3m"}, "neither is given"),
        ({"host": "127.0.0.1", "serial": "/dev/ttyUSB0"}, "both are given"),
    ],
)
def test_a_reader_has_one_way_there(told: dict[str, Any], seen: str) -> None:
    with pytest.raises(ValidationError, match=f"either a host or a serial port; {seen}"):
        PadSettings.model_validate(told)


def test_a_pad_is_never_a_uhf_reader() -> None:
    with pytest.raises(ConfigError, match="cannot be a pad"):
        open_pad(PadSettings(kind="llrp", host="127.0.0.1", port=5084))


async def test_what_is_laid_on_a_3m_pad_is_told_and_its_selftest_runs(tmp_path: Path) -> None:
    sim = SimPad()
    await sim.start()
    sim.place(SimTag.for_item("E004015000000001", "31001", "DE-290"))
    path = tmp_path / "kiosk.toml"
    path.write_text(f'[pad]\nkind = "3m"\nhost = "127.0.0.1"\nport = {sim.port}\npoll_ms = 20\n')
    [device] = devices(path)
    assert isinstance(device.settings, PadSettings)
    pad, seen = open_pad(device.settings), list[PadEvent]()
    watching = asyncio.create_task(watch_pad(pad, device.settings, SystemClock(), seen.append))
    async with asyncio.timeout(10):
        while not any(isinstance(one, Placed) for one in seen):
            await asyncio.sleep(0.01)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await pad.close()
    checks = await selftest(device, SystemClock(), lamp=True)
    await sim.stop()

    assert isinstance(seen[0], PadFound)
    assert seen[0].info.make == "3M"
    assert all(check.ok for check in checks)
    assert checks[-1].seen == "this pad has neither lamp nor buzzer"


def test_the_address_of_a_serial_pad_is_its_port() -> None:
    assert Device("pad", PadSettings(serial="/dev/ttyUSB0")).address == "serial:/dev/ttyUSB0"
