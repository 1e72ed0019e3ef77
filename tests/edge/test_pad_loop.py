"""A pad is watched through the production driver against a pad that speaks FEIG bytes over TCP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from firmware_bridge.tags.reading import BlankTag, ItemTag, UnknownTag
from kiosk.config_devices import PadSettings
from kiosk.pad_loop import PadEvent, PadFound, PadLost, PadSampled, Placed, Removed, open_pad, watch_pad
from sim.devices.feig_pad import FeigPad
from sim.devices.tags import SimTag
from wire.clock import SystemClock

UID = "E004015012345678"


class Watched:
    def __init__(self, sim: FeigPad) -> None:
        self.sim = sim
        self.events: asyncio.Queue[PadEvent] = asyncio.Queue()

    async def next(self, kind: type) -> PadEvent:
        async with asyncio.timeout(10):
            while True:
                event = await self.events.get()
                if isinstance(event, kind):
                    return event


@asynccontextmanager
async def watched(**more: object) -> AsyncIterator[Watched]:
    sim = FeigPad()
    await sim.start()
    settings = PadSettings.model_validate({"host": sim.host, "port": sim.port, "poll_ms": 20, **more})
    pad = open_pad(settings)
    seen = Watched(sim)
    task = asyncio.create_task(watch_pad(pad, settings, SystemClock(), seen.events.put_nowait, sample_s=0.1))
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await pad.close()
        await sim.stop()


async def test_an_item_that_is_laid_down_is_placed_with_its_reading_and_later_removed() -> None:
    async with watched(owners=("DE-290",)) as pad:
        assert isinstance(await pad.next(PadFound), PadFound)
        pad.sim.place(SimTag.for_item(UID, "30001", "DE-290"))
        placed = await pad.next(Placed)
        pad.sim.remove(UID)
        removed = await pad.next(Removed)

    assert isinstance(placed, Placed)
    assert placed.reading == ItemTag(UID, "30001", "DE-290", 1, 1, placed.reading.usage, "secured")  # type: ignore[union-attr]  # compared as a whole
    assert removed == Removed(UID)


async def test_a_pulled_cable_is_told_once_and_what_lies_there_is_not_placed_again() -> None:
    async with watched() as pad:
        pad.sim.place(SimTag.for_item(UID, "30001", "DE-290"))
        await pad.next(Placed)
        await pad.sim.unplug()
        await pad.next(PadLost)
        await pad.sim.plug()
        told: list[PadEvent] = []
        async with asyncio.timeout(10):
            while not told or not isinstance(told[-1], PadFound):
                told.append(await pad.events.get())
        other = "E004015087654321"
        pad.sim.place(SimTag.for_item(other, "30002", "DE-290"))
        placed = await pad.next(Placed)

    assert not any(isinstance(event, PadLost | Placed | Removed) for event in told)
    assert isinstance(placed, Placed)
    assert placed.uid == other


async def test_what_was_taken_away_while_the_cable_was_out_is_removed_afterwards() -> None:
    async with watched() as pad:
        pad.sim.place(SimTag.for_item(UID, "30001", "DE-290"))
        await pad.next(Placed)
        await pad.sim.unplug()
        await pad.next(PadLost)
        pad.sim.remove(UID)
        await pad.sim.plug()

        assert await pad.next(Removed) == Removed(UID)


async def test_a_blank_tag_is_told_as_blank() -> None:
    async with watched() as pad:
        pad.sim.place(SimTag(UID))
        placed = await pad.next(Placed)

    assert placed == Placed(UID, BlankTag(UID))


async def test_a_tag_that_never_reads_is_told_as_unknown_after_some_tries() -> None:
    class Mute(SimTag):
        def read(self, first: int, count: int) -> bytes:
            from sim.devices.tags import TagAway

            raise TagAway

    async with watched() as pad:
        pad.sim.place(Mute(UID))
        placed = await pad.next(Placed)

    assert isinstance(placed, Placed)
    assert isinstance(placed.reading, UnknownTag)


async def test_samples_say_how_well_the_pad_reads() -> None:
    async with watched() as pad:
        pad.sim.place(SimTag.for_item(UID, "30001", "DE-290"))
        await pad.next(Placed)
        await pad.next(PadSampled)
        sampled = await pad.next(PadSampled)

    assert isinstance(sampled, PadSampled)
    assert sampled.values["read_rate"] == 1.0
    assert sampled.values["response_ms"] > 0
    assert sampled.values["tags"] == 1.0
