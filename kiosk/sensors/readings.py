"""Which rules a message concerns, and what they make of it: live and from what was kept. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from firmware_bridge.sensors.mapping import InTopic, Raw, Reading, Rule, read

Sampled = tuple[str, datetime, dict[str, float]]
"""Part, time, and values by name: one sample."""


class Rules:
    """The rules in force, found by the message."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.all = tuple(rules)
        self._found: defaultdict[tuple[str, str], list[Rule]] = defaultdict(list)
        for rule in self.all:
            where = rule.where
            key = ("mqtt", where.topic) if isinstance(where, InTopic) else (where.device, "")
            self._found[key].append(rule)

    @property
    def key(self) -> int:
        """A number of these rules together, which changes with any of them."""
        said = ",".join(sorted(str(rule.mark) for rule in self.all))
        return int.from_bytes(hashlib.sha256(said.encode()).digest()[:7], "big")

    def of(self, raw: Raw) -> list[Rule]:
        """Return the rules that may read a message."""
        return self._found.get(("mqtt", raw.topic) if raw.source == "mqtt" else (raw.source, ""), [])

    def readings(self, raw: Raw, told: frozenset[int] = frozenset()) -> list[Reading]:
        """Return the values of a message, without those of the rules that told theirs."""
        found = [read(rule, raw) for rule in self.of(raw) if rule.mark not in told]
        return [one for one in found if isinstance(one, Reading)]


def samples(readings: Iterable[Reading]) -> list[Sampled]:
    """Return the values of one message as samples, one for each part."""
    parts: dict[tuple[str, datetime], dict[str, float]] = {}
    for one in readings:
        parts.setdefault((one.rule.part, one.at), {})[one.rule.name] = one.value
    return [(part, at, values) for (part, at), values in parts.items()]
