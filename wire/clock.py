"""The only place that reads a clock. Everything else is given the time."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from wire.ids import new_id


class Clock(Protocol):
    """Wall time and time since boot, read at the edges of the program."""

    def now(self) -> datetime:
        """Return the wall time, aware, UTC."""

    def mono(self) -> int:
        """Return milliseconds since this boot; never goes back."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the wall time, aware, UTC."""
        return datetime.now(UTC)

    def mono(self) -> int:
        """Return milliseconds of the monotonic clock."""
        return time.monotonic_ns() // 1_000_000


class FakeClock:
    """A clock that moves when told; shipped for tests and for the simulator."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._mono = 0

    def now(self) -> datetime:
        """Return the time that was set."""
        return self._now

    def mono(self) -> int:
        """Return milliseconds advanced so far."""
        return self._mono

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        from datetime import timedelta

        self._now += timedelta(seconds=seconds)
        self._mono += int(seconds * 1000)


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something happened, as its station knows it (design §4, time)."""

    at: datetime
    clock: Literal["synced", "free"]
    boot: str
    mono: int


@dataclass(frozen=True, slots=True)
class Stamper:
    """Stamps messages with the time, the boot and the counter of one daemon's life."""

    clock: Clock
    boot: str
    synced: bool = True

    def stamp(self) -> Stamp:
        """Return the stamp of this moment."""
        return Stamp(self.clock.now(), "synced" if self.synced else "free", self.boot, self.clock.mono())


def new_stamper(clock: Clock | None = None) -> Stamper:
    """Return a stamper for a daemon that starts now."""
    return Stamper(clock or SystemClock(), new_id())
