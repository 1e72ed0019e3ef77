"""The telemetry port: points go in by batches, series come out; a fake is shipped beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from wire.errors import ConfigError, LinkError


class StoreAway(LinkError):
    """The store cannot be reached, or asks to be left alone for a while; the batch is kept and sent again."""


class StoreRefused(ConfigError):
    """The store refuses us (token, bucket, organisation); an operator has to mend the settings."""


@dataclass(frozen=True, slots=True)
class Point:
    """One sample of one part: several values of one moment."""

    branch: str
    station: str
    part: str
    at: datetime
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Series:
    """Which values are wanted."""

    station: str
    part: str
    name: str
    since: datetime
    until: datetime
    points: int = 200
    """At most so many, each the mean of its share of the time."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What came of a batch."""

    stored: int
    rejected: int = 0
    reason: str = ""


class TelemetryStore(Protocol):
    """Where points go."""

    async def write(self, points: Sequence[Point]) -> Stored:
        """Store a batch; raises StoreAway (again later) or StoreRefused (settings)."""

    async def series(self, wanted: Series) -> list[tuple[datetime, float]]:
        """Return means over time, oldest first; raises StoreAway or StoreRefused."""

    async def count(self) -> int:
        """Return how many points there are; raises StoreAway or StoreRefused."""

    async def close(self) -> None:
        """Let go of files and connections."""


@dataclass
class FakeStore:
    """A store in memory, which can be told to be away."""

    points: list[Point] = field(default_factory=list)
    away: LinkError | ConfigError | None = None

    async def write(self, points: Sequence[Point]) -> Stored:
        """Keep a batch."""
        if self.away is not None:
            raise self.away
        self.points.extend(points)
        return Stored(len(points))

    async def series(self, wanted: Series) -> list[tuple[datetime, float]]:
        """Return every value in the time asked for."""
        return [
            (point.at, point.values[wanted.name])
            for point in sorted(self.points, key=lambda one: one.at)
            if (point.station, point.part) == (wanted.station, wanted.part)
            and wanted.name in point.values
            and wanted.since <= point.at < wanted.until
        ]

    async def count(self) -> int:
        """Return how many points were kept."""
        return len(self.points)

    async def close(self) -> None:
        """Nothing to let go of."""
