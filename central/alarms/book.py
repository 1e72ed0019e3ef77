"""All alarms at once: conditions go in, what changed comes out. Pure.

A condition becomes an alarm when it has stood for its time, and is over when it was gone for its time
(so that a flickering contact is one alarm). A lost station explains what its parts say, and a condition may
name another one that explains it: it becomes no alarm as long as that is so, and one that was an alarm before
is suppressed. Silence about a station is one alarm, not ten; one pulled cable is one, not two.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from central.alarms.life import Alarm, Event, Gone, Stands, Suppress, Tick, raise_alarm, step
from central.alarms.rules import Condition, Key

EXPLAINS = "station-lost"


@dataclass
class Book:
    """The standing alarms, by key, and what is on its way to become one or to end."""

    alarms: dict[Key, Alarm] = field(default_factory=dict)
    coming: dict[Key, datetime] = field(default_factory=dict)
    going: dict[Key, datetime] = field(default_factory=dict)
    keep: dict[Key, float] = field(default_factory=dict)
    under: dict[Key, str] = field(default_factory=dict)
    """What explains each condition, in the words of `Alarm.suppressed_by`; empty when nothing does."""

    @property
    def standing(self) -> frozenset[Key]:
        """Keys whose condition stands."""
        return frozenset(key for key, alarm in self.alarms.items() if alarm.standing)

    def find(self, alarm: str) -> Key | None:
        """Return the key of an alarm by its id."""
        return next((key for key, one in self.alarms.items() if one.alarm == alarm), None)

    def update(
        self, found: Iterable[Condition], scope: Iterable[Key], new_id: Iterable[str], now: datetime
    ) -> list[Alarm]:
        """Take all conditions of a scope; return every alarm that changed, ended ones with `over` set.

        `scope` are the keys that were looked at: one of them that is not among `found` is gone.
        """
        ids = iter(new_id)
        conditions = {condition.key: condition for condition in found}
        before = dict(self.alarms)
        for key, condition in conditions.items():
            self.going.pop(key, None)
            self.keep[key] = condition.keep_s
            self.under[key] = "" if condition.explained_by is None else _words(condition.explained_by)
            alarm = self.alarms.get(key)
            if alarm is not None:
                self.alarms[key] = step(alarm, Stands(condition), now)
            elif condition.explained_by is not None:
                self.coming.pop(key, None)
            elif self._stood(key, condition, now):
                self.alarms[key] = raise_alarm(next(ids), condition, now)
        for key in scope:
            if key not in conditions:
                self.coming.pop(key, None)
                self._gone(key, now)
        self._inhibit(now)
        return self._changed(before)

    def act(self, key: Key, event: Event, now: datetime) -> list[Alarm]:
        """Let an operator's event happen to one alarm."""
        before = dict(self.alarms)
        self.alarms[key] = step(self.alarms[key], event, now)
        return self._changed(before)

    def tick(self, now: datetime) -> list[Alarm]:
        """Let time go on: shelf times end, what was gone long enough is over."""
        before = dict(self.alarms)
        for key, alarm in list(self.alarms.items()):
            self.alarms[key] = step(alarm, Tick(), now)
            if key in self.going:
                self._gone(key, now)
        self._inhibit(now)
        return self._changed(before)

    def _stood(self, key: Key, condition: Condition, now: datetime) -> bool:
        since = self.coming.setdefault(key, now)
        if (now - since).total_seconds() < condition.for_s:
            return False
        del self.coming[key]
        return True

    def _gone(self, key: Key, now: datetime) -> None:
        alarm = self.alarms.get(key)
        if alarm is None or not alarm.standing:
            self.going.pop(key, None)
            return
        since = self.going.setdefault(key, now)
        if (now - since).total_seconds() >= self.keep.get(key, 0.0):
            del self.going[key]
            self.alarms[key] = step(alarm, Gone(), now)

    def _inhibit(self, now: datetime) -> None:
        stands = {(key.station, _words(key)) for key, alarm in self.alarms.items() if alarm.standing}
        for key, alarm in self.alarms.items():
            if key.rule == EXPLAINS:
                continue
            known = self.under.get(key, alarm.suppressed_by)
            by = EXPLAINS if (key.station, EXPLAINS) in stands else known
            self.alarms[key] = step(alarm, Suppress(by if (key.station, by) in stands else ""), now)

    def _changed(self, before: dict[Key, Alarm]) -> list[Alarm]:
        changed = [alarm for key, alarm in self.alarms.items() if before.get(key) != alarm]
        for alarm in changed:
            if alarm.over:
                del self.alarms[alarm.key]
                self.keep.pop(alarm.key, None)
                self.under.pop(alarm.key, None)
        return changed


def _words(key: Key) -> str:
    return f"{key.rule} {key.part}".strip()
