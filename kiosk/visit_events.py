"""What a visit is told (events), and what it wants done (effects).

`at` is the time of the event in seconds of the monotonic clock. An effect that has an outcome names
the event that brings it; whoever carries effects out brings exactly one outcome for each, even when a
device has failed.
"""

from dataclasses import dataclass, field
from typing import Literal

from kiosk.visit_slip import Slip
from kiosk.visit_state import Conditions, Tag, WithdrawReason
from wire.messages.asks import Account
from wire.messages.stream import Answer

# --- events -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CardPlaced:
    """A patron card was read. `visit` is a fresh random id, used if a visit begins."""

    at: float
    card: str = field(repr=False)
    visit: str


@dataclass(frozen=True, slots=True)
class CardScanned:
    """A patron card's code was scanned: it lies nowhere, so it is never forgotten at the kiosk."""

    at: float
    card: str = field(repr=False)
    visit: str


@dataclass(frozen=True, slots=True)
class CardUnread:
    """Something was laid on the reader, or scanned, that cannot be taken for a patron card."""

    at: float
    why: Literal["silent", "unknown", "no-number", "wrong-code", "bad-scan"]


@dataclass(frozen=True, slots=True)
class CardRemoved:
    """The card reader is empty again."""

    at: float


@dataclass(frozen=True, slots=True)
class TagPlaced:
    """A tag lies on the pad, surely, and was read."""

    at: float
    uid: str
    tag: Tag


@dataclass(frozen=True, slots=True)
class TagRemoved:
    """A tag has surely left the pad."""

    at: float
    uid: str


@dataclass(frozen=True, slots=True)
class AccountSaid:
    """Outcome of AskAccount; None: no answer now."""

    at: float
    visit: str
    account: Account | None


@dataclass(frozen=True, slots=True)
class TitleKnown:
    """Outcome of AskTitle."""

    at: float
    item: str
    title: str | None


@dataclass(frozen=True, slots=True)
class Requested:
    """Outcome of Lend: committed under the id `request`; empty: the outbox did not take it."""

    at: float
    visit: str
    item: str
    request: str


@dataclass(frozen=True, slots=True)
class Answered:
    """Central's answer to a request, committed at this station before it is told (streams.md L2)."""

    at: float
    answer: Answer


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """Outcome of CheckIn: committed under the id `checkin`; empty: the outbox did not take it."""

    at: float
    item: str
    checkin: str


@dataclass(frozen=True, slots=True)
class WriteEnded:
    """Outcome of WriteTags, for all tags of the item together.

    `verified`: read back as wanted. `failed`: read back, and still as before. `gone`: surely not
    touched. `unknown`: nobody can say.
    """

    at: float
    key: str
    outcome: Literal["verified", "failed", "gone", "unknown"]
    afi: int | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """Outcome of Withdraw, NoteWritten, NoteUnknown and NoteSecured: committed."""

    at: float
    key: str


@dataclass(frozen=True, slots=True)
class ReceiptEnded:
    """Outcome of PrintReceipt."""

    at: float
    key: float
    outcome: Literal["printed", "unfinished", "paper-out", "away"]


@dataclass(frozen=True, slots=True)
class ConditionsChanged:
    """The link, the outbox, the pad or the card reader changed."""

    at: float
    conditions: Conditions


ButtonName = Literal[
    "finish", "start-over", "return", "more-time", "put-back", "help", "receipt",
    "language", "text", "look", "reach", "sound", "slow",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of the page. `value` is the choice or the switch's new position, empty for all others."""

    at: float
    button: ButtonName
    value: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""

    at: float


Event = (
    CardPlaced
    | CardScanned
    | CardUnread
    | CardRemoved
    | TagPlaced
    | TagRemoved
    | AccountSaid
    | TitleKnown
    | Requested
    | Answered
    | CheckedIn
    | WriteEnded
    | Noted
    | ReceiptEnded
    | ConditionsChanged
    | Pressed
    | Tick
)

# --- effects ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskAccount:
    """Ask central whose card this is. Outcome: AccountSaid."""

    visit: str
    card: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskTitle:
    """Ask central what an item is called. Outcome: TitleKnown."""

    item: str


@dataclass(frozen=True, slots=True)
class Lend:
    """Commit a checkout request. Outcome: Requested, later Answered."""

    visit: str
    card: str = field(repr=False)
    item: str
    parts_seen: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Commit that a request is taken back. Outcome: Noted."""

    request: str
    reason: WithdrawReason


@dataclass(frozen=True, slots=True)
class WriteTags:
    """Write the security of these tags and read it back. Outcome: WriteEnded."""

    key: str
    item: str
    uids: tuple[str, ...]
    secured: bool


@dataclass(frozen=True, slots=True)
class NoteWritten:
    """Commit that the tag of a granted loan was unsecured. Outcome: Noted."""

    request: str
    item: str
    afi: int | None
    """As read back; None where EAS alone counts and the tags say no AFI, or not the same one."""


@dataclass(frozen=True, slots=True)
class NoteUnknown:
    """Commit that nobody can say how the tag was left: a case. Outcome: Noted."""

    request: str
    item: str


@dataclass(frozen=True, slots=True)
class CheckIn:
    """Commit a checkin. Outcome: CheckedIn."""

    item: str


@dataclass(frozen=True, slots=True)
class NoteSecured:
    """Commit what became of a returned item's tag. Outcome: Noted."""

    checkin: str
    item: str
    outcome: Literal["verified", "failed", "unknown"]
    afi: int | None


@dataclass(frozen=True, slots=True)
class PrintReceipt:
    """Print the receipt of the visit that ended. Outcome: ReceiptEnded with the same key."""

    key: float
    slip: Slip = field(repr=False)
    language: str | None
    """The language that the patron chose, None for the house's own."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Play one of the three tones. No outcome."""

    tone: Literal["seen", "done", "look"]


@dataclass(frozen=True, slots=True)
class Ended:
    """A visit is over; whatever outside still knows of it forgets it now. No outcome."""


Effect = (
    AskAccount
    | AskTitle
    | Lend
    | Withdraw
    | WriteTags
    | NoteWritten
    | NoteUnknown
    | CheckIn
    | NoteSecured
    | PrintReceipt
    | Sound
    | Ended
)
