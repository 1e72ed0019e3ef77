"""What happens when: a seeded list of faults, pure.

The same seed is the same plan; in which instruction of a process a fault lands is up to the machine.
"""

import random
from dataclasses import dataclass
from typing import Literal, get_args

Fault = Literal[
    "kill-station", "kill-broker", "kill-central", "pause-central", "two-centrals",
    "cut", "half-open", "slow",
    "disk-full", "read-only", "slow-disk",
    "clock-ahead", "clock-behind",
    "certificate", "clone", "damage", "restore",
]  # fmt: skip
KILLS: tuple[Fault, ...] = ("kill-station", "kill-broker", "kill-central")
OTHERS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault not in KILLS)
ALONE: frozenset[Fault] = frozenset({"pause-central", "two-centrals", "restore"})
"""Faults of central alone."""
OF_CENTRAL: frozenset[Fault] = frozenset({"cut", "half-open", "slow", "disk-full", "read-only", "slow-disk"})
"""Faults that may hit central as well as a station."""
LASTS_S = {
    "slow": 6.0,
    "slow-disk": 6.0,
    "clone": 5.0,
    "restore": 6.0,
    "certificate": 4.0,
    "clock-ahead": 8.0,
    "clock-behind": 8.0,
}
KILL_EVERY_S = 6.0
QUIET = 0.08
"""Share at the beginning and at the end during which nothing is done."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fault."""

    at_s: float
    fault: Fault
    victim: str
    """A station's name, `central` or `broker`."""
    for_s: float = 0.0


def plan(
    seed: int, seconds: float, stations: tuple[str, ...], *, kill_every_s: float = KILL_EVERY_S
) -> tuple[Step, ...]:
    """Return the faults of one run, by time. Every kind of fault occurs when there is room for all of them.

    At most one fault that is not a kill strikes one victim at a time, so that each is felt by itself; kills
    come whenever they come.
    """
    rng = random.Random(seed)
    first, last = seconds * QUIET, seconds * (1 - QUIET)
    steps = []
    at = first
    while (at := at + rng.uniform(0.4, 1.6) * kill_every_s) < last:
        fault = rng.choices(KILLS, weights=(3, 1, 2))[0]
        steps.append(Step(at, fault, rng.choice(stations) if fault == "kill-station" else fault[5:]))
    kinds = list(OTHERS)
    rng.shuffle(kinds)
    gap = max(2.5, (last - first) / (len(kinds) * 1.6))
    at, number = first, 0
    while at < last:
        fault = kinds[number % len(kinds)]
        mean = LASTS_S.get(fault, 3.0)
        for_s = min(rng.uniform(0.5, 1.2) * mean, max(0.5, last - at))
        central = fault in ("pause-central", "two-centrals", "restore") or (
            fault in OF_CENTRAL and rng.random() < 0.4
        )
        steps.append(Step(at, fault, "central" if central else rng.choice(stations), for_s))
        at += rng.uniform(0.7, 1.3) * gap
        number += 1
    return tuple(sorted(steps, key=lambda step: (step.at_s, step.fault)))
