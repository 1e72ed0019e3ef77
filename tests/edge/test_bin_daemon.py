"""A bin at work: the production driver against a simulated pad, returns with and without central."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_world import central_of, memory_link, running, settings_of, until
from scripted_central import ScriptedCentral

from kiosk.config_bin import BinSettings
from kiosk.daemon_bin import run_bin
from kiosk.station import Station
from sim.devices.feig_pad import FeigPad
from sim.devices.tags import SimTag
from wire.link_memory import MemoryBroker

BIN = "bin-1"


def book(number: int, *, part: int = 1, parts: int = 1) -> SimTag:
    uid = f"E0040150{part:04d}{number:04d}"
    return SimTag.for_item(uid, f"3000{number}", "DE-290", afi=0xC2, part=part, parts=parts)


@dataclass
class World:
    broker: MemoryBroker
    central: ScriptedCentral
    pad: FeigPad
    settings: BinSettings
    station: Station

    async def outcomes(self, count: int) -> list[tuple[str, str]]:
        """Wait for so many outcomes at central, and return (item, outcome)."""
        await self.central.until(lambda: len(self.central.bodies("secured/1")) >= count)
        return [(one["item"], one["outcome"]) for one in self.central.bodies("secured/1")]


@asynccontextmanager
async def bin_at(tmp_path: Path, **more: Any) -> AsyncIterator[World]:
    sim = FeigPad()
    await sim.start()
    settings = settings_of(BinSettings, tmp_path, BIN, sim.port, **{"write_s": 0.5, **more})
    broker = MemoryBroker()
    central = central_of(broker)
    stations: list[Station] = []
    link = memory_link(broker, settings, "bin")
    try:
        async with running(central.run(), run_bin(settings, link=link, on_ready=stations.append)):
            await central.until(lambda: central.state(BIN, "work").get("service"))
            yield World(broker, central, sim, settings, stations[0])
    finally:
        await sim.stop()


async def test_a_return_is_recorded_secured_and_read_back(tmp_path: Path) -> None:
    async with bin_at(tmp_path) as world:
        tag = book(1)
        world.pad.place(tag)
        outcomes = await world.outcomes(1)

    assert outcomes == [("30001", "verified")]
    assert (tag.afi, tag.afi_log) == (0x07, [0x07])
    assert [one["via"] for one in world.central.bodies("checkin/1")] == ["bin"]


async def test_where_eas_alone_secures_a_return_is_secured_by_it(tmp_path: Path) -> None:
    async with bin_at(tmp_path, pad={"marks": ["eas"]}) as world:
        tag = book(1)
        world.pad.place(tag)
        outcomes = await world.outcomes(1)

    assert outcomes == [("30001", "verified")]
    assert (tag.eas, tag.afi, tag.afi_log) == (True, 0xC2, [])


async def test_an_item_that_stays_is_returned_once_even_when_the_cable_was_out(tmp_path: Path) -> None:
    async with bin_at(tmp_path) as world:
        world.pad.place(book(1))
        await world.outcomes(1)
        await world.pad.unplug()
        await world.central.until(lambda: world.central.state(BIN, "work")["reason"] == "pad lost")
        await world.pad.plug()
        await world.central.until(lambda: world.central.state(BIN, "work")["service"] == "open")
        world.pad.place(book(2))
        outcomes = await world.outcomes(2)

    assert outcomes == [("30001", "verified"), ("30002", "verified")]


async def test_a_tag_that_refuses_a_few_writes_is_tried_again(tmp_path: Path) -> None:
    async with bin_at(tmp_path, write_s=5.0) as world:
        tag = book(1)
        tag.write_faults = 3
        world.pad.place(tag)
        outcomes = await world.outcomes(1)

    assert outcomes == [("30001", "verified")]
    assert tag.afi == 0x07


async def test_a_write_whose_answer_is_lost_is_settled_by_reading_back(tmp_path: Path) -> None:
    async with bin_at(tmp_path) as world:
        tag = book(1)
        tag.silent_writes = 1
        world.pad.place(tag)
        outcomes = await world.outcomes(1)

    assert outcomes == [("30001", "verified")]
    assert tag.afi_log == [0x07]


async def test_a_locked_tag_is_returned_and_told_as_failed(tmp_path: Path) -> None:
    async with bin_at(tmp_path) as world:
        tag = book(1)
        tag.afi_locked = True
        world.pad.place(tag)
        outcomes = await world.outcomes(1)

    assert outcomes == [("30001", "failed")]
    assert tag.afi == 0xC2


async def test_both_parts_of_a_set_are_secured_with_one_return(tmp_path: Path) -> None:
    async with bin_at(tmp_path) as world:
        tags = [book(1, part=n, parts=2) for n in (1, 2)]
        for tag in tags:
            world.pad.place(tag)
        await world.outcomes(1)
        await until(lambda: all(tag.afi == 0x07 for tag in tags))

    assert len(world.central.bodies("checkin/1")) == 1


async def test_a_full_bin_says_so_once_and_opens_when_it_was_emptied(tmp_path: Path) -> None:
    async with bin_at(tmp_path, capacity=3, full_at=2) as world:
        for number in (1, 2):
            world.pad.place(book(number))
            await world.outcomes(number)
        await world.central.until(lambda: world.central.state(BIN, "work")["reason"] == "bin full")
        world.pad.place(book(3))
        await world.central.until(lambda: world.central.bodies("incident/1"))
        late = len(world.central.bodies("checkin/1"))
        world.central.command(BIN, "open")
        outcomes = await world.outcomes(3)

    assert late == 2
    assert [one["what"] for one in world.central.bodies("incident/1")] == ["bin-full"]
    assert outcomes[-1] == ("30003", "verified")


async def test_the_count_outlives_a_restart(tmp_path: Path) -> None:
    async with bin_at(tmp_path, capacity=3, full_at=1) as world:
        world.pad.place(book(1))
        await world.outcomes(1)
        await world.central.until(lambda: world.central.state(BIN, "work")["reason"] == "bin full")
    async with bin_at(tmp_path, capacity=3, full_at=1) as world:
        await world.central.until(lambda: world.central.state(BIN, "work")["reason"] == "bin full")


async def test_returns_with_the_broker_away_are_taken_and_delivered_once(tmp_path: Path) -> None:
    async with bin_at(tmp_path) as world:
        world.broker.stop()
        await until(lambda: not world.station.connected)
        tags = [book(number) for number in range(1, 6)]
        for tag in tags:
            world.pad.place(tag)
        await until(lambda: all(tag.afi == 0x07 for tag in tags))
        world.broker.start()
        outcomes = await world.outcomes(5)
        await until(lambda: world.station.edge.depth().open == 0)

    assert sorted(outcomes) == [(f"3000{number}", "verified") for number in range(1, 6)]
    assert len(world.central.bodies("checkin/1")) == 5


async def test_a_full_outbox_closes_the_bin_with_its_reason_and_it_opens_by_itself(tmp_path: Path) -> None:
    async with bin_at(tmp_path, outbox={"rows": 100}) as world:
        world.central.silent = True
        await until(lambda: world.station.connected)
        while world.station.edge.depth().fill < 0.99:
            await world.station.edge.checkin("39999", "bin")
        await until(lambda: world.station.opening.service == "closed")
        world.pad.place(book(1))
        reason = await until(lambda: world.station.opening.reason)
        world.central.silent = False
        outcomes = await world.outcomes(1)

    assert reason == "outbox full"
    assert ("30001", "verified") in outcomes


async def test_an_operator_closes_and_opens_the_bin(tmp_path: Path) -> None:
    async with bin_at(tmp_path) as world:
        world.central.command(BIN, "close", "being moved")
        await world.central.until(lambda: world.central.state(BIN, "work")["reason"] == "being moved")
        world.pad.place(book(1))
        world.central.command(BIN, "selftest")
        await world.central.until(lambda: len(world.central.replies) == 2)
        before = len(world.central.bodies("checkin/1"))
        world.central.command(BIN, "open")
        outcomes = await world.outcomes(1)

    assert before == 0
    assert outcomes == [("30001", "verified")]
    assert world.central.replies[1]["outcome"] == "done"


async def test_a_foreign_or_blank_tag_is_not_returned(tmp_path: Path) -> None:
    async with bin_at(tmp_path, pad={"owners": ["DE-290"]}) as world:
        world.pad.place(SimTag("E004015000009998"))
        world.pad.place(SimTag.for_item("E004015000009999", "1", "DE-999", afi=0xC2))
        world.pad.place(book(1))
        outcomes = await world.outcomes(1)
        await world.central.until(
            lambda: any(
                one["values"]["not_items"] == 2 for one in world.central.samples.get(f"{BIN}/box", [])
            )
        )

    assert outcomes == [("30001", "verified")]


async def test_an_item_snatched_away_while_it_is_written_opens_a_case(tmp_path: Path) -> None:
    class Snatched(SimTag):
        """Leaves the field with the first write."""

        pad: FeigPad

        def write_afi(self, afi: int) -> None:
            self.pad.remove(self.uid)
            from sim.devices.tags import TagAway

            raise TagAway

    async with bin_at(tmp_path) as world:
        tag = Snatched(**vars(book(1)))
        tag.pad = world.pad
        world.pad.place(tag)
        outcomes = await world.outcomes(1)
        await asyncio.sleep(0)

    assert outcomes == [("30001", "unknown")]
    assert tag.afi == 0xC2
