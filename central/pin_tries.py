"""How often a PIN may be tried: by card, and by station. Pure; the time is an argument.

A PIN has four digits; nobody may try them all. At most so many wrong ones count within a sliding window,
for each card wherever it is tried, and for each station whatever cards are tried there. While there were
too many, a PIN is not even compared, so a right one is not told from a wrong one. A right PIN frees its
card, never the station. An unknown card with a PIN counts as a wrong one, or it would be told apart.

It is kept in memory alone and forgotten with the process: a restart gives everybody a fresh start, which
an attacker at a kiosk cannot bring about. What is remembered is bounded.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

REMEMBERED = 20_000
"""Cards or stations that are remembered at most; the one whose last wrong try is oldest goes first."""


@dataclass(frozen=True, slots=True)
class TryLimits:
    """How many wrong PINs in how many seconds."""

    by_card: int = 5
    by_station: int = 20
    within_s: float = 900.0


@dataclass(slots=True)
class _Window:
    """Wrong tries by key, each with its moment, ms."""

    most: int
    within_ms: float
    wrong: OrderedDict[str, list[int]] = field(default_factory=OrderedDict)

    def wait_ms(self, key: str, now: int) -> float:
        recent = self._recent(key, now)
        return 0.0 if len(recent) < self.most else recent[-self.most] + self.within_ms - now

    def add(self, key: str, now: int) -> None:
        self.wrong[key] = [*self._recent(key, now), now][-self.most :]
        self.wrong.move_to_end(key)
        while len(self.wrong) > REMEMBERED:
            self.wrong.popitem(last=False)

    def _recent(self, key: str, now: int) -> list[int]:
        return [at for at in self.wrong.get(key, ()) if now - at < self.within_ms]


class PinTries:
    """Counts wrong PINs."""

    def __init__(self, limits: TryLimits | None = None) -> None:
        limits = limits or TryLimits()
        self._cards = _Window(limits.by_card, limits.within_s * 1000)
        self._stations = _Window(limits.by_station, limits.within_s * 1000)

    def wait_s(self, station: str, card: str, now_ms: int) -> float:
        """Return how many seconds no PIN may be tried here with this card; 0: it may be tried now."""
        wait = max(self._cards.wait_ms(card, now_ms), self._stations.wait_ms(station, now_ms))
        return max(0.0, wait / 1000)

    def wrong(self, station: str, card: str, now_ms: int) -> None:
        """Note a wrong PIN."""
        self._cards.add(card, now_ms)
        self._stations.add(station, now_ms)

    def right(self, card: str) -> None:
        """A right PIN frees its card."""
        self._cards.wrong.pop(card, None)
