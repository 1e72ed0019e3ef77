"""A broker in memory and the link to it: the shipped fake of `wire.link.Link`.

It keeps what a real broker promises and no more: QoS 1 with redelivery of what was not acknowledged,
sessions that outlive connections, retained messages, wills, and the table's rules of who may write and
read where (`wire.topics.TABLE`). What a network does wrong is a hook: `faults` says for each delivery
whether it is lost, repeated or late.

Not for: speed, QoS 2, shared subscriptions.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

from wire.errors import LinkError
from wire.link import (
    Connected,
    Disconnected,
    Inbound,
    LinkEvent,
    LinkSettings,
    Outgoing,
    PublishDenied,
    Refused,
)
from wire.topics import Party, match

Faults = Callable[[str, Outgoing], Sequence[float]]
"""(receiving client, message) -> after how many seconds each copy arrives; () loses it."""

IN_FLIGHT = 500
"""Unacknowledged messages per client, as of a broker's max_inflight_messages."""


def matches(pattern: str, concrete: str) -> bool:
    """Say whether an MQTT topic filter covers a topic (MQTT 5 §4.7)."""
    want, have = pattern.split("/"), concrete.split("/")
    for number, level in enumerate(want):
        if level == "#":
            return True
        if number >= len(have) or (level not in ("+", have[number])):
            return False
    return len(want) == len(have)


def may_write(identity: str, concrete: str) -> bool:
    """Say whether the table of topics lets this identity publish there."""
    found = match(concrete)
    if found is None:
        return False
    row, levels = found
    match row.writes:
        case Party.STATION:
            return levels["station"] == identity
        case Party.OPERATOR:
            return levels["identity"] == identity
        case _:
            return identity == "central"


def may_read(identity: str, concrete: str) -> bool:
    """Say whether the table of topics lets this identity receive what stands there."""
    found = match(concrete)
    if found is None:
        return False
    row, levels = found
    allowed = {
        Party.STATION: levels.get("station") == identity,
        Party.OPERATOR: levels.get("identity") == identity,
        Party.CENTRAL: identity == "central",
        Party.STATIONS: True,
        Party.SCOPE: True,
        Party.EVERYONE: True,
    }
    return any(allowed[party] for party in row.reads)


@dataclass
class _Session:
    """What the broker keeps of one client id, connected or not."""

    settings: LinkSettings
    link: "MemoryLink | None" = None
    queue: deque[Outgoing] = field(default_factory=deque)
    unacked: dict[int, Outgoing] = field(default_factory=dict)


