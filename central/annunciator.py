"""Alarms as others learn of them: in the ledger first, then on their retained topic and in the feed."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from central.alarms.book import Book
from central.alarms.life import Alarm, Event
from central.alarms.say import message, word
from central.branches import Branches
from central.retained import Retained
from wire.topics import topic

Save = Callable[[list[Alarm], datetime], Awaitable[None]]


class Annunciator:
    """The book of alarms, and what was said of it."""

    def __init__(self, retained: Retained, branches: Branches, save: Save) -> None:
        self.book = Book()
        self._retained = retained
        self._branches = branches
        self._save = save
        self._adopted: list[Alarm] = []
        """Alarms that were raised in a commit, to be told in the next turn."""
        self._raised: dict[str, datetime] = {}
        """Since when each alarm stood as the feed was last told that it was raised."""

    def recall(self, alarm: Alarm, *, keep_s: float) -> None:
        """Take up an alarm that was open when the last central ended; once gone it stays for `keep_s`."""
        self.book.alarms[alarm.key] = alarm
        self.book.keep[alarm.key] = keep_s
        self._raised[alarm.alarm] = alarm.since

    def over(self, alarms: Iterable[Alarm]) -> None:
        """Empty the topics of alarms that were over when the last central ended."""
        for alarm in alarms:
            self._retained.empty(_where(alarm))

    def adopt(self, alarm: Alarm) -> None:
        """Take up an alarm that a commit raised, unless it is known; it is told in the next turn."""
        if alarm.key not in self.book.alarms:
            self.book.alarms[alarm.key] = alarm
            self._adopted.append(alarm)

    async def act(self, alarm: str, event: Event, now: datetime) -> bool:
        """Let an operator's event happen to an alarm; False when there is no such alarm."""
        key = self.book.find(alarm)
        if key is None:
            return False
        await self._tell(self.book.act(key, event, now), now)
        return True

    async def told(self, changed: list[Alarm], now: datetime) -> None:
        """Write what changed, and what a commit raised, to the ledger; then say it."""
        adopted, self._adopted = self._adopted, []
        await self._tell(adopted + changed, now)

    async def _tell(self, changed: list[Alarm], now: datetime) -> None:
        if not changed:
            return
        latest = {alarm.alarm: alarm for alarm in changed}
        await self._save(list(latest.values()), now)
        for alarm in latest.values():
            if alarm.over:
                self._retained.empty(_where(alarm))
            else:
                self.say(alarm)
            self._feed(alarm)

    def say(self, alarm: Alarm) -> None:
        """Say an alarm, unless that is what was said last."""
        self._retained.say(_where(alarm), message(alarm))

    def _feed(self, alarm: Alarm) -> None:
        event = word(alarm, self._raised.get(alarm.alarm))
        if event == "alarm-raised":
            self._raised[alarm.alarm] = alarm.since
        elif event == "alarm-cleared":
            self._raised.pop(alarm.alarm, None)
        if event is not None:
            self._branches.feed(alarm.branch, event, alarm.key.station, alarm.key.rule)


def _where(alarm: Alarm) -> str:
    return topic("alarm", branch=alarm.branch, alarm=alarm.alarm)
