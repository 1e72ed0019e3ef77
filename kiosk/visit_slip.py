"""The goodbye, and the receipt that may go with it.

What a receipt would say is kept while the goodbye stands and a printer is ready, and goes with it: it is on
the screen at no time, and it is printed at most once. A receipt that was begun is never begun again here,
because two receipts for one visit would be a lie.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from kiosk.visit_rules import Conditions


@dataclass(frozen=True, slots=True)
class SlipLine:
    """One item of the visit, as a receipt may say it."""

    kind: Literal["lent", "renewed", "returned"]
    item: str = field(repr=False)
    title: str | None = field(default=None, repr=False)
    due: date | None = None


Slip = tuple[SlipLine, ...]
Printing = Literal["no", "asked", "printed", "unfinished", "paper-out", "away"]
"""no: not asked for. asked: it is being printed. printed: the printer stood well afterwards. unfinished: it
was begun, and is not surely out. paper-out, away: nothing was printed."""


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Thanks, in numbers alone: nothing personal is on the screen."""

    since: float
    lent: int = 0
    returned: int = 0
    dues: tuple[date, ...] = ()
    to_staff: int = 0
    slip: Slip = field(default=(), repr=False)
    """What a receipt would say; empty when none can be printed."""
    printing: Printing = "no"


def offered(goodbye: Goodbye, conditions: Conditions) -> bool:
    """Say whether a receipt can be had now."""
    return bool(goodbye.slip) and goodbye.printing == "no" and conditions.receipt == "ready"
