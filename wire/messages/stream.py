"""The messages of a stream (streams.md §1.3): hello, entry, void, lost, resume, answer.

The six fields of the envelope (stream, link, to, seq, id, prev_id) are never versioned: they stay
readable when the body is not, so that a body nobody understands can be set aside under its number.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, TypeAdapter

from wire.ids import Identifier, ItemId
from wire.messages.base import KEYS_ALONE, MOST, Instant, Message


class Hello(Message):
    """A station presents its stream: what it holds, and what it last heard of central's knowledge."""

    kind: Literal["hello"] = "hello"
    stream: Identifier
    link: Identifier = Field(description="Random, new with each hello; the resume echoes it.")
    first: int = Field(ge=1, le=MOST, description="First number held, pruned_seq + 1.")
    last: int = Field(ge=0, le=MOST)
    last_id: str = Field(max_length=64)
    seen: str = Field(max_length=64, description="high_id of the last accepted resume.")


class Refusal(Message):
    """Why a request was refused: a code with parameters; the kiosk makes the sentence (design §2)."""

    code: Identifier
    params: dict[str, str | int] = Field(default_factory=dict)
    next_step: Literal["none", "desk", "put-back", "return-first", "try-later"] = "desk"


class Answer(Message):
    """What came of a request, stored with its effect and repeated whenever the request comes again."""

    schema_name: Literal["answer/1"] = Field("answer/1", alias="schema")
    request: Identifier
    link: str = Field("", max_length=64, description="Link of the message it answers; empty when pushed.")
    central: Identifier = Field(description="Boot of the central that says it.")
    outcome: Literal["granted", "refused"]
    at: Instant
    item: ItemId | None = None
    due: date | None = Field(None, description="A local date in the branch's zone, never an instant.")
    renewed: bool = Field(False, description="The patron already had it: the loan goes on.")
    title: str | None = Field(None, max_length=300)
    card: str | None = Field(
        None, max_length=400, description="The request's card, sealed: the station keeps this in its place."
    )
    refusal: Refusal | None = None


class Entry(Message):
    """One entry of a stream. `body` is decoded in a second step, by `wire.messages.facts.BODIES`."""

    kind: Literal["entry"] = "entry"
    stream: Identifier
    link: Identifier
    to: Identifier = Field(description="Boot of the central it is meant for.")
    seq: int = Field(ge=1, le=MOST)
    id: Identifier
    prev_id: str = Field(max_length=64, description="Id of entry seq-1; empty for the first.")
    body: dict[str, Any]
    answer: Answer | None = Field(
        None, description="The answer this request got earlier: recorded as happened."
    )


class Void(Message):
    """An entry that can never be sent; its number and id stay."""

    kind: Literal["void"] = "void"
    stream: Identifier
    link: Identifier
    to: Identifier
    seq: int = Field(ge=1, le=MOST)
    id: Identifier
    prev_id: str = Field(max_length=64)
    reason: str = Field(max_length=200)


class Lost(Message):
    """Entries after+1 to upto are pruned here and unknown to central (after a restore of central)."""

    kind: Literal["lost"] = "lost"
    stream: Identifier
    link: Identifier
    to: Identifier
    after: int = Field(ge=0, le=MOST)
    upto: int = Field(ge=1, le=MOST)
    id: str = Field(max_length=64)


class Envelope(Message):
    """The never-versioned six fields alone: what is left when the body cannot be read."""

    kind: Literal["entry", "void"]
    stream: Identifier
    link: Identifier
    to: Identifier
    seq: int = Field(ge=1, le=MOST)
    id: Identifier
    prev_id: str = Field(max_length=64)
    body: JsonValue = None


class Resume(Message):
    """Central shows its evidence: how far it has committed, and the furthest a station ever claimed."""

    schema_name: Literal["resume/1"] = Field("resume/1", alias="schema")
    stream: Identifier
    link: str = Field(max_length=64)
    central: Identifier = Field(description="Boot of this central.")
    upto: int = Field(ge=0)
    id: str = Field(max_length=64, description="Id of entry upto; empty for 0.")
    high: int = Field(ge=0)
    high_id: str = Field(max_length=64)
    parked: bool = False


Upward = Annotated[Hello | Entry | Void | Lost, Field(discriminator="kind")]
UPWARD: TypeAdapter[Upward] = TypeAdapter(Upward, config=KEYS_ALONE)
