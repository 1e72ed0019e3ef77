"""Passages: direction by the barriers, one record per passage, one alarm in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.tags.reading import ItemTag, PatronTag
from kiosk.config_gate import GatePolicy
from kiosk.gate import Known, judge
from kiosk.gate_passage import (
    STANDING_MS,
    Counted,
    Gate,
    GateEffect,
    Looked,
    Passed,
    Person,
    Sound,
    TagSeen,
    step,
)

A, B = "E004015000000001", "E004015000000002"


class Door:
    """Plays a gate: `t` goes on by 100 ms with each look."""

    def __init__(self) -> None:
        self.gate = Gate(gap_ms=1500, within_ms=3000)
        self.t = 0
        self.effects: list[GateEffect] = []

    def look(self, *uids: str, inner: bool = False, outer: bool = False, times: int = 1) -> "Door":
        for _ in range(times):
            self.t += 100
            self._do(Looked(self.t, frozenset(uids), inner, outer))
        return self

    def tag(self, uid: str, known: Known = "available", *, item: str = "30001") -> "Door":
        reading = ItemTag(uid, item, "DE-290", 1, 1, 1, "secured")
        self._do(TagSeen(self.t, uid, reading, judge(reading, known, GatePolicy())))
        return self

    def walk(self, way: str, *uids: str) -> "Door":
        out = way == "out"
        self.look(*uids, inner=out, outer=not out, times=3)
        self.look(*uids, inner=True, outer=True, times=3)
        return self.look(*uids, inner=not out, outer=out, times=3)

    def _do(self, event: Looked | TagSeen | Counted) -> None:
        self.gate, effects = step(self.gate, event)
        self.effects += effects

    def of(self, kind: type) -> list[GateEffect]:
        return [effect for effect in self.effects if isinstance(effect, kind)]


def test_an_item_not_lent_sounds_at_once_and_is_recorded_when_the_field_is_empty() -> None:
    door = Door().look(A).tag(A)
    sounded_at_once = door.of(Sound)
    door.walk("out", A).look(times=20)
    (passed,) = door.of(Passed)

    assert sounded_at_once == [Sound()]
    assert isinstance(passed, Passed)
    assert (passed.verdict, passed.direction, passed.degraded) == ("alarm", "out", False)
    assert [one.item for one in passed.items] == ["30001"]


@pytest.mark.parametrize("way", ["in", "out"])
def test_the_barrier_that_breaks_first_tells_the_direction(way: str) -> None:
    door = Door().walk(way).look(times=3)

    assert door.of(Person) == [Person(way)]  # type: ignore[arg-type]  # a plain string from the table


def test_two_people_close_behind_each_other_are_two() -> None:
    door = Door().walk("in").walk("in")

    assert door.of(Person) == [Person("in"), Person("in")]


def test_somebody_who_hesitates_between_the_barriers_is_one() -> None:
    door = Door().look(inner=True).look(inner=True, outer=True).look(inner=True)
    door.look(inner=True, outer=True).look(outer=True).look()

    assert door.of(Person) == [Person("out")]


def test_somebody_who_turns_round_in_the_gate_is_not_counted() -> None:
    door = Door().look(inner=True, times=5).look(times=5)

    assert door.of(Person) == []


def test_somebody_who_stands_in_the_gate_too_long_is_not_counted() -> None:
    door = Door().look(inner=True, times=40).look(inner=True, outer=True).look(times=2)

    assert door.of(Person) == []


INNER, OUTER, BOTH, FREE = (True, False), (False, True), (True, True), (False, False)
COMING, GOING = (OUTER, BOTH, INNER, FREE), (INNER, BOTH, OUTER, FREE)
TURNING = ((OUTER, FREE), (OUTER, BOTH, OUTER, FREE), (INNER, BOTH, INNER, FREE), (INNER, FREE))


@given(st.lists(st.sampled_from([COMING, GOING, *TURNING])), st.integers(1, 3))
def test_any_row_of_people_is_counted_by_direction(
    people: list[tuple[tuple[bool, bool], ...]], times: int
) -> None:
    door = Door()
    for person in people:
        for inner, outer in person:
            door.look(inner=inner, outer=outer, times=times)

    assert len(door.of(Person)) == people.count(COMING) + people.count(GOING)
    assert door.of(Person).count(Person("in")) == people.count(COMING)


def test_two_at_once_are_nobody() -> None:
    assert Door().look(inner=True, outer=True, times=2).look().of(Person) == []


def test_somebody_who_is_gone_from_both_barriers_between_two_looks_came_through() -> None:
    assert Door().look(outer=True).look(inner=True, outer=True).look().of(Person) == [Person("in")]


def test_somebody_who_stands_between_the_barriers_is_counted_once_when_he_goes_on() -> None:
    door = Door().look(outer=True).look(inner=True, outer=True, times=100)
    before = list(door.of(Person))

    assert before == []
    assert door.look(inner=True).look().of(Person) == [Person("in")]


def test_what_a_people_counter_counted_gives_the_passage_its_direction_and_shows_a_blind_gate() -> None:
    door = Door()
    door._do(Counted(door.t, 2, 1))
    assert door.of(Person) == [Person("in"), Person("in"), Person("out")]
    assert door.gate.people_since_tag == 3

    door.look(times=100).look(A).tag(A)
    door._do(Counted(door.t, 0, 1))
    door.look(times=20)
    (passed,) = door.of(Passed)

    assert isinstance(passed, Passed)
    assert passed.direction == "out"


def test_one_passage_with_three_items_sounds_once() -> None:
    door = Door().look(A, B).tag(A).tag(B, item="30002").walk("out", A, B).look(times=20)
    (passed,) = door.of(Passed)

    assert door.of(Sound) == [Sound()]
    assert isinstance(passed, Passed)
    assert {one.item for one in passed.items} == {"30001", "30002"}


def test_lent_items_are_a_number_and_not_a_name() -> None:
    door = Door().look(A)
    reading = ItemTag(A, "30001", "DE-290", 1, 1, 1, "unsecured")
    door._do(TagSeen(door.t, A, reading, judge(reading, "loan", GatePolicy())))
    door.walk("out", A).look(times=20)
    (passed,) = door.of(Passed)

    assert isinstance(passed, Passed)
    assert (passed.verdict, passed.items, passed.silent) == ("pass", (), 1)


def test_a_patron_card_alone_leaves_no_record() -> None:
    door = Door().look(A)
    reading = PatronTag(A)
    door._do(TagSeen(door.t, A, reading, judge(reading, "absent", GatePolicy())))
    door.walk("out", A).look(times=20)

    assert door.of(Passed) == []


def test_a_short_gap_in_the_field_does_not_split_a_passage() -> None:
    door = Door().look(A).tag(A).look(times=10).look(A).look(times=20)

    assert len(door.of(Passed)) == 1


def test_a_book_cart_beside_the_gate_is_told_once() -> None:
    door = Door().look(A).tag(A).look(A, times=3 * STANDING_MS // 100)

    assert len(door.of(Sound)) == 1
    assert len(door.of(Passed)) == 1
    assert not door.gate.is_new(A)

    door.look(times=20)

    assert door.gate.is_new(A)


def test_people_who_carry_nothing_readable_make_the_gate_look_blind() -> None:
    door = Door()
    for _ in range(5):
        door.walk("out").look(times=3)
    before = door.gate.people_since_tag
    door.look(A).tag(A)

    assert before == 5
    assert door.gate.people_since_tag == 0


LOOKS = st.lists(
    st.tuples(st.sets(st.sampled_from([A, B])), st.booleans(), st.booleans(), st.integers(1, 30)), max_size=40
)


@given(LOOKS)
def test_whatever_happens_every_alarm_is_recorded_and_every_passage_ends(
    looks: list[tuple[set[str], bool, bool, int]],
) -> None:
    door = Door()
    for uids, inner, outer, times in looks:
        for uid in sorted(uids):
            if door.gate.is_new(uid):
                door.tag(uid, item=uid)
        door.look(*uids, inner=inner, outer=outer, times=times)
    door.look(times=40)
    passages = [one for one in door.of(Passed) if isinstance(one, Passed)]

    assert len(door.of(Sound)) == sum(one.verdict == "alarm" for one in passages)
    assert door.gate.seen == {}
