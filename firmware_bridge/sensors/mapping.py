"""What a foreign sensor's message means: one rule, one raw message, one value. Pure.

A rule names where a value lies (a topic and a path, or registers of a Modbus device), what it measures and
in which unit. Whoever keeps raw messages can so read them again when the rules have changed: the same message
and the same rule give the same value, with the message's own time. A value that cannot be one (no number, out
of bounds, a word nobody named) is `Unread` with a reason, never a guess and never an exception.

Not for: receiving (`mqtt.py`, `modbus.py`), keeping and sending.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, assert_never

from firmware_bridge.sensors.paths import MISSING, Steps, follow, leaves, path_text
from firmware_bridge.sensors.registers import Block, RegisterType, Table, WordOrder, number_in
from firmware_bridge.sensors.units import SAME, STATES, UNITS, Conversion, Measure

PAYLOAD_BYTES: Final = 16_384
"""A longer payload is no sensor's: pictures, firmware, configuration."""

YES_NO: Final[Mapping[str, float]] = {
    **dict.fromkeys(("true", "on", "open", "yes", "detected", "1"), 1.0),
    **dict.fromkeys(("false", "off", "closed", "close", "no", "clear", "0"), 0.0),
}
"""Words that sensors commonly use for a state; a rule's own words come first."""


@dataclass(frozen=True, slots=True)
class Raw:
    """One message as it came: from the foreign broker (`source` is "mqtt") or a block of a Modbus device."""

    at: datetime
    source: str
    topic: str
    """The MQTT topic, or `table/address` of the block's first register."""
    payload: bytes = field(repr=False)
    retained: bool = False
    """Whether the broker had kept it: when it was measured, nobody knows."""


@dataclass(frozen=True, slots=True)
class InTopic:
    """A value in the payload of an MQTT topic; no steps for a payload that is the value itself."""

    topic: str
    steps: Steps = ()


@dataclass(frozen=True, slots=True)
class InRegisters:
    """A value in registers, coils or inputs of a Modbus device."""

    device: str
    table: Table
    address: int
    type: RegisterType = "uint16"
    order: WordOrder = "ABCD"


@dataclass(frozen=True, slots=True)
class Rule:
    """Where one series comes from and what it says."""

    part: str
    name: str
    """Name of the value on the wire, with its unit."""
    where: InTopic | InRegisters
    convert: Conversion = SAME
    words: tuple[tuple[str, float], ...] = ()
    low: float = -math.inf
    high: float = math.inf
    place: str = ""
    holds: bool = False
    """Whether a value holds until the next one is told: a door's does, a temperature does not."""
    silent_after_s: float = 0.0
    """Seconds without a value after which the part is told as silent; 0 for never."""

    @property
    def series(self) -> str:
        """Part and name: where the values go."""
        return f"{self.part}.{self.name}"

    @property
    def mark(self) -> int:
        """A number that changes when the rule would make another value of the same message."""
        said = repr((self.series, self.where, self.convert, self.words, self.low, self.high, self.holds))
        return int.from_bytes(hashlib.sha256(said.encode()).digest()[:7], "big")


@dataclass(frozen=True, slots=True)
class Reading:
    """A value, in the unit of its name, at the time of its message."""

    rule: Rule
    at: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Unread:
    """The message is the rule's, and holds no value; why, for whoever writes the rule."""

    rule: Rule
    why: str


def naming(measure: Measure, unit: str | None, name: str | None) -> tuple[str, Conversion]:
    """Return the name on the wire and the conversion; raises ValueError for a unit of another measure."""
    if measure == "other":
        if not name:
            raise ValueError('measure "other" needs a name that ends in its unit, e.g. dust_ug_m3')
        return name, SAME
    own, units = UNITS[measure]
    chosen = next(iter(units)) if unit is None else unit
    if chosen not in units:
        raise ValueError(f"{chosen!r} is no unit of {measure}: {', '.join(repr(one) for one in units)}")
    return name or own, units[chosen]


def read(rule: Rule, raw: Raw) -> Reading | Unread | None:
    """Return what the rule makes of a message; None when it is not the rule's."""
    value: float | str
    match rule.where:
        case InTopic(topic=topic, steps=steps):
            if raw.source != "mqtt" or raw.topic != topic:
                return None
            value = _from_payload(rule, raw.payload, steps)
        case InRegisters(device=device, table=table, address=address, type=kind, order=order):
            block = Block.parse(raw.topic, raw.payload) if raw.source == device else None
            if block is None or block.table != table or address not in block.addresses:
                return None
            value = number_in(block, address, kind, order)
        case _:
            assert_never(rule.where)
    if isinstance(value, str):
        return Unread(rule, value)
    value = value * rule.convert.factor + rule.convert.shift
    if not math.isfinite(value):
        return Unread(rule, "not a finite number")
    if not rule.low <= value <= rule.high:
        return Unread(rule, f"{value:g} is outside {rule.low:g} to {rule.high:g}")
    if raw.retained and not rule.holds:
        return Unread(rule, "kept by the broker: when it was measured is not known")
    return Reading(rule, raw.at, value)


