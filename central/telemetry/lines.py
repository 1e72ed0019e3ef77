"""InfluxDB line protocol, built by ourselves: ten times cheaper than the client's Point objects. Pure.

A batch is built in bulk. Everything of a line but its numbers is the same from sample to sample, so it is
kept as a form; the numbers of a whole batch become text in one call, at a third of the price of a `repr` for
each. Either is the shortest text that reads back as the same number.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter

from pydantic_core import to_json

from central.telemetry.port import Point

MEASUREMENT = "turnleaf"

FORMS = 16_384
"""Forms that are kept: a few for each station of a large fleet."""

_VALUES = attrgetter("values")
_TAG = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ ", "\n": "\\n", "\r": "", "\\": "\\\\"})


@lru_cache(maxsize=FORMS)
def _form(branch: str, station: str, part: str, names: tuple[str, ...]) -> str:
    """Return a line of these names with a `%s` for each value, and one for the time."""
    tags = {"branch": branch, "part": part, "station": station}
    head = MEASUREMENT + "".join(f",{tag}={value.translate(_TAG)}" for tag, value in tags.items() if value)
    fields = [name.translate(_TAG).replace("%", "%%") for name in names]
    return head.replace("%", "%%") + " " + ",".join(f"{field}=%s" for field in fields) + " %s"


def _finite(point: Point) -> Point:
    kept = {name: value for name, value in point.values.items() if math.isfinite(value)}
    return Point(point.branch, point.station, point.part, point.at, kept)


def _numbers(points: Sequence[Point]) -> list[float]:
    """Return the values of each point, and its time in milliseconds behind them."""
    numbers: list[float] = []
    for point in points:
        numbers += point.values.values()
        numbers.append(int(point.at.timestamp() * 1000))
    return numbers


def body(points: Sequence[Point]) -> str:
    """Return a line for each point with a finite value, time in milliseconds; other values are left out."""
    numbers = _numbers(points)
    if not (math.isfinite(sum(numbers)) and all(map(_VALUES, points))):
        points = [kept for point in points if (kept := _finite(point)).values]
        numbers = _numbers(points)
    forms = [_form(point.branch, point.station, point.part, tuple(point.values)) for point in points]
    return "\n".join(forms) % tuple(to_json(numbers)[1:-1].decode().split(",")) if forms else ""
