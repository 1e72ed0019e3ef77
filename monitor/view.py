"""What a console shows of a fleet: order, filters, ages, selection, and the words of each row. Pure.

Worst first, and calm: rows of equal trouble keep one order, so nothing jumps that did not change. A
number carries its age when it is older than it should be. Knows nothing of Textual: a cell is a text and
the name of a colour token.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeVar

from monitor.fleet import Event, Fleet, Key
from monitor.sentences import feed_sentence
from monitor.theme import GLYPHS
from wire.messages.states import AlarmState, FleetEntry, Glyph

K = TypeVar("K")

OLD = timedelta(seconds=90)
"""News of a station older than this is shown with its age: three heartbeats of the usual length."""

STANDING = {"unacknowledged": 0, "returned-unacknowledged": 1, "acknowledged": 2}
"""Order of an alarm's states; what was put aside comes last."""
ASIDE = 3

ALARM_WORDS = {
    "unacknowledged": "new",
    "acknowledged": "known",
    "returned-unacknowledged": "over, not seen",
    "shelved": "shelved",
    "suppressed": "explained",
    "out-of-service": "out of service",
}
PART_GLYPHS: dict[str, Glyph] = {"lost": "act", "degraded": "look", "ok": "ok"}
RANK = {glyph: number for number, glyph in enumerate(GLYPHS)}


def age(at: datetime, now: datetime) -> str:
    """Return how long ago `at` was, in two words; what is ahead of the clock is now."""
    seconds = max(int((now - at).total_seconds()), 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def central_away(fleet: Fleet) -> str:
    """Return what is wrong with central itself; nothing while it is online."""
    if fleet.central is None:
        return "○ Central has not said anything yet"
    word = {"online": "", "lost": "lost", "left": "switched off"}[fleet.central.state]
    return word and f"✖ Central is {word}"


def value_at(entry: FleetEntry, name: str) -> datetime:
    """Return when a value was true at the latest: a lost part has said nothing since it was lost."""
    lost = [p.since for p in entry.parts if p.state == "lost" and name.startswith(p.part + ".")]
    return min([entry.at, *lost])


def matches(text: str, words: str) -> bool:
    """Whether a row's `words` hold every term of a filter; `!term` wants it absent."""
    low = words.casefold()
    for term in text.casefold().split():
        if term.startswith("!"):
            if len(term) > 1 and term[1:] in low:
                return False
        elif term not in low:
            return False
    return True


def unsettled(fleet: Fleet) -> Mapping[str, int]:
    """Return how many alarms of each station nobody has looked at."""
    found: dict[str, int] = {}
    for alarm in fleet.alarms.values():
        if alarm.state in ("unacknowledged", "returned-unacknowledged"):
            found[alarm.station] = found.get(alarm.station, 0) + 1
    return found


def station_rows(fleet: Fleet, text: str = "", branch: str = "") -> list[Key]:
    """Return the stations, worst first: by glyph, then by alarms nobody has looked at, then by name."""
    waiting = unsettled(fleet)
    stations = fleet.stations
    named = (
        key
        for key in _by_name(frozenset(stations))
        if (not branch or key[0] == branch) and (not text or matches(text, _words(stations[key])))
    )
    return sorted(named, key=lambda key: (RANK[stations[key].glyph], -waiting.get(key[1], 0)))


@lru_cache(maxsize=4)
def _by_name(keys: frozenset[Key]) -> tuple[Key, ...]:
    """Return stations as people count them; kept, because a fleet seldom gets another station."""
    return tuple(sorted(keys, key=natural))


@dataclass(frozen=True, slots=True)
class Order:
    """The stations in their order, and what it was made from, so that it need not be made again."""

    fleet: Fleet
    text: str
    waiting: Mapping[str, int]
    rows: list[Key]
    counts: Mapping[str, int]


def order(fleet: Fleet, text: str = "", old: Order | None = None) -> Order:
    """Return the order of a fleet; the old one when nothing moved that decides it.

    Between two looks most stations say the same with new numbers: seeing that is cheaper than sorting.
    """
    if old is not None and old.fleet is fleet and old.text == text:
        return old
    waiting = unsettled(fleet)
    if old is not None and old.text == text and old.waiting == waiting and _same(fleet, old.fleet, text):
        return replace(old, fleet=fleet)
    return Order(fleet, text, waiting, station_rows(fleet, text), counts(fleet))


def _same(fleet: Fleet, old: Fleet, text: str) -> bool:
    """Whether no station came or went or changed what its place hangs on."""
    if len(fleet.stations) != len(old.stations):
        return False
    for key, entry in fleet.stations.items():
        was = old.stations.get(key)
        if was is entry:
            continue
        if was is None or was.glyph != entry.glyph or (text and _words(was) != _words(entry)):
            return False
    return True


def natural(key: Key) -> tuple[tuple[int, int, str], ...]:
    """Return the order of names as people count them: kiosk-9 before kiosk-10."""
    parts = re.findall(r"\d+|\D+", f"{key[0]}/{key[1]}")
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def _words(entry: FleetEntry) -> str:
    glyph = GLYPHS[entry.glyph][1]
    return f"{entry.station} {entry.name} {entry.branch} {entry.kind} {glyph} {entry.word} {entry.service}"


def alarm_rows(fleet: Fleet, text: str = "") -> list[Key]:
    """Return the alarms, worst first: what nobody has looked at, by severity, newest first."""
    found = [
        (alarm_order(alarm), key)
        for key, alarm in fleet.alarms.items()
        if not text or matches(text, _alarm_words(alarm))
    ]
    return [key for _, key in sorted(found)]


def alarm_order(alarm: AlarmState) -> tuple[int, int, float]:
    """Return where an alarm stands in the list."""
    standing = STANDING.get(alarm.state, ASIDE)
    severity = 0 if alarm.severity == "act" else 1
    return (1 if standing == ASIDE else 0, severity * 3 + standing, -alarm.since.timestamp())


def _alarm_words(alarm: AlarmState) -> str:
    word = ALARM_WORDS[alarm.state]
    return f"{alarm.station} {alarm.branch} {alarm.part} {alarm.rule} {alarm.severity} {word} {alarm.seen}"


def event_rows(fleet: Fleet, text: str = "") -> list[Event]:
    """Return the events, newest first."""
    return [e for e in reversed(fleet.events) if not text or matches(text, told(fleet, e))]


def told(fleet: Fleet, event: Event) -> str:
    """Return an event as a sentence, with the station by the name staff call it."""
    said = event.told
    known = fleet.stations.get((event.branch, said.station))
    return feed_sentence((known.name if known else "") or said.station, said.event, said.detail)


def follow(rows: Sequence[K], chosen: K | None, index: int) -> int:
    """Return where the chosen row stands now; when it is gone, the row that took its place."""
    if chosen is not None:
        try:
            return rows.index(chosen)
        except ValueError:
            pass
    return max(min(index, len(rows) - 1), 0)


def counts(fleet: Fleet) -> dict[str, int]:
    """Return how many stations carry each glyph, worst first."""
    found = dict.fromkeys(GLYPHS, 0)
    for entry in fleet.stations.values():
        found[entry.glyph] += 1
    return found
