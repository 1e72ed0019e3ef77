"""A gate that is about to sound asks first: every cell, every order of events, and the loop around them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.fakes import FakeLamp
from firmware_bridge.ports import DeviceInfo, TagMemory
from firmware_bridge.tags.reading import ForeignTag, ItemTag, PatronTag, Security, TagReading
from kiosk.config import BrokerSettings, GatePolicy, GateSettings, PadSettings
from kiosk.gate import Known, Ruling, judge
from kiosk.gate_ask import prospects
from kiosk.gate_ask_loop import MOST, GateAsks
from kiosk.gate_loop import GateTold, GateWatch, Sounded
from kiosk.gate_passage import (
    STANDING_MS,
    Answered,
    Ask,
    Gate,
    GateEffect,
    GateEvent,
    Looked,
    Passed,
    Sound,
    TagAsked,
    TagSeen,
    step,
)
from wire.clock import FakeClock

POLICY = GatePolicy()
ALARM = Ruling("alarm", sound=True)
SOFT = Ruling("soft-alarm", "unsecured-not-lent")
SILENT = Ruling("pass", counted="silent")
LENT_BUT_SECURED = Ruling("pass", "lent-but-secured")
UNSURE_ALARM = Ruling("alarm", sound=True, degraded=True)
UNSURE_LENT = Ruling("pass", "lent-but-secured", degraded=True)
UNSURE_PASS = Ruling("pass", degraded=True, counted="silent")
PATIENCE_MS = 250

TABLE: tuple[tuple[Security, Known, tuple[Ruling, Ruling, Ruling] | None], ...] = (
    ("secured", "available", (LENT_BUT_SECURED, ALARM, UNSURE_ALARM)),
    ("secured", "loan", (LENT_BUT_SECURED, ALARM, UNSURE_LENT)),
    ("secured", "unknown", (LENT_BUT_SECURED, ALARM, UNSURE_ALARM)),
    ("secured", "absent", None),
    ("secured", "gone", None),
    ("unsecured", "available", (SILENT, SOFT, UNSURE_PASS)),
    ("unsecured", "loan", None),
    ("unsecured", "unknown", None),
    ("unsecured", "absent", None),
    ("unsecured", "gone", None),
    ("unknown", "available", (SILENT, SOFT, UNSURE_PASS)),
    ("unknown", "loan", None),
    ("unknown", "unknown", None),
    ("unknown", "absent", None),
    ("unknown", "gone", None),
)


def book(item: str, security: Security = "secured", uid: str = "") -> ItemTag:
    return ItemTag(uid or f"E0{item}", item, "DE-290", 1, 1, 1, security)


@pytest.mark.parametrize(("security", "known", "expected"), TABLE)
def test_each_cell_says_whether_is_asked_and_what_each_answer_means(
    security: Security, known: Known, expected: tuple[Ruling, Ruling, Ruling] | None
) -> None:
    found = prospects(book("30001", security), known, POLICY)

    assert (found and (found.ruling(True), found.ruling(False), found.ruling(None))) == expected
    assert len(TABLE) == 3 * 5


@pytest.mark.parametrize("reading", [PatronTag("E0"), ForeignTag("E0", "US-X", "secured")])
def test_nobody_asks_about_what_is_not_ours(reading: TagReading) -> None:
    assert prospects(reading, "available", GatePolicy(foreign="tag-decides")) is None


def test_with_soft_alarms_off_nobody_asks_about_a_clear_tag() -> None:
    assert prospects(book("1", "unsecured"), "available", GatePolicy(soft_alarm="off")) is None


# --- the passage ----------------------------------------------------------------------------------


class Door:
    """Plays a gate at which is asked."""

    def __init__(self) -> None:
        self.gate = Gate(gap_ms=500, within_ms=3000)
        self.t = 0
        self.effects: list[GateEffect] = []

    def do(self, event: GateEvent) -> "Door":
        self.gate, effects = step(self.gate, event)
        self.effects += effects
        return self

    def asks(self, tag: ItemTag, known: Known = "available") -> "Door":
        found = prospects(tag, known, POLICY)
        assert found is not None
        return self.do(TagAsked(self.t, tag.uid, tag, found, self.t, self.t + PATIENCE_MS))

    def sees(self, tag: ItemTag, known: Known) -> "Door":
        return self.do(TagSeen(self.t, tag.uid, tag, judge(tag, known, POLICY)))

    def hears(self, item: str, on_loan: bool | None) -> "Door":
        return self.do(Answered(self.t, item, on_loan))

    def look(self, *uids: str, ms: int = 50, times: int = 1) -> "Door":
        for _ in range(times):
            self.t += ms
            self.do(Looked(self.t, frozenset(uids)))
        return self

    def of(self, kind: type[GateEffect]) -> list[GateEffect]:
        return [one for one in self.effects if isinstance(one, kind)]

    def passed(self) -> Passed:
        (one,) = self.of(Passed)
        assert isinstance(one, Passed)
        return one


A, B = book("30001"), book("30002")


def test_an_item_lent_elsewhere_passes_with_its_case_and_nothing_sounds() -> None:
    door = Door().asks(A).look(A.uid).hears("30001", True).look(A.uid).look(times=20)

    assert door.of(Ask) == [Ask("30001")]
    assert door.of(Sound) == []
    assert (door.passed().verdict, door.passed().degraded) == ("pass", False)
    assert [(one.item, one.secured, one.case) for one in door.passed().items] == [
        ("30001", True, "lent-but-secured")
    ]


def test_an_item_lent_nowhere_sounds_when_the_answer_comes() -> None:
    door = Door().asks(A).look(A.uid)
    before = door.of(Sound)
    door.hears("30001", False).look(times=20)

    assert before == []
    assert door.of(Sound) == [Sound(0)]
    assert (door.passed().verdict, door.passed().degraded) == ("alarm", False)


def test_without_an_answer_the_tag_decides_when_its_time_is_over() -> None:
    door = Door().asks(A).look(A.uid, times=4)
    before = door.of(Sound)
    door.look(A.uid)
    at_once = door.of(Sound)
    door.hears("30001", True).look(times=20)

    assert (before, at_once, door.of(Sound)) == ([], [Sound(0)], [Sound(0)])
    assert (door.passed().verdict, door.passed().degraded) == ("alarm", True)


def test_two_tags_of_one_item_are_one_answer() -> None:
    other = book("30001", uid="E0-second")
    door = Door().asks(A).asks(other).hears("30001", True).look(A.uid, other.uid).look(times=20)

    assert door.gate.asking == {}
    assert [one.item for one in door.passed().items] == ["30001"]


def test_a_passage_waits_for_its_answers_and_keeps_what_was_decided_meanwhile() -> None:
    door = Door()
    door.gate = Gate(gap_ms=200, within_ms=3000)
    door.asks(A).sees(B, "available").look(ms=240)
    gone_and_not_over = door.of(Passed)
    door.hears("30001", False).look(times=20)

    assert gone_and_not_over == []
    assert door.of(Sound) == [Sound()]
    assert {one.item: one.verdict for one in door.passed().items} == {"30001": "alarm", "30002": "alarm"}


def test_the_answer_about_one_item_says_nothing_of_another() -> None:
    door = Door().asks(A).asks(B).hears("30001", True).hears("30003", True)

    assert list(door.gate.asking) == [B.uid]


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("asks"), st.sampled_from([A, B, book("30001", uid="E0-second")])),
        st.tuples(st.just("sees"), st.sampled_from([A, B])),
        st.tuples(st.just("hears"), st.tuples(st.sampled_from(["30001", "30002"]), st.sampled_from([True, False, None]))),
        st.tuples(st.just("look"), st.sets(st.sampled_from([A.uid, B.uid, "E0-second"]))),
        st.tuples(st.just("waits"), st.integers(1, 400)),
    ),
    max_size=60,
)  # fmt: skip


@given(EVENTS)
def test_whatever_happens_every_tag_is_ruled_on_and_every_alarm_is_recorded(
    events: list[tuple[str, object]],
) -> None:
    door, uids = Door(), set()
    for word, what in events:
        match word, what:
            case "asks", ItemTag() as tag:
                uids.add(tag.uid)
                door.asks(tag)
            case "sees", ItemTag() as tag:
                uids.add(tag.uid)
                door.sees(tag, "available")
            case "hears", (str() as item, (True | False | None) as said):
                door.hears(item, said)
            case "look", set() as there:
                door.look(*map(str, there))
            case "waits", int() as ms:
                door.t += ms
        assert not door.gate.asking.keys() & door.gate.seen.keys()
        assert word == "waits" or all(one.until > door.t for one in door.gate.asking.values())
    door.look(times=2).look(ms=STANDING_MS, times=2)
    passages = [one for one in door.of(Passed) if isinstance(one, Passed)]

    assert (door.gate.asking, door.gate.seen) == ({}, {})
    assert len(door.of(Sound)) == sum(one.verdict == "alarm" for one in passages)
    assert bool(passages) == bool(uids)


# --- the loop -------------------------------------------------------------------------------------


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
        gate.watch.finish()

    assert gate.verdicts() == {"30001": "alarm"}
