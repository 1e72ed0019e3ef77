"""What the disk of a station knows, in words: limits, depth, phases of a request."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from wire.errors import DeviceError

Phase = Literal["waiting", "writing", "done", "refused", "withdrawn", "unknown"]
"""How far a request has come (docs/streams.md §1.1)."""

BODY_LIMIT = 48 * 1024
"""A body larger than this, as JSON, is never sent: the broker would drop the connection, not the message."""

REQUEST_SHARE = 0.8
"""Requests stop here; the rest of the bound is for what has happened (design §3)."""

REQUESTS = ("checkout/1", "renew/1")
"""Bodies that wait for an answer."""

SETTLING = ("withdrawn/1", "tag-written/1", "tag-unknown/1", "secured/1")
"""Bodies that close what an earlier row opened: never refused, each earlier row brings few of them."""


class OutboxFull(DeviceError):
    """The bound is reached. Nothing was stored: the station says so and stops, rather than lose one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the outbox. `rows` and `bytes` count what central never confirmed.

    What it had and is told once more, after a fork, a salvage or a restore of central, stops nobody.
    """

    rows: int = 20_000
    bytes: int = 64 * 1024 * 1024
    keep: timedelta = timedelta(days=45)
    """How long confirmed rows stay: longer than the age of the oldest backup of central one would restore."""
    keep_rows: int = 200_000
    """Confirmed rows beyond this number are pruned before their time; the disk is not endless."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits in the outbox."""

    open: int
    """Rows not confirmed."""
    fill: float
    """Share of the bound in use, by rows or bytes, whichever is fuller; 1 is full."""
    oldest: datetime | None
    """When the oldest open row was recorded."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a start found half done (L5), and whether the disk had to be salvaged."""

    withdrawn: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    salvaged: bool = False
