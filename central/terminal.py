"""What a terminal that speaks another protocol asks of the desk, and what comes of it (SIP2 2.00).

A terminal is a client that was logged in by its account, not a station with a stream of its own: it waits for
the answer, and asks again when it got none. `AtTerminal` is one such request. The desk decides and records it
in one commit, with the rules that hold at the kiosks; a frame that was sent again is recognised by `digest`,
as long as nothing else happened to the item since, and gets what it got the first time.

Whether a PIN fits is judged before: it never gets here. Reading (63, 17, 23) does not come here either.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from wire.messages.stream import Refusal


@dataclass(frozen=True, slots=True)
class Lend:
    """Lend an item (11), or, with `cancel`, undo its return because its tag could not be secured."""

    card: str = field(repr=False)
    item: str
    renewal: bool = False
    """Whether it may be a renewal if the patron has it already (*SC renewal policy*)."""
    due: date | None = None
    """Told with `happened`: the date the patron was told (*nb due date*)."""
    fee_acknowledged: bool = False
    happened: bool = False
    """*No block*: it was done while nobody could be asked. It is recorded, a broken rule is a case."""
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class Renew:
    """Renew one loan (29)."""

    card: str = field(repr=False)
    item: str
    due: date | None = None
    fee_acknowledged: bool = False
    happened: bool = False


@dataclass(frozen=True, slots=True)
class RenewAll:
    """Renew every loan of a patron (65)."""

    card: str = field(repr=False)
    fee_acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class Return:
    """Take an item back (09), or, with `cancel`, undo its loan because its tag could not be unlocked."""

    item: str
    happened: bool = False
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class OfHold:
    """Whose hold on what: on a copy, or on any copy of a title."""

    card: str = field(repr=False)
    item: str | None = None
    title_id: str | None = None


@dataclass(frozen=True, slots=True)
class HoldTerms(OfHold):
    """A hold, where it is picked up, and until when it counts."""

    pickup: str = ""
    expires: date | None = None


@dataclass(frozen=True, slots=True)
class PlaceHold(HoldTerms):
    """Place a hold (15 +)."""


@dataclass(frozen=True, slots=True)
class ChangeHold(HoldTerms):
    """Change a hold (15 *); what is empty stays as it is."""


@dataclass(frozen=True, slots=True)
class DropHold(OfHold):
    """Cancel a hold (15 -)."""


@dataclass(frozen=True, slots=True)
class Pay:
    """A patron paid (37). `key` is paid once, however late it is told again."""

    card: str = field(repr=False)
    amount: int
    """In the minor unit of the library's currency."""
    key: str
    means: str = "00"
    """SIP2 payment type."""
    fee: str | None = None
    """The fee it is for (CG); None: the oldest first."""
    alike: str = ""
    """With what `key` begins, before a colon, in every payment of the same number (BK) and amount. Another
    one of these is the same payment only for a while: terminals count from 1 again after a restart."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A terminal kept a card, or saw misuse (01): the card is barred until it is enabled."""

    card: str = field(repr=False)
    reason: str


@dataclass(frozen=True, slots=True)
class Enable:
    """Take back what `Bar` did (25); what staff blocked stays blocked."""

    card: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Describe:
    """Set an item's properties (19)."""

    item: str
    properties: str


Do = Lend | Renew | RenewAll | Return | PlaceHold | DropHold | ChangeHold | Pay | Bar | Enable | Describe


@dataclass(frozen=True, slots=True)
class AtTerminal:
    """One request of a terminal; a `DeskInput`."""

    terminal: str
    """Name of the account; stands as *station* in loans and returns."""
    branch: str
    zone: str
    at_ms: int
    """When it happened: now, or with `happened` what the terminal says."""
    do: Do
    digest: str = ""
    """Hash of account and frame, where the frame had a sequence digit; empty: a repeat cannot be known."""


# --- what comes of it: `DeskResult.done`


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was changed."""

    refusal: Refusal
    title: str = ""
    fee: int = 0
    """With the code `fee-to-acknowledge`: what it costs, in minor units."""
    fee_kind: str = ""


@dataclass(frozen=True, slots=True)
class Lent:
    """The item is on the patron's card (also: lent on, or a return undone)."""

    due: date
    renewed: bool = False
    title: str = ""
    media: str = ""
    properties: str = ""
    fee: int = 0
    fee_kind: str = ""


@dataclass(frozen=True, slots=True)
class AllRenewed:
    """What became of each loan: item numbers."""

    renewed: tuple[str, ...] = ()
    not_renewed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Back:
    """The item is back (also: a loan undone)."""

    known: bool
    """Whether the item is in the ledger; an unknown one is recorded with a case."""
    ended: bool = True
    """Whether a loan ended with it; some systems call the return of what was not lent a failure."""
    title: str = ""
    media: str = ""
    properties: str = ""
    owner_branch: str = ""
    """Where it belongs (AQ)."""
    patron: str | None = field(default=None, repr=False)
    """Card of who had it, where the ledger may say so."""
    call_number: str = ""
    collection: str = ""
    alert: Literal["", "hold-here", "hold-elsewhere", "transit", "other"] = ""
    """Why somebody should look at it (SIP2 CV 01, 02, 04, 99)."""
    to_branch: str = ""
    """Where it must go (CT)."""
    hold_card: str | None = field(default=None, repr=False)
    """Card of whoever it is kept for (CY)."""
    fine: int = 0
    """Fine of this return, in minor units."""


@dataclass(frozen=True, slots=True)
class HoldKept:
    """The hold stands, is changed, or is cancelled."""

    hold: str
    available: bool = False
    position: int = 0
    """In the queue, from 1; 0 when cancelled."""
    expires: date | None = None
    pickup: str = ""
    item: str = ""
    title_id: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Paid:
    """The payment is recorded, once; `again` when this key was paid before."""

    amount: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class CardSet:
    """The card is barred, or enabled."""


@dataclass(frozen=True, slots=True)
class Described:
    """The item's properties are set."""

    title: str = ""
    properties: str = ""


Outcome = Refused | Lent | AllRenewed | Back | HoldKept | Paid | CardSet | Described
