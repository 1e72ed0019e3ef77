"""Bodies of the entries in a station's outbox: facts, which happened, and requests, which ask.

A fact cannot be refused, only recorded (with a case when it breaks a rule). A request waits for an
answer. Both stand in the one outbox under the same numbers (streams.md §1). Only here, in asks and
in what goes down to one station may a patron's card number stand.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from wire.ids import CardOrSealed, Identifier, ItemId
from wire.messages.base import Instant, Message, Stamped


class Began(Stamped):
    """A stream begins: the first disk of a station, a salvaged one, or a disk found cloned or rolled back."""

    schema_name: Literal["began/1"] = Field("began/1", alias="schema")
    parents: tuple[str, ...] = Field((), description="Earlier streams of this disk, oldest first.")
    first: int = Field(1, ge=0, description="First number that the parent still held.")
    last: int = Field(0, ge=0, description="Last number of the parent.")
    reason: Literal["new", "fork", "salvage"]
    missing: int | None = Field(
        None,
        ge=1,
        description="So many of the parent's entries, not confirmed yet, could not be read any more.",
    )


class Checkout(Stamped):
    """A request: lend this item to the patron of this card. Its entry id is the request id."""

    schema_name: Literal["checkout/1"] = Field("checkout/1", alias="schema")
    visit: Identifier = Field(description="One patron at one kiosk, card to goodbye.")
    card: CardOrSealed = Field(description="The patron card as it was read; sealed once it is answered.")
    item: ItemId
    parts_seen: int = Field(1, ge=1, description="Parts of a set that lay on the pad.")
    offline: bool = Field(False, description="Lent provisionally while central was away, by policy.")


class Renew(Stamped):
    """A request: lend this item on to the patron who has it."""

    schema_name: Literal["renew/1"] = Field("renew/1", alias="schema")
    visit: Identifier
    card: CardOrSealed
    item: ItemId


class Withdrawn(Stamped):
    """A request is taken back: the patron was told "not lent" (or will be)."""

    schema_name: Literal["withdrawn/1"] = Field("withdrawn/1", alias="schema")
    request: Identifier
    reason: Literal["timeout", "removed", "tag-failed", "left", "restart", "cancelled"]


class TagWritten(Stamped):
    """The item's tag was unsecured for a granted loan, and read back."""

    schema_name: Literal["tag-written/1"] = Field("tag-written/1", alias="schema")
    request: Identifier
    item: ItemId
    afi: int | None = Field(
        None,
        ge=0,
        le=255,
        description="AFI as read back (ISO 15693); none where EAS alone says it and no one AFI was read.",
    )


class TagUnknown(Stamped):
    """Nobody can say whether the tag of a granted loan was unsecured: it went while being written."""

    schema_name: Literal["tag-unknown/1"] = Field("tag-unknown/1", alias="schema")
    request: Identifier
    item: ItemId


class Checkin(Stamped):
    """An item was returned here."""

    schema_name: Literal["checkin/1"] = Field("checkin/1", alias="schema")
    item: ItemId
    via: Literal["kiosk", "bin", "desk"] = "kiosk"


class Secured(Stamped):
    """After a checkin: what became of the item's tag."""

    schema_name: Literal["secured/1"] = Field("secured/1", alias="schema")
    checkin: Identifier = Field(description="Entry id of the checkin.")
    item: ItemId
    outcome: Literal["verified", "failed", "unknown"] = Field(
        description="By read-back; not verified opens a case."
    )
    afi: int | None = Field(None, ge=0, le=255, description="AFI as read back.")


Verdict = Literal["pass", "alarm", "soft-alarm"]


class PassedItem(Message):
    """One own item in a passage for which the gate has something to say."""

    item: ItemId
    secured: bool
    verdict: Verdict
    case: Literal["lent-but-secured", "not-in-ledger", "unsecured-not-lent"] | None = None


class Passage(Stamped):
    """Somebody, or something, went through a gate with tags in the field."""

    schema_name: Literal["passage/1"] = Field("passage/1", alias="schema")
    direction: Literal["in", "out", "unknown"]
    verdict: Verdict
    degraded: bool = Field(False, description="The edge copy was too old; the tag alone decided.")
    items: tuple[PassedItem, ...] = Field((), description="Own items that need a record: alarms and cases.")
    foreign: int = Field(0, ge=0, description="Tags of other owners, counted only.")
    silent: int = Field(0, ge=0, description="Items on loan and unsecured, counted only: nobody's business.")


class Count(Stamped):
    """People counted at a gate since the last count."""

    schema_name: Literal["count/1"] = Field("count/1", alias="schema")
    since: Instant
    entered: int = Field(ge=0)
    left: int = Field(ge=0)


class Incident(Stamped):
    """Something at a station that a person must look at, told once (a case at central)."""

    schema_name: Literal["incident/1"] = Field("incident/1", alias="schema")
    what: Literal["disk-salvaged", "returns-closed", "bin-full", "clock-jumped", "foreign-boot"]
    detail: str = Field("", max_length=500, description="For a technician; nothing personal.")


Body = Annotated[
    Began
    | Checkout
    | Renew
    | Withdrawn
    | TagWritten
    | TagUnknown
    | Checkin
    | Secured
    | Passage
    | Count
    | Incident,
    Field(discriminator="schema_name"),
]
Request = Checkout | Renew
BODIES: TypeAdapter[Body] = TypeAdapter(Body)
