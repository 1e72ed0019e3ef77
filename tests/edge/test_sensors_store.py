"""What was said is kept as it came, for some days and some bytes, and can be read again."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.sensors.mapping import InTopic, Raw, Rule
from kiosk.sensors.look import missed, seen, still_open
from kiosk.sensors.readings import Rules
from kiosk.sensors.store import RawStore
from wire.errors import ConfigError
from wire.messages.states import Sample

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
HALL = Rule("hall", "temperature_c", InTopic("t/hall"))


def said(hours: float, payload: bytes = b"21", topic: str = "t/hall") -> Raw:
    return Raw(NOW - timedelta(hours=hours), "mqtt", topic, payload)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RawStore]:
    one = RawStore.open(tmp_path / "sensors.db", keep=timedelta(days=7), keep_bytes=1024 * 1024)
    yield one
    one.close()


def test_messages_are_kept_in_order_and_as_they_came(store: RawStore) -> None:
    raws = [said(2, b"\xff\x00"), said(1, b"", "t/\u00e4")]

    numbers = store.add(raws)

    assert raws == [kept.raw for kept in store.page(0, 9)]
    assert raws[1:] == [kept.raw for kept in store.page(numbers[0], 9)]


def test_what_is_older_than_seven_days_goes_and_its_marks_with_it(store: RawStore) -> None:
    numbers = store.add([said(24 * 7 + 1), said(24 * 7 - 1)])
    store.mark([(number, 5) for number in numbers])

    gone = store.prune(NOW)

    assert gone == 1
    assert [numbers[1]] == [kept.number for kept in store.page(0, 9)]
    assert frozenset({5}) == store.page(0, 9)[0].told


def test_the_file_stays_below_its_bytes_and_the_newest_stay(store: RawStore) -> None:
    for _ in range(8):
        numbers = store.add([said(1, bytes(8000))] * 50)
        store.prune(NOW)

    kept = store.page(0, 1000)
    assert store.size() <= 1024 * 1024
    assert numbers[-1] == kept[-1].number
    assert len(kept) >= 50


def test_a_number_is_never_given_twice_even_when_all_is_forgotten(store: RawStore) -> None:
    first = store.add([said(24 * 8)])
    store.prune(NOW)

    assert store.add([said(0)])[0] > first[0]


def test_new_rules_look_from_the_beginning_and_known_ones_go_on(store: RawStore) -> None:
    store.add([said(3), said(2)])
    store.looked(Rules([HALL]).key, 2)

    assert store.upto(Rules([HALL]).key) == 2
    assert store.upto(Rules([HALL, Rule("a", "b", InTopic("c"))]).key) == 0


def test_what_was_missed_is_counted_without_what_was_told(store: RawStore) -> None:
    numbers = store.add([said(3), said(2), said(1), said(1, b"no number")])
    store.mark([(numbers[0], HALL.mark)])

    found = missed(Rules([HALL]), store)

    assert {"hall.temperature_c"} == set(found)
    assert (2, NOW - timedelta(hours=2), NOW - timedelta(hours=1)) == (
        found["hall.temperature_c"].count,
        found["hall.temperature_c"].since,
        found["hall.temperature_c"].until,
    )


def test_check_looks_at_the_last_message_of_each_topic(store: RawStore) -> None:
    store.add([said(3, b"20"), said(1, b"22"), said(1, b'{"power": 4}', "plug")])
    rules = Rules([HALL, Rule("x", "y", InTopic("never"))])

    hall, never = seen(rules, store.latest())

    assert (hall.value, hall.why) == (22.0, "")
    assert (never.value, never.why) == (None, "nothing heard")
    assert [(one.topic, one.path) for one in still_open(rules, store.latest())] == [("plug", "power")]


def test_the_file_is_for_its_owner_alone_and_a_missing_one_says_what_to_do(tmp_path: Path) -> None:
    RawStore.open(tmp_path / "a.db", keep=timedelta(1), keep_bytes=1).close()

    assert (tmp_path / "a.db").stat().st_mode & 0o077 == 0
    with pytest.raises(ConfigError, match="nothing was kept yet"):
        RawStore.look(tmp_path / "b.db")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database" * 100)

    with pytest.raises(ConfigError, match=r"a\.db"):
        RawStore.open(tmp_path / "a.db", keep=timedelta(1), keep_bytes=1)


@settings(max_examples=30)
@given(st.integers(-(10**15), 10**15))
def test_a_time_that_was_kept_is_the_same_moment_on_the_wire(microseconds: int) -> None:
    at = NOW + timedelta(microseconds=microseconds)

    def wire(when: datetime) -> bytes:
        return Sample(n=1, values={}, at=when, boot="A", mono=0).encode()

    with tempfile.TemporaryDirectory() as folder:
        store = RawStore.open(Path(folder) / "a.db", keep=timedelta(1), keep_bytes=1)
        store.add([Raw(at, "mqtt", "t", b"")])
        kept = store.page(0, 1)[0].raw.at
        store.close()

    assert wire(at) == wire(kept)
