"""A station: what kiosk, gate and bin have in common, from the first birth to the clean goodbye.

A station writes down first and speaks second. Everything that counts goes through `edge` (the outbox
in edge.db), which `uplink` carries to central; everything else is a retained state that is said anew on
every connect, or a sample that may be lost. So a station works the same with broker or central away:
`lending` turns false, and nothing else changes.

    async with Station.open(settings, "gate") as station, asyncio.TaskGroup() as tg:
        tg.create_task(station.run())

Not for: what a kiosk, a gate or a bin does. They are steps of their own and use this one.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from pydantic import ValidationError

from firmware_bridge.ports import DeviceInfo
from kiosk.config_station import StationSettings
from kiosk.station_link import expiry_of, mqtt_link, status_message
from kiosk.station_presence import Announce, CloneFound, Presence, status_seen
from kiosk.station_process import LoopLag, give_back_memory, make_state_dir, process_values
from kiosk.station_returns import settle_returns
from kiosk.station_states import PartState, StationStates
from kiosk.station_talk import Asks, CommandHandler, Commands, Notice, Outcome, Reply
from kiosk.station_work import LENDING_STOPS, ClosedByOperator, Opening, Service, opening
from wire.clock import Clock, Stamp, Stamper, SystemClock
from wire.edge import Edge, Limits, OutboxFull, Phase, Recovered
from wire.errors import LinkError
from wire.ids import new_id
from wire.link import Connected, Disconnected, Inbound, Link, LinkEvent, Outgoing, Refused
from wire.loops import beat
from wire.messages.asks import ITEMS_DOWN, SAID, Ask, ItemChanges, ItemsPage
from wire.messages.base import stamped
from wire.messages.facts import Incident
from wire.messages.states import CentralStatus, Command, StationKind, Status
from wire.messages.stream import Answer
from wire.topics import match, topic
from wire.uplink import Uplink

log = logging.getLogger("turnleaf.kiosk.station")

ItemsHandler = Callable[[ItemsPage | ItemChanges], None]
T = TypeVar("T")

FAREWELL_S = 2.0
"""How long a clean goodbye may take; after it the will says `lost` instead of `left`."""
WORK_S = 1.0  # how often the work state is looked at; said when it changed, and with each heartbeat


class Station:
    """One station's life. Use `Station.open`, then run `run()` in a task group."""

    def __init__(
        self,
        settings: StationSettings,
        kind: StationKind,
        *,
        edge: Edge,
        link: Link,
        stamper: Stamper,
        recovered: Recovered,
    ) -> None:
        self.settings = settings
        self.kind = kind
        self.edge = edge
        self.link = link
        self.stamper = stamper
        self.recovered = recovered
        """What the start found half done (streams.md L5)."""
        self.answers: asyncio.Queue[tuple[Answer, Phase]] = asyncio.Queue()
        self.changed = Notice()
        self.connected = self.central_online = self.decided_elsewhere = self.branch_in_step = False
        self.uplink = Uplink(edge, link, settings.name, stamper, self._on_answer)
        self.states = StationStates(settings.name, stamper)
        self._presence = Presence(stamper.boot)
        self._asks = Asks()
        self._commands = Commands(stamper)
        self._command_handler: CommandHandler | None = None
        self._items_handler: ItemsHandler | None = None
        self._daemon_word = Opening("open")
        self._closed = ClosedByOperator(settings.state_dir / "closed")
        self._lag = LoopLag()
        self._tasks: asyncio.TaskGroup | None = None
        self._refused = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: StationSettings,
        kind: StationKind,
        *,
        link: Link | None = None,
        clock: Clock | None = None,
    ) -> "AsyncIterator[Station]":
        """Open edge.db and settle what an earlier life left half done; nothing is sent before `run()`.

        Raises ConfigError when the state folder or the certificate cannot be used.
        """
        stamper = Stamper(clock or SystemClock(), new_id(), settings.clock_synced)
        make_state_dir(settings.state_dir)
        limits = Limits(rows=settings.outbox.rows, keep=timedelta(days=settings.outbox.keep_days))
        edge = await Edge.open(settings.edge_db, stamper=stamper, limits=limits)
        try:
            recovered = await edge.recover()
            await settle_returns(edge)
            link = link or mqtt_link(settings, kind, stamper)
            yield cls(settings, kind, edge=edge, link=link, stamper=stamper, recovered=recovered)
        finally:
            await edge.close()

    async def run(self) -> None:
        """Live until cancelled; then say goodbye (`left`) while the link still stands."""
        async with asyncio.TaskGroup() as outer:
            link = outer.create_task(self.link.run(), name="link")
            try:
                async with asyncio.TaskGroup() as tasks:
                    self._tasks = tasks
                    tasks.create_task(self._pump(), name="link events")
                    tasks.create_task(self.uplink.run(), name="uplink")
                    tasks.create_task(self._heartbeat(), name="heartbeat")
                    tasks.create_task(self._watch_work(), name="work state")
                    tasks.create_task(self._sample_itself(), name="own samples")
                    tasks.create_task(self._lag.watch(), name="loop lag")
            finally:
                self._tasks = None
                await self._farewell()
                link.cancel()

    @property
    def lending(self) -> bool:
        """Whether a request has a chance of an answer now: central there and in step, outbox below 80 %."""
        return (
            self.connected
            and self.central_online
            and self.uplink.in_step
            and self.closed_by_operator is None
            and self.edge.depth().fill < LENDING_STOPS
        )

    @property
    def closed_by_operator(self) -> str | None:
        """The operator's words when a command closed this station; None when none did."""
        return self._closed.words

    @property
    def opening(self) -> Opening:
        """How far this station is open just now, and why not further."""
        return opening(
            self._daemon_word,
            self.edge.depth().fill,
            lends=self.kind == "kiosk",
            closed_by_operator=self.closed_by_operator,
        )

    def stamp(self) -> Stamp:
        """Return the stamp of this moment."""
        return self.stamper.stamp()

    async def commit(self, writing: Awaitable[T]) -> T:
        """Await a write to `edge`, then send what it queued: `commit(station.edge.checkin(item, "bin"))`."""
        result = await writing
        self.uplink.kick()
        self.changed.notify()
        return result

    async def ask(self, ask: Ask, timeout_s: float = 3.0) -> Reply | None:
        """Ask central something that only reads; None means "not now", and nothing is kept."""
        return await self._asks.wait(ask.ask, timeout_s, lambda: self.tell(ask))

    def tell(self, ask: Ask) -> bool:
        """Post an ask whose reply comes another way (pages of items); False when there is no connection."""
        where = topic("ask", station=self.settings.name)
        return self.link.post(Outgoing(where, ask.encode(), expiry_s=expiry_of("ask")))

    def set_part(self, part: str, state: PartState, info: DeviceInfo | None = None, seen: str = "") -> None:
        """Say how a device of this station is. `seen` is for a technician; nothing personal."""
        if self.states.set_part(part, state, info, seen):
            self.link.post(self.states.parts_message())
            self.changed.notify()

    def set_service(self, service: Service, reason: str = "") -> None:
        """Say how far the daemon itself is open (bin full, pad lost); `opening` may be narrower."""
        if self._daemon_word != Opening(service, reason):
            self._daemon_word = Opening(service, reason)
            self.say_work()
            self.changed.notify()

    def sample(self, part: str, **values: float) -> None:
        """Post one sample of a part; it may be lost, and its number tells."""
        self.link.post(self.states.sample_message(part, values))

    def on_command(self, handler: CommandHandler) -> None:
        """Set who carries out `selftest` and `resync`, and who is told after `open` and `close` were done."""
        self._command_handler = handler

    def on_items(self, handler: ItemsHandler) -> None:
        """Set who takes pages and changes of items (gates)."""
        self._items_handler = handler

    def say_work(self, *, again: bool = False) -> None:
        """Say the work state when it changed (or `again`)."""
        out = self.states.work_message(self.opening, self.edge.depth(), again=again)
        if out is not None:
            self.link.post(out)

    async def _pump(self) -> None:
        async for event in self.link.events():
            self._on_event(event)

    def _on_event(self, event: LinkEvent) -> None:
        match event:
            case Connected():
                self.connected = True
                self._announce()
                self.link.post(self.states.parts_message())
                self.say_work(again=True)
                self.uplink.handle(event)
            case Disconnected(reason=reason):
                self.connected = self.central_online = self.branch_in_step = False
                self.uplink.handle(event)
                log.warning("connection lost: %s", reason)
            case Refused(topic=refused, reason=reason):
                self._refused += 1
                self.uplink.handle(event)
                log.error("the broker refused a publish to %s: %s", refused, reason)
            case Inbound():
                self._on_message(event)
        self.changed.notify()

    def _on_message(self, event: Inbound) -> None:
        consumed = self.uplink.handle(event)
        row = match(event.topic)
        try:
            match row[0].name if row else "":
                case "central":
                    said = CentralStatus.decode(event.payload)
                    self.central_online, self.decided_elsewhere = said.state == "online", said.elsewhere
                    self.branch_in_step = self.central_online and self.settings.name not in said.behind
                case "status":
                    self._on_status(Status.decode(event.payload))
                case "command":
                    self._start(self._on_command(Command.decode(event.payload)))
                case "items" | "changes" if self._items_handler is not None:
                    self._items_handler(ITEMS_DOWN.validate_json(event.payload))
                case "answer" if not consumed:
                    reply = SAID.validate_json(event.payload)
                    if not isinstance(reply, Answer):
                        self._asks.settle(reply)
        except ValidationError as error:
            log.error("a message on %s is not understood: %d faults", event.topic, error.error_count())
        if not consumed:
            event.ack()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        """Run something short beside the pump, within this station's life."""
        if self._tasks is None:
            work.close()
        else:
            self._tasks.create_task(work)

    def _on_answer(self, answer: Answer, phase: Phase) -> None:
        self.answers.put_nowait((answer, phase))
        self.changed.notify()

    def _announce(self) -> None:
        self.link.post(status_message(self.settings, self.kind, self.stamper, "online"))

    def _on_status(self, status: Status) -> None:
        self._presence, effects = status_seen(self._presence, status, self.stamper.clock.mono())
        for effect in effects:
            match effect:
                case Announce():
                    self._announce()
                case CloneFound(boot=boot):
                    seen = f"another process says this station's status: boot {boot[:8]}"
                    log.error("%s; two disks or two daemons have one name", seen)
                    self.set_part("station", "degraded", seen=seen)
                    self._start(self.incident("foreign-boot", seen))

    async def _heartbeat(self) -> None:
        jitter = random.Random()  # noqa: S311 - spreads heartbeats, no secret
        while True:
            await asyncio.sleep(self.settings.heartbeat_s * jitter.uniform(0.9, 1.0))
            self._announce()
            self.say_work(again=True)

    async def _farewell(self) -> None:
        if not self.connected:
            return
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self.link.publish(status_message(self.settings, self.kind, self.stamper, "left"))
        except (LinkError, TimeoutError) as error:
            log.warning("no clean goodbye, the will speaks: %s", error)

    async def incident(self, what: str, detail: str) -> None:
        """Record something that a person must look at; a full outbox is logged, not raised."""
        body = Incident.model_validate({"what": what, "detail": detail[:500], **stamped(self.stamp())})
        try:
            await self.commit(self.edge.record(body))
        except OutboxFull:
            log.error("outbox full; not recorded: %s: %s", what, detail)

    async def _on_command(self, command: Command) -> None:
        reply = await self._commands.carry_out(command, self._carry_out)
        if reply is not None:
            where = topic("reply", station=self.settings.name)
            self.link.post(Outgoing(where, reply.encode(), expiry_s=expiry_of("reply")))

    async def _carry_out(self, command: Command) -> Outcome:
        match command.verb:
            case "selftest" | "resync":
                if self._command_handler is None:
                    return "refused", f"this {self.kind} knows no {command.verb}"
                return await self._command_handler(command)
            case "close":
                self._closed.close(command.text)
            case "open":
                self._closed.open()
        if self._command_handler is not None:
            await self._command_handler(command)
        self.say_work()
        self.changed.notify()
        return "done", self.opening.service

    async def _watch_work(self) -> None:
        while True:
            self.say_work()
            await beat(WORK_S)

    async def _sample_itself(self) -> None:
        while True:
            await asyncio.sleep(self.settings.sample_s)
            if self.states.first_sample("station"):
                give_back_memory()
            values = process_values(self.stamper.clock.mono(), self._lag, self.edge.depth())
            self.sample("station", **values, publishes_refused=float(self._refused))
