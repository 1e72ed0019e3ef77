"""What the rules look at: a patron, an item, its open loan, the place. Loaded by whoever keeps them.

Holds, fees and the calendar add their reasons as `Block`s, so that no rule here has to know of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

NextStep = Literal["none", "desk", "put-back", "return-first", "try-later"]


@dataclass(frozen=True, slots=True)
class Block:
    """A reason outside these rules why a patron may not borrow, or an item may not be lent."""

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    next_step: NextStep = "desk"


@dataclass(frozen=True, slots=True)
class Patron:
    """A patron as far as lending is concerned."""

    patron: str
    patron_class: str
    expires: date | None = None
    """Last local date on which the card is good."""
    loans: int = 0
    loans_of_class: int = 0
    """Loans of items of the class that is asked for; counted only where policy limits it."""
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenLoan:
    """The loan an item is out on. `patron` is None when it was recorded without one."""

    request: str
    patron: str | None
    due: date
    renewals: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """An item as far as lending is concerned."""

    item: str
    item_class: str
    branch: str
    gone: bool = False
    """Withdrawn from the collection."""
    loan: OpenLoan | None = None
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is asked: a branch and its time zone (IANA name)."""

    branch: str
    zone: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to lend or to renew, with all that is known of it."""

    kind: Literal["checkout", "renew"]
    request: str
    patron: Patron | None
    item: Item | None
    place: Place
    left: bool = False
    """The item has a later event: it has left the pad on which this was asked (streams.md L7)."""
