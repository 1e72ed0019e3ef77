"""What a console shows of a fleet: order, filters, ages, selection, and the words of each row. Pure.

Worst first, and calm: rows of equal trouble keep one order, so nothing jumps that did not change. A
number carries its age when it is older than it should be. Knows nothing of Textual: a cell is a text and
the name of a colour token.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeVar

from monitor.fleet import Event, Fleet, Key
from monitor.sentences import feed_sentence
from monitor.theme import GLYPHS
from wire.messages.states import AlarmState, FleetEntry, Glyph, Part

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


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and the colour token it is written in."""

    text: str
    colour: str = "ink"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where it stands does not change. `least` is the screen width from which it is shown;
    a growing one takes what is left over, up to `most`."""

    title: str
    width: int
    grow: bool = False
    right: bool = False
    least: int = 0
    most: int = 200


def age(at: datetime, now: datetime) -> str:
    """Return how long ago `at` was, in two words; what is ahead of the clock is now."""
    seconds = max(int((now - at).total_seconds()), 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


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
    return sorted(
        (
            key
            for key, entry in fleet.stations.items()
            if (not branch or key[0] == branch) and (not text or matches(text, _words(entry)))
        ),
        key=lambda key: (RANK[fleet.stations[key].glyph], -waiting.get(key[1], 0), natural(key)),
    )


@lru_cache(maxsize=100_000)
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


FLEET_COLUMNS = (
    Column("", 9),
    Column("Station", 18),
    Column("What", 18, grow=True, most=40),
    Column("Alarms", 6, right=True),
    Column("Waits", 5, right=True),
    Column("Lent", 4, right=True),
    Column("Back", 4, right=True),
    Column("Branch", 12, least=100),
    Column("Kind", 6, least=100),
    Column("Service", 13, least=120),
    Column("Version", 8, least=160),
    Column("Heard", 7, right=True, least=160),
)


def station_cells(entry: FleetEntry, alarms: int, now: datetime) -> tuple[Cell, ...]:
    """Return the row of one station, in the order of FLEET_COLUMNS; what is old says its age."""
    sign, word, token = GLYPHS[entry.glyph]
    heard = age(entry.at, now)
    what = f"{entry.word}, {heard}" if now - entry.at > OLD else entry.word
    return (
        Cell(f"{sign} {word}", token),
        Cell(entry.name or entry.station),
        Cell(what, token if entry.glyph != "ok" else "quiet"),
        Cell(str(alarms) if alarms else "", "act"),
        Cell(str(entry.outbox_open) if entry.outbox_open else "", "look"),
        Cell(str(entry.loans_today), "quiet"),
        Cell(str(entry.returns_today), "quiet"),
        Cell(entry.branch, "quiet"),
        Cell(entry.kind, "quiet"),
        Cell(entry.service.replace("-", " "), "quiet"),
        Cell(entry.version, "quiet"),
        Cell(heard, "quiet"),
    )


ALARM_COLUMNS = (
    Column("", 10),
    Column("State", 14),
    Column("Seen", 30, grow=True, most=100),
    Column("Station", 16, least=100),
    Column("For", 7, right=True),
)


def alarm_cells(alarm: AlarmState, now: datetime) -> tuple[Cell, ...]:
    """Return the row of one alarm, in the order of ALARM_COLUMNS."""
    aside = alarm.state not in STANDING
    sign, word, token = GLYPHS["resting" if aside else alarm.severity]
    word = alarm.severity if aside else word
    return (
        Cell(f"{sign} {word}", token),
        Cell(ALARM_WORDS[alarm.state], token if alarm.state == "unacknowledged" else "quiet"),
        Cell(alarm.seen, "quiet" if aside else "ink"),
        Cell(alarm.station, "quiet"),
        Cell(age(alarm.since, now), "quiet"),
    )


EVENT_COLUMNS = (Column("At", 8), Column("Branch", 12, least=100), Column("What happened", 40, grow=True))
EVENT_TOKENS = {
    "gate-alarm": "act",
    "alarm-raised": "act",
    "station-lost": "act",
    "case": "look",
    "refused": "look",
}


def event_cells(fleet: Fleet, event: Event) -> tuple[Cell, ...]:
    """Return the row of one event, in the order of EVENT_COLUMNS."""
    return (
        Cell(f"{event.told.at:%H:%M:%S}", "quiet"),
        Cell(event.branch, "quiet"),
        Cell(told(fleet, event), EVENT_TOKENS.get(event.told.event, "ink")),
    )


def part_rows(entry: FleetEntry) -> list[Part]:
    """Return the parts of a station, worst first."""
    return sorted(entry.parts, key=lambda part: (RANK[PART_GLYPHS[part.state]], part.part))


PART_COLUMNS = (Column("Parts", 10), Column("", 14), Column("", 8), Column("", 20, grow=True))


def part_cells(part: Part, now: datetime) -> tuple[Cell, ...]:
    """Return the row of one part of a station, in the order of PART_COLUMNS."""
    glyph = PART_GLYPHS[part.state]
    sign, word, token = GLYPHS[glyph]
    made = " ".join(word for word in (part.make, part.model, part.firmware) if word)
    return (
        Cell(f"{sign} {word}", token),
        Cell(part.part),
        Cell(age(part.since, now), "quiet"),
        Cell(part.seen if part.state != "ok" and part.seen else made, "quiet"),
    )


VALUE_COLUMNS = (Column("Values", 24), Column("", 8, right=True), Column("", 4), Column("", 6, right=True))

UNITS = {
    "ms": "ms",
    "percent": "%",
    "celsius": "°C",
    "bytes": "B",
    "s": "s",
    "dbm": "dBm",
}


def value_cells(entry: FleetEntry, name: str, now: datetime) -> tuple[Cell, ...]:
    """Return the row of one measured value, in the order of VALUE_COLUMNS; its age when it is old."""
    part, _, what = name.partition(".")
    stem, _, unit = what.rpartition("_")
    shown = UNITS.get(unit, "") if stem else ""
    at = value_at(entry, name)
    old = now - at > OLD or at < entry.at
    return (
        Cell(f"{part} {(stem if shown else what).replace('_', ' ')}"),
        Cell(f"{entry.values[name]:g}" if abs(entry.values[name]) < 1e5 else f"{entry.values[name]:.3g}"),
        Cell(shown, "quiet"),
        Cell(age(at, now) if old else "", "gone"),
    )


def history_words(values: Sequence[float], detail: str = "") -> str:
    """Return a history in words: from where to where, and how it stands now."""
    if not values:
        return f"No history: {detail}" if detail else "Nothing was measured in this hour."
    return f"last hour: lowest {min(values):g}, highest {max(values):g}, last {values[-1]:g}"


def history_rows(rows: Sequence[Mapping[str, object]]) -> tuple[tuple[str, float], ...]:
    """Return instant and value of central's reply; a row without a number is left out."""
    found = [(str(row.get("at")), row.get("value")) for row in rows]
    return tuple((at, float(value)) for at, value in found if isinstance(value, int | float))
