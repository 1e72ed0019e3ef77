"""Rows of the ledger as the desk holds them while it decides."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal, NamedTuple

from circulation.history import ItemState
from wire.messages.stream import Answer, Refusal
from wire.streams.central import Row


@dataclass(slots=True)
class StreamRow:
    """One stream within one batch: its row as the protocol sees it, and what the desk keeps beside it."""

    row: Row
    stored: bool
    """Whether the ledger has a row for it yet."""
    last_at: int = 0
    """Corrected time (ms) of the entry at `upto`: no later entry of the stream happened before it."""


class Begun(NamedTuple):
    """What stands when a transaction begins: asked with the lease, in one statement."""

    any_hold: bool
    """Somebody waits for something."""
    any_owed: bool
    """Somebody owes something."""
    any_in_doubt: bool
    """The time of a loan or return is in doubt where it matters."""


class ItemRow(NamedTuple):
    """One item, and what its history comes to."""

    item: str
    title: str
    item_class: str
    branch: str
    gone: bool
    version: int
    title_id: str
    status: str
    """A word other than on loan or available: lost, missing, on-order, ..."""
    place: str | None
    """Branch where it was last seen, when that is not its own."""
    state: ItemState

    @property
    def word(self) -> str:
        """Return the state that gates are told."""
        return word_of(self.gone, self.state)


def word_of(gone: bool, state: ItemState) -> Literal["available", "loan", "gone"]:
    """Return the state that gates are told of an item."""
    if gone:
        return "gone"
    return "available" if state.loan is None else "loan"


@dataclass(frozen=True, slots=True)
class ItemShown:
    """What a terminal shows of an item."""

    title: str
    media: str
    branch: str
    properties: str
    call_number: str
    collection: str


class LoanRow(NamedTuple):
    """One loan."""

    request: str
    item: str
    patron: str | None
    start: int
    ended: int | None
    due: date
    renewals: int
    withdrawn: bool
    contested: bool
    tag: str | None
    station: str
    branch: str


class PatronRow(NamedTuple):
    """What lending needs of a patron."""

    patron: str
    patron_class: str
    expires: date | None
    blocked: str | None
    barred: bool
    """A terminal barred the card."""


class AnswerRow(NamedTuple):
    """A stored answer; link and central are added when it is said."""

    request: str
    outcome: str
    item: str
    due: date | None
    renewed: bool
    refusal: Refusal | None
    at: int

    def say(self, link: str, central: str, title: str | None, card: str | None) -> Answer:
        """Return the message, for the station that asked; `card` is its request's, sealed."""
        return Answer(
            request=self.request,
            link=link,
            central=central,
            outcome="granted" if self.outcome == "granted" else "refused",
            at=moment(self.at),
            item=self.item,
            due=self.due,
            renewed=self.renewed,
            title=title or None,
            card=card,
            refusal=self.refusal,
        )


AskedState = Literal["asked", "sent", "unknown", "granted", "undo", "undoing", "confirmed", "undone", "case"]
"""Where a request to an authority elsewhere stands; `central.authority_states` says what follows what."""


@dataclass(frozen=True, slots=True)
class AskedRow:
    """One thing that an authority elsewhere decides, or is told."""

    request: str
    n: int
    """In which order they came; one of an item or a patron waits for those before it."""
    kind: Literal["checkout", "renew", "checkin"]
    state: AskedState
    item: str
    card: str | None = field(repr=False)
    patron: str | None = field(repr=False)
    station: str
    branch: str
    zone: str
    at: int
    """When it was asked, or happened, corrected, ms."""
    asked: int
    """When it was committed here, ms."""
    since: int
    """Since when the call, or its undoing, is under way, ms."""
    happened: bool
    """It cannot be refused: a return, or a loan made while nobody could be asked."""
    withdrawn: bool = False
    outcome: Literal["granted", "renewed", "refused"] | None = None


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case that is open."""

    key: str
    kind: str
    station: str
    branch: str


DAY_MS = 86_400_000


def millis(at: datetime) -> int:
    """Return milliseconds since 1970 UTC."""
    return int(at.timestamp() * 1000)


@lru_cache(64)
def moment(at_ms: int) -> datetime:
    """Return the moment of milliseconds since 1970, UTC; the last ones are remembered."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)
