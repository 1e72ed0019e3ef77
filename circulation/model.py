"""What the rules look at: a patron, an item, its loan and holds, the place. Loaded by whoever keeps them.

What is not counted is 0, what is not known is None: a rule that would need it then refuses nothing. Reasons
that are nobody's rule here (a card that staff blocked) come as `Block`s.

Named tuples, here and wherever many are made for each fact: a third of a frozen dataclass's time.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal, NamedTuple

NextStep = Literal["none", "desk", "put-back", "return-first", "try-later"]


class Block(NamedTuple):
    """A reason outside these rules why a patron may not borrow, or an item may not be lent."""

    code: str
    params: Mapping[str, str | int] = MappingProxyType({})
    next_step: NextStep = "desk"


class Patron(NamedTuple):
    """A patron as far as lending is concerned."""

    patron: str
    patron_class: str
    expires: date | None = None
    """Last local date on which the card is good."""
    loans: int = 0
    loans_of_class: int = 0
    """Loans of items of the class that is asked for; counted only where policy limits it."""
    blocks: tuple[Block, ...] = ()
    overdue: int = 0
    """Loans whose due date has passed."""
    holds: int = 0
    """Holds that wait or are ready."""
    fines: int = 0
    """Overdue fines owed, in minor units."""
    fees: int = 0
    """All other fees owed, in minor units."""

    @property
    def owed(self) -> int:
        """All that the patron owes, in minor units."""
        return self.fines + self.fees


class OpenLoan(NamedTuple):
    """The loan an item is out on. `patron` is None when it was recorded without one."""

    request: str
    patron: str | None
    due: date
    renewals: int = 0


class Item(NamedTuple):
    """An item as far as lending is concerned."""

    item: str
    item_class: str
    branch: str
    gone: bool = False
    """Withdrawn from the collection."""
    loan: OpenLoan | None = None
    blocks: tuple[Block, ...] = ()
    title: str | None = None
    """Id of its bibliographic record, when that is known; holds on any copy wait for it."""


HoldState = Literal["waiting", "ready", "collected", "cancelled", "expired"]


class Hold(NamedTuple):
    """A patron waits for an item, or for any copy of a title. The rules about it are in `holds`.

    It waits, then an item is caught for it: at once `ready` when it came back at the pickup branch, else
    still `waiting` with a `ready_item` that is on its way there.
    """

    hold: str
    patron: str
    item: str | None
    """Only this copy; None: any copy of `title`."""
    title: str | None
    pickup: str
    """Branch where the patron collects it."""
    placed: int
    """When it was placed, in ms since 1970 UTC."""
    expires: date | None = None
    """Last local date on which it is still wanted."""
    state: HoldState = "waiting"
    ready_item: str | None = None
    """The copy that was caught for it; of a collected one, the copy that was collected."""
    ready_until: date | None = None
    """Last local date on which it is kept on the hold shelf."""
    order: int = 0
    """Its number among all holds; the lower one is served first."""


class Place(NamedTuple):
    """Where something is asked: a branch and its time zone (IANA name)."""

    branch: str
    zone: str


class Asked(NamedTuple):
    """A request to lend or to renew, with all that is known of it."""

    kind: Literal["checkout", "renew"]
    request: str
    patron: Patron | None
    item: Item | None
    place: Place
    left: bool = False
    """The item has a later event: it has left the pad on which this was asked (streams.md L7)."""
    holds: tuple[Hold, ...] = ()
    """Open holds on the item or on its title, the patron's own among them, in any order."""
    fee_accepted: bool = False
    """The patron agreed to the fee for lending (SIP2's BO)."""
    free_copies: int = 0
    """Other copies of the title that stand on the shelf, kept for nobody: who waits may have one of those."""
