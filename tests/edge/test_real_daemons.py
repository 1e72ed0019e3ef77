"""Gate and bin as processes on a real Mosquitto: central away, the broker killed, the daemon killed."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from edge_world import running, until
from real.broker import RealBroker
from real_daemon import Daemon
from scripted_central import SUBSCRIPTIONS, ScriptedCentral

from sim.devices.feig_pad import FeigPad
from sim.devices.gate_pad import GatePad
from sim.devices.tags import SimTag

pytestmark = pytest.mark.broker

TOO_HEAVY = {
    "sqlalchemy",
    "influxdb_client",
    "textual",
    "starlette",
    "uvicorn",
    "jinja2",
    "alembic",
    "aiomqtt",
}
RSS_MB, OWN_MB = 55.0, 38.0
"""More than this and something was loaded that an edge daemon does not need: resident memory, and what of
it is the process's own and not pages of libraries. Measured: 47 and 31."""


def book(number: int, *, afi: int) -> SimTag:
    return SimTag.for_item(f"E00401500000{number:04d}", f"3000{number}", "DE-290", afi=afi)


@asynccontextmanager
async def daemon(kind: str, tmp_path: Path, broker: RealBroker) -> AsyncIterator[tuple[Daemon, GatePad]]:
    pad = GatePad()
    await pad.start()
    one = Daemon(kind, f"{kind}-1", tmp_path, broker, pad.port)
    try:
        yield one, pad
    finally:
        await one.kill()
        await pad.stop()


def central_of(broker: RealBroker, key: bytes) -> ScriptedCentral:
    return ScriptedCentral(broker.link("central", subscriptions=SUBSCRIPTIONS), key)


def afi_of(pad: FeigPad, number: int) -> int:
    return pad.tags[f"E00401500000{number:04d}"].afi


async def test_a_return_while_central_is_away_is_taken_and_confirmed_once(
    tmp_path: Path, real_broker: RealBroker
) -> None:
    async with daemon("bin", tmp_path, real_broker) as (bin_1, pad):
        await bin_1.start()
        for number in (1, 2, 3):
            pad.place(book(number, afi=0xC2))
        await until(lambda: all(afi_of(pad, number) == 0x07 for number in (1, 2, 3)))
        central = central_of(real_broker, bin_1.key)
        async with running(central.run()):
            await central.until(lambda: len(central.bodies("secured/1")) == 3)
            await central.until(lambda: central.state("bin-1", "work").get("outbox_open") == 0)
            await central.until(lambda: len(central.samples.get("bin-1/station", [])) > 1)
            rss_mb, own_mb = bin_1.measure()
            code = await bin_1.end()
            await central.until(lambda: central.state("bin-1", "status").get("state") == "left")

    assert sorted(one["item"] for one in central.bodies("checkin/1")) == ["30001", "30002", "30003"]
    assert {one["outcome"] for one in central.bodies("secured/1")} == {"verified"}
    assert len({entry.id for entry in central.taken}) == len(central.taken)
    assert code == 0
    assert rss_mb < RSS_MB
    assert own_mb < OWN_MB
    assert {name.split(".")[0] for name in bin_1.modules()} & TOO_HEAVY == set()


async def test_a_bin_that_is_killed_while_it_writes_says_unknown_and_takes_the_item_again(
    tmp_path: Path, real_broker: RealBroker
) -> None:
    async with daemon("bin", tmp_path, real_broker) as (bin_1, pad):
        await bin_1.start(write_s=30.0)
        central = central_of(real_broker, bin_1.key)
        async with running(central.run()):
            tag = book(1, afi=0xC2)
            tag.write_faults = 10_000
            pad.place(tag)
            await central.until(lambda: central.bodies("checkin/1"))
            await bin_1.kill()
            tag.write_faults = 0
            await bin_1.start()
            await central.until(lambda: len(central.bodies("secured/1")) == 2)
            await central.until(lambda: central.state("bin-1", "work").get("outbox_open") == 0)

    assert [one["outcome"] for one in central.bodies("secured/1")] == ["unknown", "verified"]
    assert len(central.bodies("checkin/1")) == 2
    assert tag.afi == 0x07


