"""Asks and their replies: read-only questions that expire in seconds and are never stored."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from wire.ids import CardNumber, Identifier, ItemId
from wire.messages.base import KEYS_ALONE, Instant, Message
from wire.messages.stream import Answer, Refusal

VERDICT_MS = 250
"""So long a gate waits for what an authority elsewhere says; then it decides alone (design §5)."""


class AskAccount(Message):
    """Whose card is this, and may the patron borrow? A PIN travels here or not at all."""

    schema_name: Literal["ask-account/1"] = Field("ask-account/1", alias="schema")
    ask: Identifier
    card: CardNumber
    pin: str | None = Field(None, max_length=32, repr=False)


class AskItem(Message):
    """What is this item called, and where is it just now?"""

    schema_name: Literal["ask-item/1"] = Field("ask-item/1", alias="schema")
    ask: Identifier
    item: ItemId


class AskSnapshot(Message):
    """A gate wants a full copy of the items' state, in pages on its `items` topic."""

    schema_name: Literal["ask-snapshot/1"] = Field("ask-snapshot/1", alias="schema")
    ask: Identifier


class AskChanges(Message):
    """A gate found a hole in the numbered changes: send from this number on."""

    schema_name: Literal["ask-changes/1"] = Field("ask-changes/1", alias="schema")
    ask: Identifier
    after: int = Field(ge=0)


class AskVerdict(Message):
    """A gate that is about to sound asks first (an authority elsewhere may know of a loan)."""

    schema_name: Literal["ask-verdict/1"] = Field("ask-verdict/1", alias="schema")
    ask: Identifier
    item: ItemId
    within_ms: int = Field(VERDICT_MS, ge=1, le=60_000, description="How long the gate waits for it.")


class Account(Message):
    """The reply to AskAccount: what a kiosk may show and nothing more."""

    schema_name: Literal["account/1"] = Field("account/1", alias="schema")
    ask: Identifier
    known: bool
    greeting: str | None = Field(None, max_length=60, description="First name, when policy allows it.")
    language: str | None = Field(None, max_length=8)
    loans: int = Field(0, ge=0)
    limit: int | None = Field(None, ge=0, description="How many items the patron may have.")
    refusal: Refusal | None = Field(None, description="Set when this patron may not borrow now.")


class ItemSeen(Message):
    """The reply to AskItem."""

    schema_name: Literal["item/1"] = Field("item/1", alias="schema")
    ask: Identifier
    item: ItemId
    known: bool
    title: str | None = Field(None, max_length=300)
    media: str | None = Field(None, max_length=20)
    on_loan: bool = False
    due: date | None = None


class VerdictSaid(Message):
    """The reply to AskVerdict."""

    schema_name: Literal["verdict/1"] = Field("verdict/1", alias="schema")
    ask: Identifier
    item: ItemId
    on_loan: bool | None = Field(None, description="None: not known here either.")


class ItemsPage(Message):
    """One page of the items' state for a gate (design §3, items at the edge); at most 48 KiB as JSON.

    `records` is packed and base64 in JSON: per item 8 bytes keyed hash, 4 bytes version, 1 byte state
    (0 available, 1 on loan, 2 withdrawn from the collection), all big-endian.
    """

    schema_name: Literal["items-page/1"] = Field("items-page/1", alias="schema")
    ask: str = Field("", max_length=64)
    snapshot: Identifier
    page: int = Field(ge=0)
    pages: int = Field(ge=1)
    n: int = Field(ge=0, description="The change number at which the snapshot stands.")
    records: str


class ItemChange(Message):
    """One item's new state."""

    h: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$", description="Keyed 64-bit hash of the item id.")]
    v: int = Field(ge=0, description="Version; a higher one wins.")
    s: Literal["available", "loan", "gone"]


class ItemChanges(Message):
    """Changes first..n, without holes, in order; none yet when n is first - 1."""

    schema_name: Literal["item-changes/1"] = Field("item-changes/1", alias="schema")
    central: Identifier
    first: int = Field(ge=1)
    n: int = Field(ge=0)
    at: Instant
    changes: tuple[ItemChange, ...]


Ask = Annotated[
    AskAccount | AskItem | AskSnapshot | AskChanges | AskVerdict, Field(discriminator="schema_name")
]
ASKS: TypeAdapter[Ask] = TypeAdapter(Ask, config=KEYS_ALONE)
Said = Annotated[Answer | Account | ItemSeen | VerdictSaid, Field(discriminator="schema_name")]
SAID: TypeAdapter[Said] = TypeAdapter(Said, config=KEYS_ALONE)
ItemsDown = Annotated[ItemsPage | ItemChanges, Field(discriminator="schema_name")]
ITEMS_DOWN: TypeAdapter[ItemsDown] = TypeAdapter(ItemsDown, config=KEYS_ALONE)
