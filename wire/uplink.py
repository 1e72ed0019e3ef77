"""The uplink: carries the outbox of one station to central, over a link that promises nothing.

All decisions are those of the pure step (`wire.streams.station`), all memory is edge.db (`wire.edge`);
here they meet the network and the time. Events of the link are queued and worked off one after the
other by `run()`, so that a resume is always judged against the rows as they are. A publish is never
awaited and a PUBACK changes nothing: what counts is central's resume.

Not for: asks, states and samples, which may be lost; the station posts those itself.
"""

import asyncio
import logging
import random
from collections.abc import Callable

from pydantic import ValidationError

from wire.clock import Stamper
from wire.edge import Edge, Phase
from wire.edge.store import Said
from wire.ids import new_id
from wire.link import Connected, Disconnected, Inbound, Link, LinkEvent, Outgoing, Refused
from wire.loops import to_next_beat
from wire.messages.asks import SAID
from wire.messages.states import LATE, CentralStatus
from wire.messages.stream import Answer, Entry, Resume
from wire.streams.station import Appended, Cut, Event, Fresh, Greet, Talk, Tick
from wire.topics import topic

log = logging.getLogger("turnleaf.wire.uplink")

TICK_S = 0.5
"""How often the timers of S2 are looked at."""

ASK_AGAIN_S = 1.0
"""A request that waits for its answer is said again this often: confirmed is not answered."""

STATUS_WAIT_S = 1.0
"""After a connect: how long to wait for central's retained status, which tells the reconnect window."""


PRUNE_S = 60.0
"""How often old confirmed rows are looked for."""


