"""What of a sample becomes a point: names, finite numbers, and a time that can be. Pure."""

import math
import re
from datetime import datetime, timedelta

from central.telemetry.port import Point
from wire.messages.states import Sample

PART = re.compile(r"[a-z0-9-]{1,32}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
VALUES = 64
"""Values of one sample at most; a station that sends more is not believed the rest."""
SLACK = timedelta(minutes=1)
"""A station's clock that is further off than this is not believed: the time of arrival counts."""
LATE = timedelta(days=31)
"""A sample that says it is late may be this old."""


def clean(part: str, sample: Sample) -> Sample | None:
    """Return the sample with what can be stored and nothing else; None when nothing is left."""
    if PART.fullmatch(part) is None:
        return None
    values = {
        name: value
        for name, value in list(sample.values.items())[:VALUES]
        if NAME.fullmatch(name) is not None and math.isfinite(value)
    }
    return sample.model_copy(update={"values": values}) if values else None


def point(branch: str, station: str, part: str, sample: Sample, received: datetime) -> Point | None:
    """Return the point of a clean sample that arrived at `received`.

    None for a late one whose own time cannot be: the time of arrival would be a lie.
    """
    age = received - sample.at
    believable = sample.clock == "synced" and -SLACK <= age <= (LATE if sample.late else SLACK)
    if sample.late and not believable:
        return None
    return Point(branch, station, part, sample.at if believable else received, sample.values)