async def test_the_gate_decides_with_central_and_broker_away_and_tells_it_later_once(
    tmp_path: Path, real_broker: RealBroker
) -> None:
    async with daemon("gate", tmp_path, real_broker) as (gate_1, pad):
        central = central_of(real_broker, gate_1.key)
        for number in range(1, 300):
            central.set_item(f"3000{number}", "loan" if number == 2 else "available", publish=False)
        async with running(central.run()):
            await gate_1.start()
            await central.until(lambda: central.state("gate-1", "work").get("items_n") == 299)
            await real_broker.kill()
            await pad.walk([book(1, afi=0x07), book(2, afi=0xC2)], "out", pace_s=0.2)
            (away,) = await until(lambda: recorded(gate_1))
            lamp = pad.lamp_orders
            await real_broker.start()
            await central.until(lambda: central.bodies("passage/1"), timeout=60)
            await central.until(lambda: central.samples.get("gate-1/gate"))
            alarm_ms = [
                one["values"]["alarm_ms"]
                for one in central.samples["gate-1/gate"]
                if one["values"].get("alarm_ms")
            ]
            rss_mb, own_mb = gate_1.measure()
            code = await gate_1.end()

    assert lamp == 1
    assert (away["verdict"], away["degraded"], away["direction"]) == ("alarm", False, "out")
    assert central.bodies("passage/1") == [away]
    assert all(one < 250 for one in alarm_ms)
    assert code == 0
    assert rss_mb < RSS_MB
    assert own_mb < OWN_MB
    assert {name.split(".")[0] for name in gate_1.modules()} & TOO_HEAVY == set()


def recorded(gate_1: Daemon) -> list[dict[str, object]]:
    db = sqlite3.connect(f"file:{gate_1.state_dir / 'edge.db'}?mode=ro", uri=True)
    rows = db.execute("SELECT body FROM outbox WHERE kind = 'passage/1'").fetchall()
    db.close()
    return [json.loads(row[0]) for row in rows]


async def test_a_daemon_is_ready_without_a_broker_and_ends_on_a_signal(
    tmp_path: Path, real_broker: RealBroker
) -> None:
    await real_broker.kill()
    async with daemon("gate", tmp_path, real_broker) as (gate_1, _):
        await gate_1.start()
        ready_s = gate_1.ready_s
        code = await gate_1.end()

    assert ready_s < 10
    assert code == 0


async def test_a_wrong_setting_ends_with_its_line_and_code_two(
    tmp_path: Path, real_broker: RealBroker
) -> None:
    async with daemon("bin", tmp_path, real_broker) as (bin_1, _):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await bin_1.start(capacity=0)
        await until(lambda: "capacity" in bin_1.log)
        code = await bin_1.ended()

    assert code == 2


async def test_a_station_that_nobody_enrolled_ends_before_it_says_that_it_is_ready(
    tmp_path: Path, real_broker: RealBroker
) -> None:
    async with daemon("bin", tmp_path, real_broker) as (bin_1, _):
        (real_broker.folder / "identities" / "bin-1" / "cert.pem").unlink()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await bin_1.start()
        code = await bin_1.ended()

    assert code == 2
    assert "is ready" not in bin_1.log
    assert "turnleaf broker enrol" in bin_1.log


async def test_two_daemons_with_one_name_are_found_and_told(tmp_path: Path, real_broker: RealBroker) -> None:
    first = daemon("bin", tmp_path / "a", real_broker)
    second = daemon("bin", tmp_path / "b", real_broker)
    async with first as (one, _), second as (other, _):
        central = central_of(real_broker, one.key)
        async with running(central.run()):
            await one.start()
            await central.until(lambda: central.state("bin-1", "status").get("state") == "online")
            await other.start()
            await central.until(lambda: central.bodies("incident/1"), timeout=60)
            boots = {told["boot"] for told in central.states["bin-1/status"]}

    assert central.bodies("incident/1")[0]["what"] == "foreign-boot"
    assert len(boots) == 2
