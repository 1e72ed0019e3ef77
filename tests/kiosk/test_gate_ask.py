"""A gate that is about to sound asks first: every cell, every order of events, and the loop around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.tags.reading import ForeignTag, ItemTag, PatronTag, Security, TagReading
from kiosk.config_gate import GatePolicy
from kiosk.gate import Known, Ruling, judge
from kiosk.gate_ask import prospects
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
