"""A gate at work: the production driver against a simulated gate, central and broker coming and going."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from edge_world import central_of, memory_link, running, settings_of, until
from scripted_central import ScriptedCentral

from kiosk.config_gate import GateSettings
from kiosk.daemon_gate import run_gate
from kiosk.station import Station
from sim.devices.gate_pad import GatePad
from sim.devices.tags import SimTag
from wire.clock import SystemClock
from wire.errors import ConfigError
from wire.link_memory import MemoryBroker

GATE = "gate-1"
PACE_S = 0.1


def book(number: int, *, afi: int = 0x07, owner: str = "DE-290") -> SimTag:
    return SimTag.for_item(f"E00401500000{number:04d}", f"3000{number}", owner, afi=afi)


class ShiftedClock(SystemClock):
    """The machine's clock, put forward by hand."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class World:
    broker: MemoryBroker
    central: ScriptedCentral
    pad: GatePad
    settings: GateSettings
    station: Station
    clock: "ShiftedClock"

    async def passages(self, count: int = 1) -> list[dict[str, Any]]:
        found = await self.central.until(lambda: self.central.bodies("passage/1")[count - 1 :])
        assert found
        return self.central.bodies("passage/1")

    def recorded(self) -> list[dict[str, Any]]:
        """Passages on the gate's own disk, whether or not anybody has heard of them."""
        db = sqlite3.connect(f"file:{self.settings.edge_db}?mode=ro", uri=True)
        rows = db.execute("SELECT body FROM outbox WHERE kind = 'passage/1' ORDER BY seq").fetchall()
        db.close()
        return [json.loads(row[0]) for row in rows]


@asynccontextmanager
async def gate(tmp_path: Path, *, items: dict[str, str] | None = None, **more: Any) -> AsyncIterator[World]:
    """A gate whose copy stands, with a central."""
    pad = GatePad()
    await pad.start()
    settings = settings_of(
        GateSettings,
        tmp_path,
        GATE,
        pad.port,
        **{"pad": {"owners": ["DE-290"]}, "passage_gap_ms": 300, **more},
    )
    broker = MemoryBroker()
    central = central_of(broker)
    for item, state in (items or {}).items():
        central.set_item(item, state, publish=False)
    stations: list[Station] = []
    link = memory_link(broker, settings, "gate")
    clock = ShiftedClock()
    async with running(central.run(), run_gate(settings, link=link, clock=clock, on_ready=stations.append)):
        await until(lambda: stations and stations[0].states.items_n is not None)
        yield World(broker, central, pad, settings, stations[0], clock)
    await pad.stop()


async def test_an_item_that_is_not_lent_lights_the_lamp_and_is_recorded(tmp_path: Path) -> None:
    async with gate(tmp_path, items={"30001": "available", "30002": "loan"}) as world:
        await world.pad.walk([book(1), book(2, afi=0xC2)], "out", pace_s=PACE_S)
        (passage,) = await world.passages()

    assert world.pad.lamp_orders == 1
    assert (passage["verdict"], passage["direction"], passage["degraded"]) == ("alarm", "out", False)
    assert [one["item"] for one in passage["items"]] == ["30001"]
    assert passage["silent"] == 1


async def test_a_lent_item_is_carried_out_in_silence(tmp_path: Path) -> None:
    async with gate(tmp_path, items={"30002": "loan"}) as world:
        await world.pad.walk([book(2, afi=0xC2)], "out", pace_s=PACE_S)
        (passage,) = await world.passages()

    assert world.pad.lamp_orders == 0
    assert (passage["verdict"], passage["items"], passage["silent"]) == ("pass", [], 1)


async def test_a_lent_item_whose_tag_is_secured_passes_with_a_case(tmp_path: Path) -> None:
    async with gate(tmp_path, items={"30002": "loan"}) as world:
        await world.pad.walk([book(2)], "out", pace_s=PACE_S)
        (passage,) = await world.passages()

    assert world.pad.lamp_orders == 0
    assert passage["items"][0]["case"] == "lent-but-secured"


async def test_a_loan_just_made_is_known_at_the_gate_at_once(tmp_path: Path) -> None:
    async with gate(tmp_path, items={"30001": "available"}) as world:
        world.central.set_item("30001", "loan")
        await until(lambda: world.station.states.items_n == 2)
        await world.pad.walk([book(1)], "out", pace_s=PACE_S)
        await world.passages()

    assert world.pad.lamp_orders == 0


async def test_a_change_that_was_lost_is_asked_for_with_the_next_one(tmp_path: Path) -> None:
    async with gate(tmp_path, items={"30001": "available"}) as world:
        world.central.set_item("30001", "loan", publish=False)
        world.central.set_item("30009", "loan")
        await until(lambda: world.station.states.items_n == 3)
        await world.pad.walk([book(1)], "out", pace_s=PACE_S)
        await world.passages()

    assert world.pad.lamp_orders == 0


