"""How a fleet arrives, as a port: batches of messages, the state of the connection, questions to central.

How it thinks: whatever rate arrives goes into a dictionary by topic, of which a view takes the latest a
few times a second; events are kept in their order. The port's fake, `MemoryFeed`, stands below it; the
real one is `monitor.mqtt_feed`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from monitor.fleet import Arrived, Fleet, begin, fold, settle
from wire.errors import LinkError
from wire.messages.states import Operated
from wire.topics import match

Args = Mapping[str, str | int | float | bool | None]

EVENTS_WAIT = 5000
"""Events that wait for a view at most; the numbers tell of what was dropped."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How it stands between us and the broker."""

    word: Literal["connecting", "connected", "away"]
    since: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What came since the last one was taken."""

    arrivals: tuple[Arrived, ...] = ()
    began: bool = False
    """A new connection began before these."""
    settled: bool = False
    """After these the broker had said all it retains."""


class Feed(Protocol):
    """Where a console's fleet comes from."""

    @property
    def connection(self) -> Connection:
        """How it stands between us and the broker."""

    async def run(self) -> None:
        """Read until cancelled, connecting again and again."""

    def take(self) -> Batch:
        """Return what came since the last call; never waits."""

    async def ask(self, verb: str, args: Args) -> Operated:
        """Ask central something and wait for its reply; raises LinkError when none comes."""


def apply(fleet: Fleet, batch: Batch) -> Fleet:
    """Return the fleet after a batch."""
    if batch.began:
        fleet = begin(fleet)
    if batch.arrivals:
        fleet = fold(fleet, batch.arrivals)
    return settle(fleet) if batch.settled else fleet


class Inbox:
    """Collects messages between two looks: the latest of each state, and all events."""

    def __init__(self) -> None:
        self._states: dict[str, Arrived] = {}
        self._events: deque[Arrived] = deque(maxlen=EVENTS_WAIT)
        self._began = False
        self._settled = False

    def begin(self) -> None:
        """A new connection: what waits from before it is not news any more, but for events."""
        self._states.clear()
        self._began, self._settled = True, False

    def put(self, arrived: Arrived) -> None:
        """Take a message."""
        found = match(arrived.topic)
        if found is not None and found[0].retain:
            self._states[arrived.topic] = arrived
        else:
            self._events.append(arrived)

    def settle(self) -> None:
        """The broker has said all it retains."""
        self._settled = True

    def take(self) -> Batch:
        """Return everything and begin anew."""
        batch = Batch((*self._states.values(), *self._events), self._began, self._settled)
        self._states.clear()
        self._events.clear()
        self._began = self._settled = False
        return batch


@dataclass
class MemoryFeed:
    """A feed without a broker: what is put is what comes; questions go to `central`."""

    connection: Connection
    inbox: Inbox = field(default_factory=Inbox)
    central: Callable[[str, Args], Awaitable[Operated]] | None = None
    asked: list[tuple[str, Args]] = field(default_factory=list)

    async def run(self) -> None:
        """Wait to be cancelled."""
        await asyncio.Event().wait()

    def take(self) -> Batch:
        """Return what was put."""
        return self.inbox.take()

    async def ask(self, verb: str, args: Args) -> Operated:
        """Ask the `central` that was given."""
        self.asked.append((verb, args))
        if self.central is None:
            raise LinkError("no reply came from central")
        return await self.central(verb, args)
