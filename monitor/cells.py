"""What stands in each row: texts and the names of their colours, in columns that do not move. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.fleet import Event, Fleet
from monitor.theme import GLYPHS
from monitor.view import ALARM_WORDS, OLD, PART_GLYPHS, RANK, STANDING, age, told, value_at
from wire.messages.states import AlarmState, FleetEntry, Part


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
        Cell(number(entry.values[name])),
        Cell(shown, "quiet"),
        Cell(age(at, now) if old else "", "gone"),
    )


def number(value: float) -> str:
    """Return a measured value with three digits that count, or whole."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def history_words(values: Sequence[float], detail: str = "") -> str:
    """Return a history in words: from where to where, and how it stands now."""
    if not values:
        return f"No history: {detail}" if detail else "Nothing was measured in this hour."
    return (
        f"last hour: lowest {number(min(values))}, highest {number(max(values))}, last {number(values[-1])}"
    )


def history_rows(rows: Sequence[Mapping[str, object]]) -> tuple[tuple[str, float], ...]:
    """Return instant and value of central's reply; a row without a number is left out."""
    found = [(str(row.get("at")), row.get("value")) for row in rows]
    return tuple((at, float(value)) for at, value in found if isinstance(value, int | float))