class Uplink:
    """One station's stream on its way to central. `handle` takes the link's events, `run` does the work."""

    def __init__(
        self,
        edge: Edge,
        link: Link,
        station: str,
        stamper: Stamper,
        on_answer: Callable[[Answer, Phase], None],
        *,
        rng: random.Random | None = None,
    ) -> None:
        self._edge = edge
        self._link = link
        self._stamper = stamper
        self._on_answer = on_answer
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._fact = topic("fact", station=station)
        self._resume = topic("resume", station=station)
        self._answer = topic("answer", station=station)
        self._status = topic("central")
        self._queue: asyncio.Queue[LinkEvent | None] = asyncio.Queue()
        self._talk = Talk()
        self._generation: int | None = None
        """The connection that stands, as of the last event that was handed in."""
        self._at: int | None = None
        """The connection of which `run` knows; what is queued before it belongs to an earlier one."""
        self._greet_at: float | None = None
        self._greet_for = ""
        """Boot of the central for which the moment of the next hello was drawn."""
        self._asked: frozenset[str] = frozenset()
        self._asked_at = 0.0
        self._pruned_at = 0.0
        self._kicked = False
        self.window = 0.0
        """The reconnect window that central told last, in seconds."""
        self.denied: str | None = None
        """Why the broker refuses this station's facts; the stream stands still until the next connection."""

    @property
    def _connected(self) -> bool:
        return self._generation is not None and self._generation == self._at

    @property
    def central(self) -> str | None:
        """Boot of the central that this connection is in step with, or None."""
        return self._talk.central if self._connected and self.denied is None else None

    @property
    def parked(self) -> bool:
        """Whether central waits for an operator before it takes this stream's next entry."""
        return self._talk.parked

    @property
    def in_step(self) -> bool:
        """Whether central has accepted this link and no entry has been open for longer than eight seconds."""
        if self.central is None or self._talk.parked or self._talk.hold:
            return False
        oldest = self._edge.depth().oldest
        return oldest is None or self._stamper.clock.now() - oldest <= LATE

    def handle(self, event: LinkEvent) -> bool:
        """Take what concerns the stream; True when the message is the uplink's alone (it acknowledges it)."""
        match event:
            case Connected(generation=generation):
                self._generation, self.denied = generation, None
                self._queue.put_nowait(event)
            case Disconnected():
                self._generation = None
                self._queue.put_nowait(event)
            case Refused(topic=refused, reason=reason):
                if refused == self._fact:
                    self.denied = reason
                    log.error("the broker refuses this station's facts: %s", reason)
                return refused == self._fact
            case Inbound(topic=where) if where == self._status:
                self._queue.put_nowait(event)  # and whoever else wants to know of central
            case Inbound(topic=where) if where == self._resume or self._is_answer(event):
                self._queue.put_nowait(event)
                return True
            case Inbound():
                pass
        return False

    def kick(self) -> None:
        """Say that rows were committed; what the window allows is published."""
        if not self._kicked:
            self._kicked = True
            self._queue.put_nowait(None)

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        ticks_at = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(ticks_at):
                    event = await self._queue.get()
            except TimeoutError:
                ticks_at = loop.time() + self._patience()
                await self._tick()
                continue
            await self._take(event)
            ticks_at = min(ticks_at, loop.time() + self._patience())

    def _patience(self) -> float:
        """Seconds to the next look at the timers."""
        tick_s = to_next_beat(asyncio.get_running_loop().time(), TICK_S)
        if self._greet_at is None:
            return tick_s
        return min(tick_s, max(0.0, self._greet_at - self._now()))

    def _now(self) -> float:
        return self._stamper.clock.mono() / 1000

    def _fresh(self) -> Fresh:
        return Fresh(new_id(), new_id(), new_id())

    def _is_answer(self, event: Inbound) -> bool:
        """Say whether a message on the answer topic answers a request (replies to asks stand there, too)."""
        return event.topic == self._answer and b'"answer/1"' in event.payload

    async def _take(self, event: LinkEvent | None) -> None:
        match event:
            case None:
                self._kicked = False
                await self._step(Appended(self._now()))
            case Connected(generation=generation):
                await self._step(Cut())
                self._at = generation
                self._greet_at, self._greet_for = self._now() + STATUS_WAIT_S, ""
            case Disconnected():
                self._greet_at = None
                await self._step(Cut())
            case Inbound():
                try:
                    await self._message(event)
                except ValidationError as error:
                    log.error(
                        "a message on %s is not understood: %d faults", event.topic, error.error_count()
                    )
                if event.topic != self._status:
                    event.ack()
            case Refused():
                pass

    async def _message(self, event: Inbound) -> None:
        if event.topic == self._status:
            self._central_seen(CentralStatus.decode(event.payload))
        elif event.topic == self._resume:
            resume = Resume.decode(event.payload)
            self._say(await self._edge.heard(self._talk, resume, self._now(), self._fresh()))
        else:
            answer = SAID.validate_json(event.payload)
            if isinstance(answer, Answer):
                phase = await self._edge.accept(answer, self._talk.central)
                if phase is not None:
                    self._on_answer(answer, phase)

    def _central_seen(self, status: CentralStatus) -> None:
        """S2: a new boot, or the first status of a connection: hello at a random moment of the window."""
        self.window = status.reconnect_window_s
        if status.state != "online" or not self._connected:
            return
        if self._greet_at is not None and self._greet_for == status.boot:
            return  # drawn already; a heartbeat does not draw again
        foreign = self._talk.central is not None and self._talk.central != status.boot
        if self._greet_at is not None or foreign:
            self._greet_for = status.boot
            self._greet_at = self._now() + self._rng.uniform(0, self.window)

    async def _tick(self) -> None:
        now = self._now()
        if now - self._pruned_at >= PRUNE_S:
            self._pruned_at = now
            await self._edge.prune(self._stamper.clock.now())
        if not self._connected or self.denied is not None:
            return
        if self._greet_at is not None:
            if now >= self._greet_at:
                self._greet_at = None
                await self._step(Greet(now, self._fresh()))
            return
        await self._step(Tick(now, self._fresh(), self._rng.random()))
        if self._talk.central is not None and now - self._asked_at >= ASK_AGAIN_S:
            self._asked_at = now
            await self._ask_again()

    async def _ask_again(self) -> None:
        """Say the requests again that have waited since the last look at least."""
        waiting = [said for said in await self._edge.waiting(self._talk) if isinstance(said, Entry)]
        self._say((self._talk, [said for said in waiting if said.id in self._asked]))
        self._asked = frozenset(said.id for said in waiting)

    async def _step(self, event: Event) -> None:
        self._say(await self._edge.advance(self._talk, event))

    def _say(self, outcome: tuple[Talk, list[Said]]) -> None:
        self._talk, said = outcome
        for message in said:
            if self.denied is not None or not self._connected:
                return
            self._link.post(Outgoing(self._fact, message.encode()))