def _from_payload(rule: Rule, payload: bytes, steps: Steps) -> float | str:
    """Return the number at the steps, or why there is none."""
    whole = decoded(payload)
    if whole is MISSING:
        return f"longer than {PAYLOAD_BYTES} bytes, or no text"
    found = follow(whole, steps)
    if found is MISSING:
        return f"nothing at {path_text(steps)}"
    return _number(rule, found)


def _number(rule: Rule, found: object) -> float | str:
    """Return a leaf as a number: the rule's words, a number, a number in words, or yes and no."""
    if isinstance(found, dict | list):
        return "an object or a list; the path must go on"
    word = json.dumps(found) if isinstance(found, bool) else str(found).strip()
    named = dict(rule.words).get(word)
    if named is not None:
        return named
    try:
        if isinstance(found, bool):
            return float(found)
        if isinstance(found, int | float):
            return float(found)
        return float(word) if not isinstance(found, type(None)) else "null"
    except (ValueError, OverflowError):
        said = YES_NO.get(word.lower())
        return said if said is not None else f"{word[:40]!r} is no number and no word of the rule"


def decoded(payload: bytes) -> object:
    """Return the JSON value of a payload, or its text when it is no JSON; `MISSING` for what is neither."""
    if len(payload) > PAYLOAD_BYTES:
        return MISSING
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return MISSING
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()
    return value


# --- what is not mapped yet ---------------------------------------------------------------------------

GUESSES: Final[tuple[tuple[str, Measure], ...]] = (
    ("temperature", "temperature"),
    ("humidity", "humidity"),
    ("pressure", "pressure"),
    ("voltage", "voltage"),
    ("current", "current"),
    ("power", "power"),
    ("apower", "power"),
    ("energy", "energy"),
    ("total", "energy"),
    ("contact", "door"),
    ("occupancy", "motion"),
    ("water_leak", "water"),
    ("noise", "noise"),
    ("illuminance", "light"),
    ("co2", "co2"),
    ("battery", "battery"),
    ("linkquality", "other"),
    ("rssi", "signal"),
    ("tc", "temperature"),
    ("tf", "temperature"),
)
"""Last word of a path or a topic -> what it most likely measures (Zigbee2MQTT, Shelly, Tasmota use these)."""


def suggest(topic: str, path: str, value: object) -> str:
    """Return a mapping to paste for one value of a topic that no rule reads: a table of the settings file."""
    last = (path or topic).replace("]", "").replace('"', "").replace("[", ".").replace("/", ".").split(".")
    words = [word.lower() for word in reversed(last) if word]
    measure = next((found for word in words[:2] for known, found in GUESSES if word == known), "other")
    part = (
        "".join(c if c.isascii() and c.isalnum() else "-" for c in topic.lower()).strip("-")[-32:].strip("-")
    )
    lines = ["[[map]]", f'part = "{part or "sensor"}"', 'place = ""', f'measure = "{measure}"']
    if measure == "other":
        named = "".join(c if c.isascii() and c.isalnum() else "_" for c in (words or ["value"])[0]).strip("_")
        lines.append(f'name = "{("value_" + named)[:40].rstrip("_")}"     # end it with its unit')
    elif measure not in STATES:
        unit = "F" if words[:1] == ["tf"] else next(iter(UNITS[measure][1]))
        lines.append(f'unit = "{unit}"')
    elif words[:1] == ["contact"] and isinstance(value, bool):
        lines.append("words = { true = 0, false = 1 }     # contact made: closed")
    lines.append(f"topic = {_toml(topic)}")
    if path:
        lines.append(f"path = {_toml(path)}")
    return "\n".join(lines)


def _toml(text: str) -> str:
    """Return a text as TOML writes it: as JSON does, but U+007F is escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _half_letters(path: str) -> bool:
    """Whether a key holds half of a surrogate pair, which JSON can say and no settings file."""
    return any("\ud800" <= letter <= "\udfff" for letter in path)


def unmapped(rules: tuple[Rule, ...], raw: Raw) -> list[tuple[str, object]]:
    """Return path and value of what could be a value in a message and is read by no rule."""
    mapped = {
        path_text(rule.where.steps)
        for rule in rules
        if isinstance(rule.where, InTopic) and rule.where.topic == raw.topic
    }
    whole = decoded(raw.payload) if raw.source == "mqtt" else MISSING
    if whole is MISSING:
        return []
    probe = Rule("probe", "probe", InTopic(raw.topic))
    return [
        (path, value)
        for path, value in leaves(whole)
        if path not in mapped and not _half_letters(path) and not isinstance(_number(probe, value), str)
    ]