class MemoryBroker:
    """A broker for one event loop."""

    def __init__(self, *, faults: Faults | None = None, acl: bool = True) -> None:
        self.faults = faults
        self.retained: dict[str, Outgoing] = {}
        self.log: list[Outgoing] = []
        """Every message accepted, in order."""
        self._acl = acl
        self._sessions: dict[str, _Session] = {}
        self._up = asyncio.Event()
        self._up.set()
        self._serial = 0
        self._wills: dict[str, asyncio.TimerHandle] = {}

    def stop(self, *, forget: bool = False) -> None:
        """Go down; every connection is cut. With `forget`, queues and retained messages are lost as well."""
        self._up.clear()
        for session in self._sessions.values():
            self._cut(session, "the broker stopped")
            session.queue.extendleft(reversed(session.unacked.values()))
            session.unacked.clear()
        if forget:
            self._sessions.clear()
            self.retained.clear()

    def start(self) -> None:
        """Come back; links find it by themselves."""
        self._up.set()

    async def until_up(self) -> None:
        """Wait until the broker can be connected to."""
        await self._up.wait()

    def cut(self, client: str) -> None:
        """Cut one client's connection as a broken cable would; its will is published after its delay."""
        session = self._sessions[client]
        if session.link is not None:
            self._cut(session, "the connection was cut")
            self._arm_will(client, session.settings)

    def connect(self, link: "MemoryLink") -> bool:
        """Let a link in, throwing off another of the same id; return whether a session was present."""
        client = link.client
        present = client in self._sessions
        session = self._sessions.setdefault(client, _Session(link.settings))
        self._cut(session, "another connection took this client id")
        session.settings, session.link = link.settings, link
        handle = self._wills.pop(client, None)
        if handle is not None:
            handle.cancel()
        return present

    def subscribed(self, link: "MemoryLink") -> None:
        """Deliver what a new connection is owed: what was not acknowledged, what waited, what is retained."""
        session = self._sessions[link.client]
        again, session.unacked = list(session.unacked.values()), {}
        session.queue.extendleft(reversed(again))
        self._drain(session)
        for out in list(self.retained.values()):
            if self._wants(session, out.topic):
                self._hand_over(session, out, retained=True)

    def leave(self, link: "MemoryLink") -> None:
        """A clean disconnect: no will."""
        session = self._sessions.get(link.client)
        if session is not None and session.link is link:
            session.link = None

    def accept(self, link: "MemoryLink", out: Outgoing) -> str | None:
        """Take a publish; return why it is denied, or None."""
        if self._acl and not may_write(link.settings.identity, out.topic):
            return "Not authorized"
        self._publish(out)
        return None

    def acknowledge(self, client: str, serial: int) -> None:
        """A client has taken a message."""
        session = self._sessions.get(client)
        if session is not None and session.unacked.pop(serial, None) is not None:
            self._drain(session)

    def _publish(self, out: Outgoing) -> None:
        self.log.append(out)
        if out.retain:
            if out.payload:
                self.retained[out.topic] = out
            else:
                self.retained.pop(out.topic, None)
        for client, session in self._sessions.items():
            if not self._wants(session, out.topic):
                continue
            delays = self.faults(client, out) if self.faults else (0.0,)
            for delay in delays:
                if delay <= 0:
                    self._enqueue(session, out)
                else:
                    asyncio.get_running_loop().call_later(delay, self._enqueue, session, out)

    def _enqueue(self, session: _Session, out: Outgoing) -> None:
        if out.qos == 0 and session.link is None:
            return
        session.queue.append(out)
        self._drain(session)

    def _drain(self, session: _Session) -> None:
        while session.queue and session.link is not None and len(session.unacked) < IN_FLIGHT:
            self._hand_over(session, session.queue.popleft(), retained=False)

    def _hand_over(self, session: _Session, out: Outgoing, *, retained: bool) -> None:
        link = session.link
        if link is None:
            return
        self._serial += 1
        if out.qos > 0:
            session.unacked[self._serial] = out
        link.arrive(out, self._serial, retained=retained)

    def _wants(self, session: _Session, concrete: str) -> bool:
        if self._acl and not may_read(session.settings.identity, concrete):
            return False
        return any(matches(pattern, concrete) for pattern in session.settings.subscriptions)

    def _cut(self, session: _Session, reason: str) -> None:
        link, session.link = session.link, None
        if link is not None:
            link.lost(reason)

    def _arm_will(self, client: str, settings: LinkSettings) -> None:
        if settings.will is None:
            return
        loop = asyncio.get_running_loop()
        self._wills[client] = loop.call_later(settings.will_delay_s, self._speak_will, client, settings)

    def _speak_will(self, client: str, settings: LinkSettings) -> None:
        self._wills.pop(client, None)
        will = settings.will
        if will is not None and (not self._acl or may_write(settings.identity, will.topic)):
            self._publish(will)


class MemoryLink:
    """A link to a MemoryBroker; behaves as `wire.link.Link` says."""

    def __init__(self, broker: MemoryBroker, settings: LinkSettings, *, reconnect_s: float = 0.02) -> None:
        self.settings = settings
        self.client = settings.client_id or settings.identity
        self._broker = broker
        self._reconnect_s = reconnect_s
        self._rng = random.Random()  # noqa: S311 - jitter, not a secret
        self._events: asyncio.Queue[LinkEvent] = asyncio.Queue()
        self._generation = 0
        self._connected = False
        self._gone = asyncio.Event()

    async def run(self) -> None:
        """Connect and stay connected until cancelled."""
        try:
            while True:
                await self._broker.until_up()
                self._gone.clear()
                self._generation += 1
                self._connected = True
                present = self._broker.connect(self)
                self._events.put_nowait(Connected(self._generation, present))
                self._broker.subscribed(self)
                await self._gone.wait()
                await asyncio.sleep(self._rng.uniform(0, self._reconnect_s))
        finally:
            self._connected = False
            self._broker.leave(self)

    async def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what happens, in order."""
        while True:
            yield await self._events.get()

    def post(self, out: Outgoing) -> bool:
        """Hand a message over; False when there is no connection."""
        if not self._connected:
            return False
        reason = self._broker.accept(self, out)
        if reason is not None:
            self._events.put_nowait(Refused(out.topic, reason))
        return True

    async def publish(self, out: Outgoing) -> None:
        """Publish; raises PublishDenied or LinkError."""
        await asyncio.sleep(0)
        if not self._connected:
            raise LinkError("no connection to the broker")
        reason = self._broker.accept(self, out)
        if reason is not None:
            raise PublishDenied(f"publish to {out.topic} denied: {reason}", do="Look at the broker's ACL.")

    def arrive(self, out: Outgoing, serial: int, *, retained: bool) -> None:
        """Called by the broker: one message is here."""
        generation = self._generation

        def ack() -> None:
            if self._connected and generation == self._generation:
                self._broker.acknowledge(self.client, serial)

        blank = Inbound(out.topic, out.payload, retained, out.qos, generation, out.correlation)
        self._events.put_nowait(replace(blank, ack=ack if out.qos else blank.ack))

    def lost(self, reason: str) -> None:
        """Called by the broker: the connection is gone."""
        if self._connected:
            self._connected = False
            self._events.put_nowait(Disconnected(self._generation, reason))
            self._gone.set()