async def test_the_gate_decides_from_its_copy_while_central_and_broker_are_away(tmp_path: Path) -> None:
    async with gate(tmp_path, items={"30001": "available", "30002": "loan"}) as world:
        world.broker.stop()
        await until(lambda: not world.station.connected)
        await world.pad.walk([book(1), book(2)], "out", pace_s=PACE_S)
        (away,) = await until(world.recorded)
        lamp = world.pad.lamp_orders
        world.broker.start()
        (told,) = await world.passages()

    assert lamp == 1
    assert (away["verdict"], away["degraded"]) == ("alarm", False)
    assert told == away


async def test_a_copy_that_is_too_old_lets_the_tag_decide_and_says_degraded(tmp_path: Path) -> None:
    async with gate(tmp_path, items={"30002": "loan"}) as world:
        world.broker.stop()
        await until(lambda: not world.station.connected)
        world.clock.ahead = timedelta(hours=2)
        await world.pad.walk([book(2)], "out", pace_s=PACE_S)
        (passage,) = await until(world.recorded)

    assert world.pad.lamp_orders == 1
    assert (passage["verdict"], passage["degraded"]) == ("alarm", True)


async def test_people_are_counted_in_and_out_and_told_together(tmp_path: Path) -> None:
    async with gate(tmp_path, count={"people": 3}) as world:
        for way in ("in", "in", "out"):
            await world.pad.walk([], way, pace_s=PACE_S)  # type: ignore[arg-type]  # one of the two
            await asyncio.sleep(PACE_S)  # the next one keeps a step away
        (count,) = await world.central.until(lambda: world.central.bodies("count/1"))

    assert (count["entered"], count["left"]) == (2, 1)


async def test_a_count_that_was_not_told_yet_is_written_down_at_the_end(tmp_path: Path) -> None:
    async with gate(tmp_path) as world:
        await world.pad.walk([], "in", pace_s=PACE_S)
        await until(lambda: world.station is not None)
        settings = world.settings
    db = sqlite3.connect(settings.edge_db)
    rows = db.execute("SELECT body FROM outbox WHERE kind = 'count/1'").fetchall()
    db.close()

    assert [json.loads(row[0])["entered"] for row in rows] == [1]


async def test_a_pulled_cable_is_told_and_clears_when_it_is_plugged_in(tmp_path: Path) -> None:
    async with gate(tmp_path) as world:
        await world.pad.unplug()
        await world.central.until(lambda: world.central.state(GATE, "parts")["parts"][0]["state"] == "lost")
        closed = await world.central.until(lambda: world.central.state(GATE, "work").get("reason"))
        await world.pad.plug()
        await world.central.until(lambda: world.central.state(GATE, "parts")["parts"][0]["state"] == "ok")
        await world.central.until(lambda: world.central.state(GATE, "work")["service"] == "open")

    assert closed == "gate reader lost"


async def test_a_selftest_asks_reader_barriers_and_lamp(tmp_path: Path) -> None:
    async with gate(tmp_path, items={"30001": "loan"}) as world:
        world.central.command(GATE, "selftest")
        (reply,) = await world.central.until(lambda: world.central.replies)

    assert reply["outcome"] == "done"
    assert "copy at 1" in reply["detail"]
    assert world.pad.lamp_orders == 1


async def test_a_resync_takes_a_fresh_copy(tmp_path: Path) -> None:
    async with gate(tmp_path, items={"30001": "loan"}) as world:
        world.central.items.clear()
        world.central.set_item("30005", "loan", publish=False)
        world.central.command(GATE, "resync")
        await world.central.until(lambda: world.central.replies)
        await until(lambda: world.station.states.items_n == 2)
        await world.pad.walk([book(1)], "out", pace_s=PACE_S)
        (passage,) = await world.passages()

    assert passage["items"][0]["case"] == "not-in-ledger"


async def test_people_who_pass_and_nothing_that_is_read_show_in_a_sample(tmp_path: Path) -> None:
    async with gate(tmp_path) as world:
        for _ in range(3):
            await world.pad.walk([], "out", pace_s=PACE_S)
            await asyncio.sleep(PACE_S)
        await world.central.until(
            lambda: any(
                one["values"]["people_since_tag"] == 3
                for one in world.central.samples.get(f"{GATE}/gate", [])
            )
        )


async def test_a_gate_without_its_key_says_what_to_do(tmp_path: Path) -> None:
    settings = settings_of(GateSettings, tmp_path, GATE)
    settings.items_key.unlink()
    broker = MemoryBroker()
    with pytest.raises(ConfigError, match="Enrol the station"):
        await run_gate(settings, link=memory_link(broker, settings, "gate"))
