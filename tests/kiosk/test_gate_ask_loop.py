"""The gate's loop with questions under way: nothing waits for an answer but the tag it is about."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from firmware_bridge.fakes import FakeLamp
from firmware_bridge.ports import DeviceInfo, TagMemory
from firmware_bridge.tags.reading import ItemTag, Security, TagReading
from kiosk.config_devices import PadSettings
from kiosk.config_gate import GateSettings
from kiosk.config_station import BrokerSettings
from kiosk.gate_ask_loop import MOST, GateAsks
from kiosk.gate_lamp import Sounded
from kiosk.gate_loop import GateTold, GateWatch
from kiosk.gate_passage import Passed
from wire.clock import FakeClock


def book(item: str, security: Security = "secured", uid: str = "") -> ItemTag:
    return ItemTag(uid or f"E0{item}", item, "DE-290", 1, 1, 1, security)


A, B = book("30001"), book("30002")


class Field(FakeLamp):
    """A gate's reader that knows its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, ItemTag] = {}
        self.slow: Callable[[], None] = lambda: None

    async def inventory(self) -> frozenset[str]:
        return frozenset(self.tags)

    async def reading(self, uid: str) -> TagReading:
        self.slow()
        await asyncio.sleep(0)
        return self.tags[uid]

    async def read_tag(self, uid: str) -> TagMemory:
        raise AssertionError(uid)

    async def inputs(self) -> int:
        return 0

    async def info(self) -> DeviceInfo:
        return DeviceInfo("scripted")


class Gateway:
    """A gate whose loop is driven look by look, and somebody who is asked."""

    def __init__(self) -> None:
        self.clock = FakeClock(datetime(2026, 11, 21, tzinfo=UTC))
        self.field = Field()
        self.told: list[GateTold] = []
        self.put: list[str] = []
        self.said: dict[str, asyncio.Future[bool | None]] = {}
        self.there = True
        broker = BrokerSettings(host="b", port=1, ca=Path("a"), cert=Path("a"), key=Path("a"))
        settings = GateSettings(
            name="gate-1", state_dir=Path("s"), broker=broker, pad=PadSettings(host="h"), items_key=Path("k"),
            passage_gap_ms=300,
        )  # fmt: skip
        self.asks = GateAsks(self._put, lambda: self.there, self.clock)
        self.watch = GateWatch(
            self.field, settings, self.clock, lambda _: "available", self.told.append, self.asks
        )

    async def _put(self, item: str) -> bool | None:
        self.put.append(item)
        return await self.said.setdefault(item, asyncio.get_running_loop().create_future())

    def carries(self, *tags: ItemTag) -> None:
        self.field.tags = {tag.uid: tag for tag in tags}

    async def hears(self, item: str, said: bool | None) -> None:
        self.said[item].set_result(said)
        for _ in range(3):
            await asyncio.sleep(0)

    async def look(self, ms: int = 50) -> None:
        self.clock.advance(ms / 1000)
        await self.watch.look()
        await asyncio.sleep(0)

    def verdicts(self) -> dict[str, str]:
        passages = [one for one in self.told if isinstance(one, Passed)]
        return {one.item: one.verdict for passage in passages for one in passage.items}


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    found = Gateway()
    running = asyncio.create_task(found.asks.run())
    await asyncio.sleep(0)
    try:
        yield found
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_all_tags_of_a_passage_are_asked_about_at_once() -> None:
    async with gateway() as gate:
        gate.carries(A, B, book("30003"))
        await gate.look()
        put = sorted(gate.put)
        await gate.hears("30002", True)
        await gate.hears("30001", True)
        await gate.hears("30003", False)
        await gate.look()
        gate.carries()
        for _ in range(8):
            await gate.look()

    assert put == ["30001", "30002", "30003"]
    assert gate.verdicts() == {"30001": "pass", "30002": "pass", "30003": "alarm"}
    assert len(gate.field.orders) == 1


async def test_what_was_answered_in_time_counts_however_slow_the_reader_is() -> None:
    async with gateway() as gate:
        gate.carries(A)
        await gate.look()
        await gate.hears("30001", True)
        gate.field.slow = lambda: gate.clock.advance(1.0)
        gate.carries(A, book("30009", "unsecured"))
        await gate.look()

    assert gate.field.orders == []


async def test_nobody_is_asked_while_nobody_is_there_and_the_copy_decides_at_once() -> None:
    async with gateway() as gate:
        gate.there = False
        gate.carries(A)
        await gate.look()

    assert gate.put == []
    assert [type(one) for one in gate.told] == [Sounded]


async def test_the_time_until_it_sounded_counts_from_when_the_tag_was_seen() -> None:
    async with gateway() as gate:
        gate.carries(A)
        await gate.look()
        gate.clock.advance(0.2)
        await gate.hears("30001", False)
        await gate.look(0)

    assert [one.after_ms for one in gate.told if isinstance(one, Sounded)] == [200.0]


async def test_more_questions_than_anybody_carries_are_not_put_and_the_tags_decide() -> None:
    async with gateway() as gate:
        gate.carries(*(book(f"3{number:04d}") for number in range(MOST + 5)))
        await gate.look()
        await gate.look()
        for item in list(gate.said):
            await gate.hears(item, True)
        gate.carries()
        for _ in range(8):
            await gate.look()

    assert len(gate.put) == MOST
    assert sorted(gate.verdicts().values()) == ["alarm"] * 5 + ["pass"] * MOST


async def test_one_question_about_an_item_is_under_way_at_a_time() -> None:
    async with gateway() as gate:
        gate.carries(A, book("30001", uid="E0-second"))
        await gate.look()
        put = list(gate.put)
        await gate.hears("30001", True)
        gate.carries()
        for _ in range(8):
            await gate.look()

    assert put == ["30001"]
    assert gate.verdicts() == {"30001": "pass"}


async def test_a_gate_that_ends_while_it_asks_records_what_the_tag_says() -> None:
    async with gateway() as gate:
        gate.carries(A)
        await gate.look()
        await gate.watch.finish()

    assert gate.verdicts() == {"30001": "alarm"}
