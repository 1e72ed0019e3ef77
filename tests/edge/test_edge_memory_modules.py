"""What the running daemons have loaded, after they did their work: nothing that a small computer pays for in vain."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from lone_station import ROOT, SECURED, UNSECURED, LoneStation, lone_station
from real.broker import RealBroker

pytestmark = pytest.mark.broker

CENTRAL = {
    "sqlalchemy",
    "alembic",
    "influxdb_client",
    "influxdb",
    "asyncpg",
    "psycopg",
    "gmqtt",
    "mqtt5",
    "pymarc",
}
CONSOLE = {"textual", "rich"}
TEXTS = {"babel", "PIL", "escpos", "numpy", "email_validator", "cryptography"}
DEVICES = {"smartcard", "evdev", "gpiod", "pymodbus", "sllurp", "usb"}
"""None of them is in these stations' settings."""
HTTP = {"requests", "httpx", "aiohttp", "urllib3"}
FAR_TOO_HEAVY = CENTRAL | CONSOLE | TEXTS | DEVICES | HTTP
NOT_AT_THE_EDGE = ("central.", "monitor.", "sim.", "broker_config.", "circulation.", "turnleaf.cli_")
"""Packages of ours; the bare names are there, empty, because the command looks which sub-commands exist."""
PAGE = {"starlette", "uvicorn", "jinja2", "click", "anyio", "markupsafe"}
"""The kiosk's page alone needs these."""
OTHER_DRIVERS = ("llrp", "threem", "pcsc", "receipt_printer", "scanner")
"""Parts of firmware_bridge; a bin or a gate with a FEIG reader has none of them."""


SETTINGS = {f"kiosk.config_{kind}" for kind in ("kiosk", "gate", "bin", "patron")}
"""Models of settings."""


async def loaded(station: LoneStation) -> dict[str, Any]:
    """Ask the running process what it has loaded."""
    told = station.folder / "modules.json"
    os.kill(station.daemon.pid, signal.SIGUSR1)
    await station.until(told.exists)
    return dict(json.loads(told.read_text()))


def telling(folder: Path) -> dict[str, str]:
    return {"TURNLEAF_MODULES": str(folder / "modules.json"), "PYTHONPATH": f"{ROOT / 'tests/edge'}:{ROOT}"}


def tops(modules: list[str]) -> set[str]:
    return {name.split(".")[0] for name in modules}


async def take_a_return(bin_1: LoneStation) -> None:
    book = bin_1.book(1, afi=UNSECURED)
    bin_1.pad.place(book)
    await bin_1.written([book], SECURED)
    await bin_1.told("secured/1", 1)


async def lend(kiosk: LoneStation) -> None:
    book = kiosk.book(1)
    await kiosk.card()
    kiosk.pad.place(book)
    await kiosk.written([book], UNSECURED)
    await kiosk.told("tag-written/1", 1)


async def test_a_bin_that_takes_returns_loads_no_more_than_that_needs(
    tmp_path: Path, real_broker: RealBroker
) -> None:
    where = tmp_path / "bin"
    async with lone_station("bin", where, real_broker, telling(where), program="telling_station") as bin_1:
        await take_a_return(bin_1)
        told = await loaded(bin_1)

    assert {"pydantic", "paho", "sqlite3", "ssl"} <= tops(told["modules"])
    assert tops(told["modules"]) & (FAR_TOO_HEAVY | PAGE) == set()
    assert [name for name in told["modules"] if name.startswith(NOT_AT_THE_EDGE) or other_driver(name)] == []
    assert told["plugins"] == []
    assert set(told["modules"]) & SETTINGS == {"kiosk.config_bin"}


async def test_a_gate_loads_no_page_and_no_other_driver(tmp_path: Path, real_broker: RealBroker) -> None:
    where = tmp_path / "gate"
    async with lone_station("gate", where, real_broker, telling(where), program="telling_station") as gate_1:
        told = await loaded(gate_1)

    assert {"pydantic", "paho", "sqlite3", "ssl"} <= tops(told["modules"])
    assert tops(told["modules"]) & (FAR_TOO_HEAVY | PAGE) == set()
    assert [name for name in told["modules"] if name.startswith(NOT_AT_THE_EDGE) or other_driver(name)] == []
    assert told["plugins"] == []
    assert set(told["modules"]) & SETTINGS == {"kiosk.config_gate"}


async def test_a_kiosk_that_lends_loads_its_page_and_nothing_of_central_or_the_console(
    tmp_path: Path, real_broker: RealBroker
) -> None:
    where = tmp_path / "kiosk"
    async with lone_station("kiosk", where, real_broker, telling(where), program="telling_station") as kiosk:
        await lend(kiosk)
        told = await loaded(kiosk)

    assert {"pydantic", "paho", "sqlite3", "ssl", "starlette"} <= tops(told["modules"])
    assert tops(told["modules"]) & FAR_TOO_HEAVY == set()
    assert [name for name in told["modules"] if name.startswith(NOT_AT_THE_EDGE)] == []
    assert told["plugins"] == []
    assert set(told["modules"]) & SETTINGS == {"kiosk.config_kiosk", "kiosk.config_patron"}


def other_driver(name: str) -> bool:
    return name.startswith("firmware_bridge.") and any(part in name for part in OTHER_DRIVERS)
