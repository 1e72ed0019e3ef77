"""A sensors station at work: a real Mosquitto and pymodbus's server at the far end, central beside it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from edge_world import central_of, memory_link, running, settings_of, until
from scripted_central import ScriptedCentral
from sensors_kit import PASSWORD, USER, ForeignMosquitto, foreign, free_port, modbus_server

from firmware_bridge.sensors.modbus import ModbusDevice, poll
from firmware_bridge.sensors.registers import Span
from kiosk.sensors.config import SensorsSettings
from kiosk.sensors.daemon import run_sensors
from kiosk.sensors.store import RawStore
from kiosk.station import Station
from wire.clock import SystemClock
from wire.link_memory import MemoryBroker

pytestmark = pytest.mark.broker

NAME = "sensors-1"
HALL = {
    "part": "hall",
    "place": "Entrance hall",
    "measure": "temperature",
    "topic": "z/hall",
    "path": "temperature",
}
DOOR = {"part": "door", "measure": "door", "topic": "z/door"}


class World:
    def __init__(self, tmp_path: Path, mosquitto: ForeignMosquitto | None) -> None:
        self.tmp_path = tmp_path
        self.broker = MemoryBroker()
        self.central: ScriptedCentral = central_of(self.broker)
        self.mqtt: dict[str, Any] | None = None
        if mosquitto is not None:
            word = tmp_path / "word"
            word.write_text(PASSWORD + "\n")
            self.mqtt = {"host": "127.0.0.1", "port": mosquitto.port, "username": USER, "password_file": word}

    @asynccontextmanager
    async def station(self, *maps: dict[str, Any], **more: Any) -> AsyncIterator[Station]:
        """Run one life of the daemon on the same folder."""
        settings = settings_of(SensorsSettings, self.tmp_path, NAME, mqtt=self.mqtt, map=list(maps), **more)
        stations: list[Station] = []
        link = memory_link(self.broker, settings, "sensors")
        async with running(run_sensors(settings, link=link, on_ready=stations.append)):
            await until(lambda: stations and stations[0].connected)
            if self.mqtt is not None:
                await self.part("mqtt", "ok")
            yield stations[0]

    def samples(self, part: str) -> list[dict[str, Any]]:
        return [one for key, many in self.central.samples.items() if part in key for one in many]

    def values(self, part: str) -> list[dict[str, float]]:
        return [one["values"] for one in self.samples(part)]

    async def part(self, part: str, state: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            parts = (self.central.state(NAME, "parts") or {}).get("parts", [])
            return next((one for one in parts if one["part"] == part and one["state"] == state), None)

        return await self.central.until(found)

    async def kept(self, count: int) -> None:
        """Wait until so many messages are in the file."""
        path = self.tmp_path / NAME / "sensors.db"

        def enough() -> bool:
            store = RawStore.look(path)
            try:
                return store.last() >= count
            finally:
                store.close()

        await until(enough)


@asynccontextmanager
async def world(tmp_path: Path) -> AsyncIterator[tuple[World, ForeignMosquitto]]:
    async with foreign(tmp_path / "foreign") as mosquitto:
        made = World(tmp_path, mosquitto)
        async with running(made.central.run()):
            yield made, mosquitto


async def test_a_sensors_value_comes_as_a_sample_with_its_place(tmp_path: Path) -> None:
    async with (
        world(tmp_path) as (one, mosquitto),
        one.station(HALL, {**HALL, "measure": "humidity", "path": "rh"}),
    ):
        await one.central.until(lambda: one.central.state(NAME, "status").get("state") == "online")

        await mosquitto.say("z/hall", json.dumps({"temperature": 21.4, "rh": 45}))

        await one.central.until(lambda: one.values("hall"))
        assert one.values("hall") == [{"temperature_c": 21.4, "humidity_percent": 45.0}]
        assert "late" not in one.samples("hall")[0]
        assert (await one.part("hall", "ok"))["place"] == "Entrance hall"


async def test_what_was_not_mapped_is_filled_in_by_a_later_mapping_with_its_own_time(tmp_path: Path) -> None:
    async with world(tmp_path) as (one, mosquitto):
        async with one.station():
            await mosquitto.say("z/hall", json.dumps({"temperature": 19.5}))
            await mosquitto.say("z/hall", json.dumps({"temperature": 20.5}))
            await one.kept(2)
        assert not one.values("hall")
        async with one.station(HALL):
            await one.central.until(lambda: len(one.values("hall")) >= 2)
            filled = one.samples("hall")

        assert [sample["values"]["temperature_c"] for sample in filled] == [19.5, 20.5]
        assert all(sample["late"] for sample in filled)
        store = RawStore.look(tmp_path / NAME / "sensors.db")
        try:
            own = [
                f"{kept.raw.at:%Y-%m-%dT%H:%M:%S}.{kept.raw.at.microsecond // 1000:03d}Z"
                for kept in store.page(0, 9)
            ]
        finally:
            store.close()
        assert own == [sample["at"] for sample in filled]


async def test_what_was_told_is_not_told_again_by_the_next_life(tmp_path: Path) -> None:
    async with world(tmp_path) as (one, mosquitto):
        async with one.station(HALL) as station:
            await until(lambda: station.central_online)
            await mosquitto.say("z/hall", '{"temperature": 21}')
            await one.central.until(lambda: one.values("hall"))
        async with one.station(HALL, DOOR) as station:
            await until(lambda: station.central_online)
            await mosquitto.say("z/door", "open")
            await one.central.until(lambda: one.values("door"))
            await mosquitto.say("z/hall", '{"temperature": 22}')
            await one.central.until(lambda: len(one.values("hall")) >= 2)

        assert [value["temperature_c"] for value in one.values("hall")] == [21.0, 22.0]


async def test_a_corrected_mapping_corrects_what_it_told(tmp_path: Path) -> None:
    async with world(tmp_path) as (one, mosquitto):
        async with one.station(HALL) as station:
            await until(lambda: station.central_online)
            await mosquitto.say("z/hall", '{"temperature": 68}')
            await one.central.until(lambda: one.values("hall"))
        async with one.station({**HALL, "unit": "F"}):
            await one.central.until(lambda: len(one.values("hall")) >= 2)

        wrong, right = one.samples("hall")
        assert (wrong["values"]["temperature_c"], round(right["values"]["temperature_c"], 6)) == (68.0, 20.0)
        assert wrong["at"] == right["at"]


async def test_values_of_a_time_without_central_are_told_late_and_a_doors_state_anew(tmp_path: Path) -> None:
    async with foreign(tmp_path / "foreign") as mosquitto:
        one = World(tmp_path, mosquitto)
        settings = settings_of(SensorsSettings, tmp_path, NAME, mqtt=one.mqtt, map=[HALL, DOOR])
        link = memory_link(one.broker, settings, "sensors")
        stations: list[Station] = []
        async with running(run_sensors(settings, link=link, on_ready=stations.append)):
            await until(lambda: stations and stations[0].states.part_state("mqtt") == "ok")
            await mosquitto.say("z/hall", '{"temperature": 17}')
            await mosquitto.say("z/door", "open")
            await one.kept(2)
            async with running(one.central.run()):
                await one.central.until(lambda: one.values("hall") and len(one.values("door")) >= 2)

        assert [sample.get("late") for sample in one.samples("hall")] == [True]
        assert {True, None} == {sample.get("late") for sample in one.samples("door")}


async def test_a_value_that_the_broker_kept_tells_a_door_and_no_temperature(tmp_path: Path) -> None:
    async with world(tmp_path) as (one, mosquitto):
        await mosquitto.say("z/door", "open", retain=True)
        await mosquitto.say("z/hall", '{"temperature": 99}', retain=True)
        async with one.station(HALL, DOOR):
            await one.central.until(lambda: one.values("door"))
            await one.kept(2)
            await mosquitto.say("z/hall", '{"temperature": 21}')
            await one.central.until(lambda: one.values("hall"))

        assert one.values("hall") == [{"temperature_c": 21.0}]


async def test_nothing_raw_is_ever_published(tmp_path: Path) -> None:
    async with world(tmp_path) as (one, mosquitto), one.station(HALL):
        await mosquitto.say("secret/topic", '{"who": "a-word-nobody-else-says"}')
        await mosquitto.say("z/hall", '{"temperature": 21, "who": "a-word-nobody-else-says"}')
        await one.central.until(lambda: one.values("hall"))
        everything = json.dumps(
            [one.central.samples, one.central.states, [str(e) for e in one.central.taken]]
        )

        assert "a-word-nobody-else-says" not in everything
        assert "secret/topic" not in everything


async def test_a_sensor_that_falls_silent_is_a_lost_part(tmp_path: Path) -> None:
    async with world(tmp_path) as (one, mosquitto), one.station({**HALL, "silent_after_s": 1.5}):
        await mosquitto.say("z/hall", '{"temperature": 21}')
        await one.part("hall", "ok")

        lost = await one.part("hall", "lost")

        assert lost["seen"] == "no temperature_c for more than 1.5 s"
        await mosquitto.say("z/hall", '{"temperature": 21}')
        await one.part("hall", "ok")


async def test_a_foreign_broker_that_goes_and_comes_is_heard_again(tmp_path: Path) -> None:
    async with world(tmp_path) as (one, mosquitto), one.station(HALL):
        await mosquitto.stop()
        await one.part("mqtt", "lost")
        await mosquitto.start()
        await one.part("mqtt", "ok")
        await mosquitto.say("z/hall", '{"temperature": 21}')

        await one.central.until(lambda: one.values("hall"))


async def test_registers_come_as_samples_and_a_later_mapping_reads_the_kept_ones(tmp_path: Path) -> None:
    read = [{"table": "input", "address": 0, "count": 4}]
    energy = {
        "part": "mains",
        "measure": "energy",
        "unit": "Wh",
        "device": "meter",
        "type": "uint32",
        "order": "CDAB",
    }
    one = World(tmp_path, None)
    async with running(one.central.run()), modbus_server([0xFFF6, 0x4240, 0x000F, 7]) as port:
        meter = {"name": "meter", "host": "127.0.0.1", "port": port, "every_s": 0.1, "read": read}
        cold = {
            "part": "store",
            "measure": "temperature",
            "device": "meter",
            "address": 0,
            "type": "int16",
            "scale": 0.1,
        }
        async with one.station(cold, modbus=[meter]):
            await one.central.until(lambda: one.values("store"))
            await one.part("meter", "ok")
            await one.central.until(lambda: one.values("meter"))
        assert one.values("store")[0] == {"temperature_c": -1.0}
        assert not one.values("mains")
        async with one.station(cold, {**energy, "address": 1}, modbus=[meter]):
            await one.central.until(lambda: [s for s in one.samples("mains") if s.get("late")])

        assert one.values("mains")[0] == {"energy_kwh": 1000.0}


async def test_a_modbus_device_that_is_away_is_lost_and_comes_back(tmp_path: Path) -> None:
    one, port = World(tmp_path, None), free_port()
    meter = {"name": "meter", "host": "127.0.0.1", "port": port, "every_s": 0.1, "timeout_s": 0.5}
    rule = {"part": "store", "measure": "power", "device": "meter", "address": 0}
    async with running(one.central.run()), one.station(rule, modbus=[meter]):
        await one.part("meter", "lost")
        async with modbus_server([41], port):
            await one.part("meter", "ok")
            await one.central.until(lambda: one.values("store"))
        await one.part("meter", "lost")


async def test_registers_that_a_device_does_not_have_are_named_and_the_others_read(tmp_path: Path) -> None:
    one = World(tmp_path, None)
    rules = [
        {"part": "store", "measure": "power", "device": "meter", "address": 0},
        {"part": "yard", "measure": "power", "device": "meter", "address": 500},
    ]
    async with running(one.central.run()), modbus_server([41]) as port:
        meter = {"name": "meter", "host": "127.0.0.1", "port": port, "every_s": 0.1}
        async with one.station(*rules, modbus=[meter]):
            degraded = await one.part("meter", "degraded")
            await one.central.until(lambda: one.values("store"))

        assert degraded["seen"] == "input/500: illegal data address"
        assert not one.values("yard")


async def test_a_wrong_password_is_told_and_the_station_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path) as (one, _):
        assert one.mqtt is not None
        one.mqtt = {**one.mqtt, "username": "nobody"}
        settings = settings_of(SensorsSettings, tmp_path, NAME, mqtt=one.mqtt)
        async with running(run_sensors(settings, link=memory_link(one.broker, settings, "sensors"))) as tasks:
            lost = await one.part("mqtt", "lost")
            while "not tried" in lost["seen"]:
                await asyncio.sleep(0.05)
                lost = await one.part("mqtt", "lost")

            assert PASSWORD not in lost["seen"]
            assert not tasks[0].done()


async def test_polling_ends_at_a_cancellation_in_whatever_turn_it_comes() -> None:
    async with modbus_server([1, 2, 3]) as port:
        device = ModbusDevice("meter", "127.0.0.1", port, every_s=0.0001, spans=(Span("input", 0, 3),))
        for turn in range(120):
            heard = asyncio.Event()
            polling = poll(
                device, SystemClock(), lambda _, heard=heard: heard.set(), lambda _: None, lambda _: None
            )
            task = asyncio.create_task(polling)
            await heard.wait()
            for _ in range(turn % 12):
                await asyncio.sleep(0)
            task.cancel()
            async with asyncio.timeout(10):
                await asyncio.wait({task})

            assert task.cancelled()
