"""The fold of the fleet: whatever the order, the repetitions and the gaps, what was said last is what stands."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from monitor.feed import Batch, Inbox, apply
from monitor.fleet import EVENTS_KEPT, Arrived, Fleet, begin, fold, settle
from wire.messages.states import AlarmState, CentralStatus, FeedEvent, FleetEntry, Occupancy
from wire.topics import topic

AT = datetime(2027, 5, 4, 9, 30, tzinfo=UTC)
BRANCHES = ("main", "north")


def entry(station: str = "kiosk-1", branch: str = "main", loans: int = 0) -> bytes:
    return FleetEntry(
        station=station,
        branch=branch,
        kind="kiosk",
        glyph="ok",
        word="fine",
        since=AT,
        at=AT,
        loans_today=loans,
    ).encode()


def alarm(name: str, branch: str, minutes: int = 0) -> bytes:
    return AlarmState(
        alarm=name, station="kiosk-1", branch=branch, rule="device-lost", severity="act",
        state="unacknowledged", since=AT, at=AT + timedelta(minutes=minutes), seen="s", why="w", do="d",
    ).encode()  # fmt: skip


def count(branch: str, inside: int) -> bytes:
    return Occupancy(branch=branch, at=AT, entered=inside, left=0, inside=inside).encode()


def news(n: int, boot: str = "c1", branch: str = "main", station: str = "kiosk-1") -> Arrived:
    told = FeedEvent(boot=boot, n=n, at=AT, station=station, event="checkout")
    return Arrived(topic("feed", branch=branch), told.encode(), AT)


def central(at: datetime = AT, state: str = "online") -> bytes:
    said = {"state": state, "boot": "c1", "at": at, "version": "1"}
    return CentralStatus.model_validate(said).encode()


@cache
def payloads(place: str) -> list[bytes]:
    """Three different things that may be said on a retained topic, and that it is emptied."""
    kind, branch, name = place.split("/")
    said = {
        "fleet": lambda n: entry(name, branch, n),
        "alarm": lambda n: alarm(name, branch, n),
        "occupancy": lambda n: count(branch, n),
        "central": lambda n: central(AT + timedelta(minutes=n)),
    }[kind]
    return [*map(said, range(3)), b""]


NAMES = ("fleet/kiosk-1", "fleet/gate-1", "alarm/a1", "alarm/a2", "occupancy/-")
PLACES = ("central/-/-", *(name.replace("/", f"/{branch}/") for branch in BRANCHES for name in NAMES))


def where(place: str) -> str:
    kind, branch, name = place.split("/")
    match kind:
        case "fleet":
            return topic("fleet", branch=branch, station=name)
        case "alarm":
            return topic("alarm", branch=branch, alarm=name)
        case "occupancy":
            return topic("occupancy", branch=branch)
    return topic("central")


@st.composite
def said(draw: st.DrawFn) -> Arrived:
    place = draw(st.sampled_from(PLACES))
    return Arrived(where(place), draw(st.sampled_from(payloads(place))))


histories = st.lists(said(), max_size=40)


def merged(history: Sequence[Arrived], rolls: Sequence[int]) -> list[Arrived]:
    """Another order of the same messages; the order within each topic stays, as MQTT promises."""
    waiting: dict[str, list[Arrived]] = {}
    for one in history:
        waiting.setdefault(one.topic, []).append(one)
    found = []
    for roll in rolls:
        names = sorted(waiting)
        name = names[roll % len(names)]
        found.append(waiting[name].pop(0))
        if not waiting[name]:
            del waiting[name]
    return found


def stands(fleet: Fleet) -> tuple[object, ...]:
    return dict(fleet.stations), dict(fleet.alarms), dict(fleet.occupancy), fleet.central


@given(st.data(), histories)
def test_the_order_in_which_topics_arrive_does_not_matter(
    data: st.DataObject, history: list[Arrived]
) -> None:
    rolls = data.draw(st.lists(st.integers(0, 99), min_size=len(history), max_size=len(history)))

    assert stands(fold(Fleet(), history)) == stands(fold(Fleet(), merged(history, rolls)))


@given(histories, st.integers(1, 3))
def test_a_repeated_message_changes_nothing(history: list[Arrived], times: int) -> None:
    again = [one for one in history for _ in range(times)]

    assert stands(fold(Fleet(), history)) == stands(fold(Fleet(), again))


@given(histories)
def test_what_was_emptied_last_is_gone_and_all_else_stands(history: list[Arrived]) -> None:
    last = {one.topic: one.payload for one in history}

    fleet = fold(Fleet(), history)

    expected = {name for name, payload in last.items() if payload}
    assert expected == set(begin(fleet).unconfirmed)


@given(histories, st.integers(0, 40))
def test_batches_give_what_single_messages_give(history: list[Arrived], cut: int) -> None:
    whole = fold(Fleet(), history)

    assert whole == fold(fold(Fleet(), history[:cut]), history[cut:])


@given(histories, st.sets(st.integers(0, 40)))
def test_looking_seldom_misses_no_state(history: list[Arrived], looks: set[int]) -> None:
    inbox, fleet = Inbox(), Fleet()
    for number, one in enumerate(history):
        inbox.put(one)
        if number in looks:
            fleet = apply(fleet, inbox.take())

    assert stands(fold(Fleet(), history)) == stands(apply(fleet, inbox.take()))


@given(histories, histories, st.sets(st.integers(0, 40)))
def test_after_a_reconnect_what_the_broker_says_is_what_stands(
    before: list[Arrived], away: list[Arrived], looks: set[int]
) -> None:
    retained = {one.topic: one.payload for one in [*before, *away]}
    inbox = Inbox()
    for one in before:
        inbox.put(one)
    fleet = apply(Fleet(), inbox.take())
    inbox.begin()
    for number, (name, payload) in enumerate(retained.items()):
        if payload:
            inbox.put(Arrived(name, payload))
        if number in looks:
            fleet = apply(fleet, inbox.take())
    inbox.settle()
    fleet = apply(fleet, inbox.take())

    assert stands(fold(Fleet(), [*before, *away])) == stands(fleet)
    assert fleet.unconfirmed == frozenset()


@given(histories)
def test_nothing_goes_while_the_broker_is_still_telling(history: list[Arrived]) -> None:
    fleet = fold(Fleet(), history)

    assert stands(fleet) == stands(apply(fleet, Batch(began=True)))


def test_a_broken_connection_before_the_end_of_the_telling_drops_nothing() -> None:
    inbox = Inbox()
    inbox.put(Arrived(topic("fleet", branch="main", station="kiosk-1"), entry()))
    fleet = apply(Fleet(), inbox.take())
    inbox.begin()
    inbox.settle()
    inbox.begin()

    assert list(apply(fleet, inbox.take()).stations) == [("main", "kiosk-1")]


@given(st.lists(st.tuples(st.sampled_from(BRANCHES), st.integers(1, 12)), max_size=30))
def test_events_come_once_and_holes_are_counted(numbers: list[tuple[str, int]]) -> None:
    fleet = fold(Fleet(), [news(n, branch=branch) for branch, n in numbers])

    kept: dict[str, list[int]] = {}
    for branch, n in numbers:
        if n > max(kept.get(branch, [0])):
            kept.setdefault(branch, []).append(n)
    expected = sum(found[-1] - found[0] + 1 - len(found) for found in kept.values())
    assert sorted((b, n) for b, found in kept.items() for n in found) == sorted(
        (event.branch, event.told.n) for event in fleet.events
    )
    assert expected == fleet.missed


def test_another_central_counts_from_one_again() -> None:
    fleet = fold(Fleet(), [news(7), news(8), news(3, boot="c2"), news(4, boot="c2")])

    assert [event.told.n for event in fleet.events] == [7, 8, 3, 4]
    assert fleet.missed == 2


def test_only_the_last_events_are_kept() -> None:
    fleet = fold(Fleet(), [news(n) for n in range(1, EVENTS_KEPT + 51)])

    assert len(fleet.events) == EVENTS_KEPT
    assert fleet.events[-1].told.n == EVENTS_KEPT + 50
    assert fleet.missed == 0


def test_what_cannot_be_read_is_counted_and_changes_nothing() -> None:
    place = topic("fleet", branch="main", station="kiosk-1")
    fleet = fold(Fleet(), [Arrived(place, entry(loans=4))])

    after = fold(fleet, [Arrived(place, b"{"), Arrived(place, b'{"schema":"fleet/9"}'), Arrived("x/y", b"1")])

    assert stands(fleet) == stands(after)
    assert after.unreadable == 2


def test_a_clock_that_is_ahead_is_seen_in_what_central_just_said() -> None:
    slow = AT + timedelta(minutes=10, seconds=3)
    quick = AT + timedelta(minutes=10, seconds=1)
    place = topic("central")

    fleet = fold(Fleet(), [Arrived(place, central()), Arrived(place, central(), slow)])
    fleet = fold(fleet, [Arrived(place, central(), quick)])

    assert fleet.here(AT + timedelta(minutes=10, seconds=1)) == AT


def test_a_retained_status_says_nothing_about_the_clocks() -> None:
    fleet = fold(Fleet(), [Arrived(topic("central"), central())])

    assert fleet.ahead is None
    assert fleet.here(AT) == AT


def test_clocks_that_differ_little_are_left_alone_and_compared_anew_on_each_connection() -> None:
    fleet = fold(Fleet(), [Arrived(topic("central"), central(), AT + timedelta(seconds=1))])

    assert fleet.here(AT) == AT
    assert begin(fleet).ahead is None


def test_settling_twice_is_settling_once() -> None:
    fleet = fold(Fleet(), [Arrived(topic("central"), central())])

    assert fleet == settle(fleet)
    assert settle(begin(fleet)) == settle(settle(begin(fleet)))


def test_the_fold_and_its_view_load_neither_terminal_nor_mqtt() -> None:
    program = (
        "import sys, monitor.fleet, monitor.view, monitor.sentences\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'textual', 'rich', 'aiomqtt', 'paho', 'ssl', 'asyncio', 'sqlalchemy'}))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
