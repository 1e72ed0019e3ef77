"""InfluxDB line protocol, built by ourselves: ten times cheaper than the client's Point objects. Pure."""

import math
from collections.abc import Iterable
from functools import lru_cache

from central.telemetry.port import Point

MEASUREMENT = "turnleaf"

_TAG = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ ", "\n": "\\n", "\r": "", "\\": "\\\\"})


@lru_cache(maxsize=4096)
def _head(branch: str, station: str, part: str) -> str:
    tags = {"branch": branch, "part": part, "station": station}
    return MEASUREMENT + "".join(f",{tag}={value.translate(_TAG)}" for tag, value in tags.items() if value)


@lru_cache(maxsize=4096)
def _field(name: str) -> str:
    return name.translate(_TAG)


def line(point: Point) -> str | None:
    """Return one line, time in milliseconds; None when no value is a finite number."""
    fields = ",".join(
        f"{_field(name)}={value!r}" for name, value in point.values.items() if math.isfinite(value)
    )
    if not fields:
        return None
    return f"{_head(point.branch, point.station, point.part)} {fields} {int(point.at.timestamp() * 1000)}"


def lines(points: Iterable[Point]) -> list[str]:
    """Return the lines of a batch."""
    return [built for point in points if (built := line(point)) is not None]
