"""Payloads of foreign sensors, read by rules of every kind, and a mapping suggested for the rest."""

from datetime import UTC, datetime

from firmware_bridge.sensors.mapping import InRegisters, InTopic, Raw, Rule, read, suggest, unmapped

AT = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
RULES = (
    Rule("a", "n", InTopic("t")),
    Rule("b", "n", InTopic("t", ("temperature",))),
    Rule("c", "n", InTopic("t", ("ENERGY", "Power", 0))),
)
REGISTERS = (
    Rule("d", "n", InRegisters("meter", "input", 1, "float64", "DCBA")),
    Rule("e", "n", InRegisters("meter", "input", 0, "bool")),
)
SEEDS = (
    b'{"temperature": 21.4, "contact": false}',
    b'{"ENERGY": {"Power": [41, 3]}}',
    b'{"a.b": [1e300, null]}',
    b"21.5",
    b"ON",
    b"21,5 C",
    bytes(12),
)


def decode(data: bytes) -> object:
    """Read with every rule."""
    said, block = Raw(AT, "mqtt", "t", data), Raw(AT, "meter", "input/0", data)
    left = [suggest("t", path, value) for path, value in unmapped(RULES, said)]
    return [read(rule, said) for rule in RULES] + [read(rule, block) for rule in REGISTERS], left
