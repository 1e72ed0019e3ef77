"""What the kept messages show to whoever writes the mapping: what is read, what is not, what was missed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from firmware_bridge.sensors.mapping import Raw, Reading, Rule, Unread, read, suggest, unmapped
from kiosk.sensors.readings import Rules
from kiosk.sensors.store import RawStore

PAGE = 2000


@dataclass(frozen=True, slots=True)
class Seen:
    """A rule and what it makes of the last message that it concerns."""

    rule: Rule
    at: datetime | None
    """When that came; None when none is kept."""
    value: float | None
    why: str
    """Why there is no value; empty when there is one."""


@dataclass(frozen=True, slots=True)
class Open:
    """A value that no rule reads, with a mapping to paste."""

    topic: str
    path: str
    value: str
    at: datetime
    mapping: str


@dataclass(slots=True)
class Missed:
    """What would be told late for one series."""

    count: int
    since: datetime
    until: datetime


def seen(rules: Rules, latest: list[Raw]) -> list[Seen]:
    """Return each rule with what it makes of what was heard last."""
    found = []
    for rule in rules.all:
        last = Seen(rule, None, None, "nothing heard")
        for raw in latest:
            match read(rule, raw):
                case Reading(at=at, value=value):
                    last = Seen(rule, at, value, "")
                case Unread(why=why):
                    last = Seen(rule, raw.at, None, why)
                case None:
                    pass
        found.append(last)
    return found


def still_open(rules: Rules, latest: list[Raw]) -> list[Open]:
    """Return the values that no rule reads, topic by topic."""
    return [
        Open(raw.topic, path, str(value)[:40], raw.at, suggest(raw.topic, path, value))
        for raw in latest
        for path, value in unmapped(rules.all, raw)
    ]


def missed(rules: Rules, store: RawStore) -> dict[str, Missed]:
    """Return by series what the daemon would tell late now."""
    found: dict[str, Missed] = {}
    for one in _missing(rules, store):
        last = found.setdefault(one.rule.series, Missed(0, one.at, one.at))
        last.count += 1
        last.since, last.until = min(last.since, one.at), max(last.until, one.at)
    return found


def _missing(rules: Rules, store: RawStore) -> Iterator[Reading]:
    after = store.upto(rules.key)
    while page := store.page(after, PAGE):
        for kept in page:
            yield from rules.readings(kept.raw, kept.told)
        after = page[-1].number
