"""The feed tells once that an alarm was raised, whatever becomes of its words while it stands; and which alarm
central raises about its own clock."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from central.alarms.life import Alarm, Shelve, raise_alarm
from central.alarms.rules import Condition, Thresholds, gate_alarm
from central.alarms.say import row
from central.ledger.ledger import BranchRow, StationRow
from central.results import GateAlarm
from central.watch import SPOKEN_STANDS_S, Watch
from wire.clock import FakeClock
from wire.link import Outgoing
from wire.topics import topic

NOW = datetime(2026, 5, 4, 9, 0, 59, tzinfo=UTC)
STANDS_S = 90.0


class Said:
    """A link that keeps the feed's words of alarms."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def post(self, out: Outgoing) -> bool:
        if out.topic == topic("feed", branch="main") and not out.retain:
            told = json.loads(out.payload)["event"]
            self.words += [told] if told.startswith("alarm-") else []
        return True


class Central:
    """A watch with one gate, by a clock that is set."""

    def __init__(self) -> None:
        self.said, self.clock, self.saved = Said(), FakeClock(NOW), list[Alarm]()
        self.watch = Watch(
            self.said,  # type: ignore[arg-type]  # of a link only `post` is used here
            self.clock, "boot", Thresholds(), gate_alarm_stands_s=STANDS_S,
            save=self.save, point=lambda _: None, heard=lambda *_: None,
        )  # fmt: skip
        gate = StationRow("gate-1", "main", "gate", "Main door")
        self.watch.registry([BranchRow("main", "Main library", "Europe/Copenhagen")], [gate])

    async def save(self, changed: list[Alarm], _: datetime) -> None:
        self.saved += changed

    def sounds(self) -> Condition:
        condition = gate_alarm("gate-1", "main", "Main door", self.clock.now())
        raised = row(raise_alarm("alarm-1", condition, self.clock.now()), self.clock.now())
        self.watch.happened(GateAlarm(raised, self.clock.now()))
        return condition

    async def after(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.watch.turn()


async def test_a_gate_that_sounds_again_in_the_next_second_is_the_alarm_that_was_told() -> None:
    central = Central()
    first = central.sounds()
    await central.after(1)
    again = central.sounds()
    await central.after(0.5)

    assert first.seen != again.seen  # the words tell the time
    assert central.saved[-1].seen == again.seen
    assert central.said.words == ["alarm-raised"]


async def test_an_alarm_that_stands_again_is_told_again() -> None:
    central = Central()
    central.sounds()
    await central.after(0.5)
    await central.after(STANDS_S + 1)
    central.sounds()
    await central.after(0.5)

    assert central.saved[-1].times == 2
    assert central.said.words == ["alarm-raised", "alarm-raised"]


async def test_a_shelved_alarm_that_shows_again_was_told_before() -> None:
    central = Central()
    central.sounds()
    await central.after(0.5)
    until = central.clock.now() + timedelta(seconds=20)
    await central.watch.alarms.act("alarm-1", Shelve("alice", until), central.clock.now())
    await central.after(21)

    assert central.saved[-1].state == "unacknowledged"
    assert central.said.words == ["alarm-raised"]


async def test_an_alarm_of_the_last_central_was_told_by_it() -> None:
    central = Central()
    condition = gate_alarm("gate-1", "main", "Main door", central.clock.now())
    left = raise_alarm("alarm-1", condition, central.clock.now())
    central.watch.alarms.recall(left, keep_s=60)
    central.clock.advance(60)
    central.sounds()
    await central.after(0.5)

    assert [alarm.alarm for alarm in central.saved] == ["alarm-1"]
    assert central.said.words == []


@pytest.mark.parametrize(
    ("by", "words"), [(timedelta(hours=1), "forward by 60 min"), (timedelta(days=-1), "back by 24 h")]
)
async def test_central_s_own_clock_that_is_set_is_an_alarm(by: timedelta, words: str) -> None:
    central = Central()
    await central.after(0.5)
    central.clock._now += by
    await central.after(0.5)
    (raised,) = central.saved
    await central.after(SPOKEN_STANDS_S + 1)

    assert (raised.key.rule, raised.severity) == ("clock-set", "act")
    assert words in raised.seen
    assert [alarm.state for alarm in central.saved] == ["unacknowledged", "returned-unacknowledged"]


async def test_a_clock_that_is_mended_by_seconds_is_none() -> None:
    central = Central()
    for by in (-30, 50, 0, -59):
        central.clock._now += timedelta(seconds=by)
        await central.after(0.5)

    assert central.saved == []
