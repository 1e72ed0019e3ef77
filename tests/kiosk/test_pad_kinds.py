"""Which driver a station's settings open: make, network or serial port, and what a gate cannot have."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.pcsc_pad import PcscPad
from firmware_bridge.threem.driver import ThreeMPad
from kiosk.config_devices import PadSettings
from kiosk.config_gate import GateSettings
from kiosk.config_kiosk import KioskSettings
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


PCSC = {"kind": "pcsc", "reader": "ACR1552"}


def test_a_pcsc_reader_is_a_pad_that_is_found_by_its_name() -> None:
    settings = PadSettings.model_validate(PCSC)

    assert type(open_pad(settings)) is PcscPad
    assert Device("pad", settings).address == "pcsc:ACR1552"


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ({"kind": "pcsc"}, "needs reader"),
        (PCSC | {"host": "127.0.0.1"}, "neither host nor serial"),
        (PCSC | {"serial": "/dev/ttyUSB0"}, "neither host nor serial"),
        (PCSC | {"way": "storage"}, "transparent"),
    ],
)
def test_a_pcsc_pad_has_a_name_and_a_way_that_writes_afis(told: dict[str, Any], seen: str) -> None:
    with pytest.raises(ValidationError, match=seen):
        PadSettings.model_validate(told)


STATION = {
    "name": "kiosk-1",
    "state_dir": "state",
    "broker": {"host": "b", "port": 1, "ca": "ca.pem", "cert": "c.pem", "key": "k.pem"},
    "pad": PCSC,
}


@pytest.mark.parametrize("card", [{}, {"reader": "ACR1552"}, {"reader": "acr1552 01"}, {"reader": "ACR"}])
def test_pad_and_card_reader_are_never_the_same_reader(card: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"needs reader, too|fit the same"):
        KioskSettings.model_validate(STATION | {"card": card})


def test_a_kiosk_with_two_readers_is_fine() -> None:
    settings = KioskSettings.model_validate(STATION | {"card": {"reader": "ACR122"}})

    assert (settings.pad.reader, settings.card.reader) == ("ACR1552", "ACR122")


def test_a_kiosk_where_nobody_could_show_a_card_is_refused() -> None:
    with pytest.raises(ValidationError, match="nobody could borrow"):
        KioskSettings.model_validate(STATION | {"card": {"fitted": False}})


def test_a_pcsc_reader_is_never_a_gate() -> None:
    gate = STATION | {"kind": "gate", "items_key": "items.key"}

    with pytest.raises(ValidationError, match="cannot be a gate"):
        GateSettings.model_validate(gate)


def test_receipts_need_a_printer() -> None:
    told = STATION | {"card": {"reader": "ACR122"}, "receipt": {}}

    with pytest.raises(ValidationError, match=r"needs \[printer\]"):
        KioskSettings.model_validate(told)
