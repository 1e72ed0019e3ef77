"""What central retains on the broker: emptied for good, and not remembered for ever."""

import json
from datetime import UTC, datetime

from central.alarms.life import Acknowledge
from central.alarms.rules import Thresholds
from central.retained import EMPTIED, Retained
from central.watch import SPOKEN_STANDS_S, Watch
from wire.clock import FakeClock
from wire.link import Outgoing
from wire.messages.states import Occupancy
from wire.topics import topic

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def people(entered: int) -> Occupancy:
    return Occupancy(branch="main", at=NOW, entered=entered, left=0, inside=entered)


def alarm(number: int) -> str:
    return topic("alarm", branch="main", alarm=f"a{number}")


class Away:
    """A link without a connection, until it is there; keeps what it took."""

    def __init__(self) -> None:
        self.there = True
        self.taken: list[Outgoing] = []

    def post(self, out: Outgoing) -> bool:
        if self.there:
            self.taken.append(out)
        return self.there

    def last(self) -> dict[str, bytes]:
        return {one.topic: one.payload for one in self.taken}


def test_a_topic_emptied_while_the_broker_is_away_is_emptied_when_it_is_back() -> None:
    link = Away()
    retained = Retained(link)
    retained.say(alarm(1), people(1))
    link.there = False
    retained.empty(alarm(1))
    link.there = True
    retained.again()

    assert link.last()[alarm(1)] == b""


def test_what_was_emptied_is_remembered_only_while_it_may_be_needed() -> None:
    link = Away()
    retained = Retained(link)
    for number in range(3 * EMPTIED):
        retained.say(alarm(number), people(1))
        retained.empty(alarm(number))
    link.taken.clear()
    retained.again()

    assert [one.topic for one in link.taken] == [alarm(n) for n in range(2 * EMPTIED, 3 * EMPTIED)]
    assert len(retained._said) + len(retained._emptied) == EMPTIED


def test_a_topic_that_was_emptied_and_speaks_again_is_not_emptied_by_a_new_connection() -> None:
    link = Away()
    retained = Retained(link)
    retained.empty(alarm(1))
    retained.say(alarm(1), people(2))
    link.taken.clear()
    retained.again()
    retained.say(alarm(1), people(2))

    assert [json.loads(one.payload)["entered"] for one in link.taken] == [2]


def test_the_same_is_said_once_for_each_connection_and_again_after_it_was_not_taken() -> None:
    link = Away()
    retained = Retained(link)
    link.there = False
    said = [retained.say(alarm(1), people(1))]
    link.there = True
    said += [retained.say(alarm(1), people(1)), retained.say(alarm(1), people(1))]
    retained.again()
    said += [retained.say(alarm(1), people(1))]

    assert said == [False, True, True, True]
    assert len(link.taken) == 2


async def test_an_alarm_that_is_over_while_the_broker_is_away_does_not_stand_there_for_ever() -> None:
    link, clock = Away(), FakeClock(NOW)

    async def save(*_: object) -> None:
        return None

    watch = Watch(
        link, clock, "boot", Thresholds(), gate_alarm_stands_s=30,
        save=save, point=lambda _: None, heard=lambda *_: None,
    )  # fmt: skip
    watch.stranger("kiosk-9")
    await watch.turn()
    (raised,) = watch.alarms.book.alarms.values()
    await watch.alarms.act(raised.alarm, Acknowledge("alice"), clock.now())
    where = topic("alarm", branch="all", alarm=raised.alarm)
    standing = link.last()[where]
    link.there = False
    clock.advance(SPOKEN_STANDS_S + 1)
    await watch.turn()
    link.there = True
    watch.forget_said()
    await watch.turn()

    assert not watch.alarms.book.alarms
    assert (json.loads(standing)["rule"], link.last()[where]) == ("unknown-station", b"")
