"""`turnleaf sensors`, the settings, and the foreign broker over TLS."""

import asyncio
import contextlib
import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sensors_kit import PASSWORD, USER, foreign

from broker_config import pki
from firmware_bridge.errors import DeviceLost
from firmware_bridge.sensors.ending import end_if_cancelled
from firmware_bridge.sensors.mapping import Raw
from firmware_bridge.sensors.mqtt import ForeignBroker, listen
from firmware_bridge.sensors.registers import Span
from kiosk.sensors.config import SensorsSettings, devices_of
from kiosk.sensors.store import RawStore
from turnleaf.cli import main
from wire.clock import SystemClock
from wire.errors import ConfigError
from wire.settings import load

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "sensors.toml"
HEAD = """
name = "sensors-1"
state_dir = "state"
[broker]
host = "b"
port = 8883
ca = "ca.pem"
cert = "cert.pem"
key = "key.pem"
"""
HALL = '[[map]]\npart = "hall"\nmeasure = "temperature"\ntopic = "t/hall"\n'


def config(folder: Path, text: str) -> Path:
    path = folder / "sensors.toml"
    path.write_text(HEAD + text)
    return path


def keep(folder: Path, *raws: tuple[str, str]) -> None:
    (folder / "state").mkdir()
    store = RawStore.open(folder / "state" / "sensors.db", keep=timedelta(7), keep_bytes=10**7)
    store.add([Raw(NOW, "mqtt", topic, payload.encode()) for topic, payload in raws])
    store.close()


def test_check_shows_what_is_read_and_a_mapping_that_can_be_pasted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(tmp_path, HALL)
    keep(tmp_path, ("t/hall", "21.5"), ("plug", '{"ENERGY": {"Power": 40}}'))

    assert main(["sensors", "check", "--config", str(path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(one["series"], one["value"]) for one in shown["mappings"]] == [("hall.temperature_c", 21.5)]
    path.write_text(path.read_text() + shown["unmapped"][0]["mapping"] + "\n")

    assert main(["sensors", "check", "--config", str(path), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert {one["series"]: one["value"] for one in again["mappings"]} == {
        "hall.temperature_c": 21.5,
        "plug.power_w": 40.0,
    }
    assert again["unmapped"] == []


def test_check_fails_while_a_mapping_reads_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(tmp_path, HALL)
    keep(tmp_path, ("t/hall", "unavailable"))

    assert main(["sensors", "check", "--config", str(path)]) == 1
    assert "no number" in capsys.readouterr().out


def test_backfill_says_what_would_be_sent_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(tmp_path, HALL)
    keep(tmp_path, ("t/hall", "21.5"), ("t/hall", "22"))

    for _ in range(2):
        assert main(["sensors", "backfill", "--dry-run", "--config", str(path), "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown["hall.temperature_c"]["values"] == 2


def test_before_anything_was_heard_check_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sensors", "check", "--config", str(config(tmp_path, HALL))]) == 2
    assert "turnleaf sensors run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HALL + HALL, "mapped twice"),
        (HALL.replace("t/hall", "t/#"), "one topic"),
        (HALL + 'device = "m"\n', "either a topic or a device"),
        (HALL.replace('topic = "t/hall"', 'device = "m"'), "needs an address"),
        (HALL.replace('topic = "t/hall"', 'device = "m"\naddress = 1'), "no Modbus device m"),
        (HALL + 'unit = "W"\n', "no unit of temperature"),
        (HALL + 'path = "a["\n', "not understood"),
        (HALL.replace('"hall"', '"mqtt"'), "name of a source"),
        (
            '[[modbus]]\nname = "m"\nhost = "h"\nread = [{ table = "input", address = 0, count = 126 }]',
            "at most 125",
        ),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_with_its_reason(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(config(tmp_path, text), SensorsSettings)

    assert why in str(refused.value)


def test_the_example_is_in_force_as_it_says() -> None:
    settings = load(EXAMPLE, SensorsSettings)

    assert len(tomllib.loads(EXAMPLE.read_text())["map"]) == len(settings.rules)
    assert devices_of(settings)[0].spans == (Span("input", 0, 20),)
    assert "mains.energy_kwh" in {rule.series for rule in settings.rules}


@pytest.mark.broker
async def test_a_foreign_broker_is_heard_over_tls_and_only_with_its_authority(tmp_path: Path) -> None:
    pki.init(tmp_path / "pki", ["127.0.0.1"])
    server, heard = tmp_path / "pki" / "server", asyncio.Queue[Raw]()
    async with foreign(tmp_path / "foreign", tls=(server / "cert.pem", server / "key.pem")) as mosquitto:
        ca, up = tmp_path / "pki" / "ca" / "ca.pem", asyncio.Event()
        where = ForeignBroker("127.0.0.1", mosquitto.port, "t", ("a/#",), USER, PASSWORD, ca)
        task = asyncio.create_task(listen(where, SystemClock(), heard.put_nowait, up.set))
        try:
            async with asyncio.timeout(20):
                await up.wait()
                await mosquitto.say("a/b", "7", ca=ca)
                raw = await heard.get()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        pki.init(tmp_path / "other", ["127.0.0.1"])
        stranger = ForeignBroker(
            "127.0.0.1", mosquitto.port, "t", ("a/#",), USER, PASSWORD, tmp_path / "other" / "ca" / "ca.pem"
        )
        with pytest.raises(DeviceLost):
            await listen(stranger, SystemClock(), heard.put_nowait, up.set)

    assert (raw.topic, raw.payload) == ("a/b", b"7")


async def test_a_cancellation_that_a_library_swallowed_still_ends_the_loop() -> None:
    rounds = 0

    async def loop() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
            end_if_cancelled()

    task = asyncio.create_task(loop())
    while not rounds:
        await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(task, return_exceptions=True)

    assert task.cancelled()
