"""What a visit keeps to: the limits of the settings, what works just now, what the patron chose."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits of a visit, in seconds and tries (WCAG 2.2.1, and what patrons bear)."""

    wait_s: float = 8.0
    settle_s: float = 1.5
    idle_s: float = 75.0
    warn_s: float = 30.0
    away_s: float = 20.0
    goodbye_s: float = 5.0
    receipt_s: float = 12.0
    """So long the goodbye stands while a receipt is offered, and after it was printed."""
    print_s: float = 30.0
    """So long it stands for a print of which nothing is heard."""
    unread_s: float = 15.0
    """So long it is said that a card could not be read."""
    barred_s: float = 20.0
    lately_s: float = 20.0
    """So long a lent item that lies on the pad again is not taken for a return: somebody is packing."""
    tries: int = 5
    again_s: float = 0.4
    accept_incomplete: bool = False
    languages: tuple[str, ...] = ("en", "de")
    """Languages of the screen that can be chosen; the first one is the house's."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What works just now. All true: everything."""

    lending: bool = True
    returns: bool = True
    pad: bool = True
    reader: bool = True
    """Cards can be laid on a reader."""
    scanner: bool = False
    """Cards can be scanned."""
    room: Literal["enough", "little", "none"] = "enough"
    """Room to keep what happens here. little: nothing more is lent; none: nothing is taken, either. Staff
    must look at it: what waits is told to nobody, and no patience of a patron ends that."""
    receipt: Literal["none", "ready", "paper-out", "away"] = "none"
    """Whether receipts can be printed; none: they are not offered at this kiosk."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A card was shown that could not be taken for a library card.

    silent: it did not answer, or stopped. unknown: a kind that says no number here. no-number: it was read
    and holds none. wrong-code: a code that is no library card's. bad-scan: a code that was not read cleanly.
    """

    why: Literal["silent", "unknown", "no-number", "wrong-code", "bad-scan"]
    since: float


@dataclass(frozen=True, slots=True)
class Comfort:
    """What the patron chose for eyes, ears and hands; forgotten with the visit."""

    language: str | None = None
    text: Literal[1, 2, 3] = 1
    look: Literal["light", "dark", "contrast"] = "light"
    reach: bool = False
    sound: bool = True
    slow: bool = False
    """Three times as long before the kiosk asks whether anybody is there."""
