"""The link: the port through which whatever publishes speaks to a broker.

A link connects by itself, again and again, with full jitter. It tells its owner what happens in one
ordered stream of events; it hides nothing: a refused publish is an event or an exception, never a
silence. An arrived message stays unacknowledged until its owner acknowledges it, and an
acknowledgement for an earlier connection does nothing (generation guard).

Not for: durability. A PUBACK is no receipt; facts go through `wire.outbox`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from wire.errors import LinkError


class PublishDenied(LinkError):
    """The broker refused a publish; its reason code says why."""


class TooLarge(LinkError):
    """The packet exceeds what the broker takes; it can never be sent, so it was not tried."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish. `expiry_s` is MQTT 5 Message Expiry, in seconds."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection stands and its subscriptions are granted. The owner says its birth now."""

    generation: int
    session_present: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection of this generation is gone; the link is trying again."""

    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A posted message was not accepted by the broker."""

    topic: str
    reason: str


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message that arrived. `ack()` may be called once, from the loop, at any later time."""

    topic: str
    payload: bytes
    retained: bool = False
    qos: int = 0
    generation: int = 0
    correlation: bytes | None = None
    response_topic: str | None = None
    ack: Callable[[], None] = field(default=_nothing, compare=False)


LinkEvent = Connected | Disconnected | Refused | Inbound


class Link(Protocol):
    """A connection to a broker that keeps itself alive while `run()` runs."""

    async def run(self) -> None:
        """Connect and stay connected until cancelled; on cancellation disconnect cleanly."""

    def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what happens, in order. One consumer."""

    def post(self, out: Outgoing) -> bool:
        """Hand a message over without waiting; False when there is no connection (nothing is kept)."""

    async def publish(self, out: Outgoing) -> None:
        """Publish and wait for the broker's word; raises PublishDenied or LinkError."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Where and as whom to connect. Files are PEM paths."""

    host: str
    port: int
    identity: str
    """Client id and user name; the station listener takes both from the certificate."""
    ca: str
    cert: str
    key: str = field(repr=False)
    subscriptions: Sequence[str] = ()
    will: Outgoing | None = None
    will_delay_s: int = 5
    keepalive_s: int = 15
    session_expiry_s: int = 14 * 24 * 3600
    client_id: str | None = None
    """Only where one identity holds several connections (operators, integrators)."""
