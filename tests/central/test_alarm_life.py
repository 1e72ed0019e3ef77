"""The life cycle of alarms after ISA-18.2, and the book that holds at most one for each key."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.alarms.book import Book
from central.alarms.life import (
    Acknowledge,
    Alarm,
    Event,
    Gone,
    OutOfService,
    Shelve,
    Stands,
    Suppress,
    Tick,
    raise_alarm,
    step,
)
from central.alarms.rules import Condition, Key
from central.alarms.say import alarm_of, message, row

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
KEY = Key("kiosk-1", "pad", "device-lost")


def condition(key: Key = KEY, *, for_s: float = 0.0, keep_s: float = 0.0) -> Condition:
    return Condition(key, "main", "act", "seen", "why", "do", for_s=for_s, keep_s=keep_s)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def live(*events: Event) -> Alarm:
    alarm = raise_alarm("a1", condition(), NOW)
    for second, event in enumerate(events, 1):
        alarm = step(alarm, event, at(second))
    return alarm


ACK, GONE, STANDS = Acknowledge("alice", "on it"), Gone(), Stands(condition())


@pytest.mark.parametrize(
    ("events", "state", "over"),
    [
        ((), "unacknowledged", False),
        ((ACK,), "acknowledged", False),
        ((ACK, GONE), "returned-unacknowledged", True),
        ((GONE,), "returned-unacknowledged", False),
        ((GONE, ACK), "returned-unacknowledged", True),
        ((GONE, STANDS), "unacknowledged", False),
        ((ACK, GONE, STANDS), "unacknowledged", False),
        ((Shelve("alice", at(60)),), "shelved", False),
        ((Shelve("alice", at(60)), GONE), "shelved", False),
        ((Suppress("station-lost"),), "suppressed", False),
        ((Suppress("station-lost"), Suppress("")), "unacknowledged", False),
        ((ACK, Suppress("station-lost"), Suppress("")), "acknowledged", False),
        ((OutOfService("alice"), GONE), "out-of-service", False),
        ((OutOfService("alice"), Shelve("bob", at(60)), Suppress("x")), "out-of-service", False),
        ((OutOfService("alice"), OutOfService("")), "unacknowledged", False),
    ],
)
def test_an_alarm_shows_where_it_is_in_its_life(events: tuple[Event, ...], state: str, over: bool) -> None:
    alarm = live(*events)

    assert (alarm.state, alarm.over) == (state, over)


def test_what_still_stands_when_its_shelf_time_ends_has_to_be_acknowledged_again() -> None:
    shelved = live(ACK, Shelve("alice", at(60), "spare part ordered"))

    before, after = step(shelved, Tick(), at(59)), step(shelved, Tick(), at(60))

    assert before.state == "shelved"
    assert after.state == "unacknowledged"
    assert step(step(shelved, GONE, at(30)), Tick(), at(60)).over


EVENTS = st.one_of(
    st.just(STANDS),
    st.just(GONE),
    st.just(ACK),
    st.builds(Shelve, st.just("alice"), st.integers(1, 40).map(at)),
    st.builds(Suppress, st.sampled_from(["", "station-lost"])),
    st.builds(OutOfService, st.sampled_from(["", "alice"])),
    st.just(Tick()),
)


@given(st.lists(EVENTS, max_size=20))
def test_no_history_hides_a_standing_alarm_without_a_person_or_a_bigger_alarm_behind_it(
    events: list[Event],
) -> None:
    alarm = raise_alarm("a1", condition(), NOW)
    for second, event in enumerate(events, 1):
        before, alarm = alarm, step(alarm, event, at(second))

        if alarm.standing:
            assert not alarm.over
            hidden = alarm.state in ("shelved", "suppressed", "out-of-service")
            assert hidden == bool(alarm.shelved_until or alarm.suppressed_by or alarm.out_of_service_by)
            if alarm.state == "acknowledged":
                assert alarm.by
        if not before.standing and alarm.standing:
            assert alarm.acknowledged_at is None
            assert alarm.times == before.times + 1
        if alarm.over:
            assert alarm.acknowledged_at is not None or alarm.suppressed_by
        assert alarm_of(row(alarm, at(second))) == alarm
        assert message(alarm).state == alarm.state


# --- the book

LOST = Key("kiosk-1", "", "station-lost")
OTHER = Key("kiosk-2", "pad", "device-lost")


def update(book: Book, found: list[Condition], second: float, scope: set[Key] | None = None) -> list[Alarm]:
    looked = scope if scope is not None else {KEY, LOST, OTHER}
    ids = (f"alarm-{number}" for number in count(len(book.alarms) + int(second * 1000)))
    return book.update(found, looked, ids, at(second))


def test_a_condition_is_an_alarm_once_it_stood_for_its_time() -> None:
    book = Book()

    assert update(book, [condition(for_s=5)], 0) == []
    assert update(book, [condition(for_s=5)], 4) == []
    assert update(book, [], 4.5) == []
    assert update(book, [condition(for_s=5)], 5) == []
    assert [alarm.key for alarm in update(book, [condition(for_s=5)], 10)] == [KEY]


def test_a_flickering_contact_is_one_alarm() -> None:
    book = Book()
    update(book, [condition(keep_s=3)], 0)
    changed = []
    for second in range(1, 20, 2):
        changed += update(book, [], second)
        changed += update(book, [condition(keep_s=3)], second + 1)

    assert changed == []
    assert book.alarms[KEY].times == 1


def test_a_lost_station_explains_what_its_parts_said() -> None:
    book = Book()
    update(book, [condition(), condition(OTHER)], 0)

    update(book, [condition(LOST), condition(OTHER)], 1, {LOST, OTHER})
    shown = {key: alarm.state for key, alarm in book.alarms.items()}
    update(book, [condition(), condition(OTHER)], 2)

    assert shown == {KEY: "suppressed", LOST: "unacknowledged", OTHER: "unacknowledged"}
    assert book.alarms[KEY].state == "unacknowledged"
    assert book.alarms[LOST].state == "returned-unacknowledged"


PAD, COUNTER = Key("gate-1", "pad", "device-lost"), Key("gate-1", "people-counter", "device-lost")
CABLE = [condition(PAD), replace(condition(COUNTER, for_s=10), explained_by=PAD)]
ALONE = [condition(COUNTER, for_s=10)]


@pytest.mark.parametrize("counter_first_s", [0, 1, 5])
def test_a_pulled_cable_is_one_alarm_whichever_part_says_it_first(counter_first_s: int) -> None:
    book, raised, scope = Book(), [], {PAD, COUNTER}
    for second in range(60):
        cut, back = second >= 10, second >= 40
        found = [] if not cut or back else ALONE if second < 10 + counter_first_s else CABLE
        if 40 <= second < 43:
            found = ALONE  # the reader is back, its lines are found a little later
        raised += [alarm.key for alarm in update(book, found, second, scope) if alarm.since == at(second)]

    assert raised == [PAD]


def test_a_counter_that_was_lost_before_its_reader_is_suppressed_while_that_is_lost() -> None:
    book, scope = Book(), {PAD, COUNTER}
    for second in range(12):
        update(book, ALONE, second, scope)
    before = book.alarms[COUNTER].state
    update(book, CABLE, 12, scope)
    while_lost = alarm_of(row(book.alarms[COUNTER], at(12)))
    after_restart = Book(alarms={PAD: book.alarms[PAD], COUNTER: while_lost})
    after_restart.tick(at(13))
    update(book, ALONE, 14, scope)

    assert (before, while_lost.state, while_lost.suppressed_by) == (
        "unacknowledged", "suppressed", "device-lost pad",
    )  # fmt: skip
    assert after_restart.alarms[COUNTER].state == "suppressed"
    assert book.alarms[COUNTER].state == "unacknowledged"


KEYS = [KEY, LOST, OTHER]
TURNS = st.lists(
    st.tuples(st.sets(st.sampled_from(KEYS)), st.sampled_from(["none", "ack", "shelve", "out", "in"])),
    max_size=25,
)


@given(TURNS, st.floats(0, 3), st.floats(0, 3))
def test_every_change_is_told_and_no_key_has_two_alarms(
    turns: list[tuple[set[Key], str]], for_s: float, keep_s: float
) -> None:
    book, told, ids = Book(), {}, count()
    for second, (standing, what) in enumerate(turns):
        found = [condition(key, for_s=for_s, keep_s=keep_s) for key in standing]
        changed = book.update(found, KEYS, (f"a{number}" for number in ids), at(second))
        changed += book.tick(at(second + 0.5))
        key = next(iter(book.alarms), None)
        if key is not None and what != "none":
            event: Event = {
                "ack": ACK,
                "shelve": Shelve("alice", at(second + 3)),
                "out": OutOfService("alice"),
                "in": OutOfService(""),
            }[what]
            changed += book.act(key, event, at(second + 0.7))
        for alarm in changed:
            if alarm.over:
                told.pop(alarm.alarm, None)
            else:
                told[alarm.alarm] = alarm

        assert {alarm.alarm: alarm for alarm in book.alarms.values()} == told
        assert len({alarm.key for alarm in told.values()}) == len(told)
        assert all(key in book.alarms or key in book.coming for key in standing if for_s > 0)
        assert for_s > 0 or standing <= set(book.alarms)


def test_words_follow_the_condition_without_a_new_alarm() -> None:
    book = Book()
    update(book, [condition()], 0)
    (changed,) = update(book, [replace(condition(), seen="still, and worse")], 1)

    assert (changed.seen, changed.since) == ("still, and worse", NOW)
