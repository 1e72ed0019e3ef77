"""The central service: put together here, once; runs as named loops until it is told to end.

    link --facts--> desk --commits--> resume, answer, item changes, feed
         --asks---> readers of the ledger
         --states, samples--> watch --> fleet, alarms; telemetry

A loop that fails brings the process down; the service manager starts it again, and the stations send
what it had not committed.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import assert_never

from central.alarms.life import Alarm
from central.alarms.rules import Thresholds
from central.alarms.say import alarm_of, row
from central.asks import Asks
from central.authority_kinds import Chosen, choose
from central.authority_runner import Runner
from central.config import CentralSettings
from central.desk import Desk
from central.inbound import Facts
from central.ledger import alarms as alarm_table
from central.ledger.hot_sqlite import is_trouble
from central.ledger.ledger import Ledger
from central.ledger.lock import LeaseLost
from central.ledger.rows import millis
from central.ledger.trouble import ledger_trouble
from central.looks import Looks
from central.operate import Operators
from central.pin_tries import PinTries, TryLimits
from central.presence import Presence
from central.results import (
    CaseClosed,
    CaseOpened,
    Counted,
    Effect,
    GateAlarm,
    Happened,
    ItemsChanged,
    Pushed,
    Trouble,
)
from central.telemetry.port import Point, TelemetryStore
from central.telemetry.writer import Spool, TelemetryWriter
from central.watch import Watch
from circulation.policy import Policy
from wire.clock import Clock
from wire.link import Connected, Disconnected, Inbound, Link, Outgoing, Refused
from wire.messages.asks import ItemChanges
from wire.topics import TABLE, Party, match, topic

log = logging.getLogger("turnleaf.central.service")

SUBSCRIPTIONS = tuple(topic(known.name) for known in TABLE if Party.CENTRAL in known.reads)
REGISTRY_S = 5.0
OWN_SAMPLES_S = 10.0
RECALLED_KEEP_S = 5.0
"""How long an alarm of the last life stands until the states that explain it have arrived."""
CHANGES_AT_ONCE = 700
"""Item changes in one message: with 60 bytes each it stays below the broker's size limit."""
EFFECTS_AT_ONCE = 32
"""Effects told in one turn of the loop: facts that arrive meanwhile do not wait for the news of others."""
CLOSED_LATELY = timedelta(days=2)
"""Alarms that were over since so long before a start are emptied once more: the last word may be unsaid."""


class Service:
    """Central, put together. `run()` lives until cancelled."""

    def __init__(
        self,
        settings: CentralSettings,
        ledger: Ledger,
        policy: Policy,
        telemetry: TelemetryStore,
        items_key: bytes,
        link: Link,
        clock: Clock,
        authority: Chosen | None = None,
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.link = link
        self.clock = clock
        self.telemetry = telemetry
        self.writer = TelemetryWriter(telemetry, Spool(settings.spool))
        self.authority = authority or choose(settings, policy)
        self.desk = Desk(ledger, self.authority.authority, policy, clock, items_key)
        limits = settings.alarms
        self.watch = Watch(
            link,
            clock,
            ledger.boot,
            Thresholds(**limits.model_dump(exclude={"gate_alarm_stands_s"})),
            gate_alarm_stands_s=limits.gate_alarm_stands_s,
            save=self._save_alarms,
            point=self.writer.put,
            heard=self.desk.heard,
        )
        self.facts = Facts(
            self.desk,
            link,
            known=self.watch.known,
            stranger=self.watch.stranger,
            trouble=self.watch.trouble,
            unreadable=self.watch.unreadable_envelope,
        )
        self.watch.telemetry_trouble = lambda: self.writer.trouble
        pin = settings.pin
        tries = self.tries = PinTries(TryLimits(pin.tries_by_card, pin.tries_by_station, pin.within_s))
        look, at_once = self.authority.look, self.authority.looks_at_once
        self.looks = Looks(look, ledger, self.desk.submit, clock, at_once=at_once) if look else None
        self.asks = Asks(ledger, link, items_key, clock, tries, self.looks)
        every, asks = settings.status_s, self.looks is not None
        self.presence = Presence(link, clock, ledger.boot, lambda: self.watch.views, every, elsewhere=asks)
        self.operators = Operators(
            link,
            clock,
            rights=dict(settings.operators),
            watch=self.watch,
            desk=self.desk,
            ledger=ledger,
            telemetry=telemetry,
        )
        self._connected = asyncio.Event()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Live until cancelled; then say goodbye while the link still stands."""
        await self._recall()
        async with asyncio.TaskGroup() as outer:
            link = outer.create_task(self.link.run(), name="link")
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._desk(), name="desk")
                    tasks.create_task(self._elsewhere(), name="authority")
                    tasks.create_task(self._effects(), name="effects")
                    tasks.create_task(self._events(tasks), name="link events")
                    tasks.create_task(self.asks.run(), name="asks")
                    tasks.create_task(self.watch.run(), name="watch")
                    tasks.create_task(self.writer.run(), name="telemetry")
                    tasks.create_task(self.presence.run(), name="presence")
                    tasks.create_task(self._registry(), name="registry")
                    tasks.create_task(self._own_samples(), name="own samples")
                    tasks.create_task(self._terminals(), name="sip2 server")
                    await self._connected.wait()
                    ready()
            except asyncio.CancelledError:
                await self.presence.farewell("left")
                raise
            except BaseExceptionGroup as group:
                if group.subgroup(LeaseLost) is None:  # else another central works and says so itself
                    await self.presence.farewell("lost")
                raise
            finally:
                link.cancel()

    async def _desk(self) -> None:
        """Run the desk; what its disk has against it is told in words."""
        try:
            await self.desk.run()
        except Exception as error:
            if not is_trouble(error):
                raise
            raise ledger_trouble(error, self.ledger.path) from error

    async def _recall(self) -> None:
        """Take up the registry, the day's counts, the alarms of the last life, and what is parked."""
        self.watch.registry(await self.ledger.branches(), await self.ledger.stations())
        now = self.clock.now()
        for station, view in list(self.watch.views.items()):
            if view.branch in self.watch.branches.views:
                today = await self.ledger.counts(station, self.watch.branches.midnight(view.branch, now))
                self.watch.recall(station, today.loans, today.returns, today.entered, today.left)
        lately = millis(now - CLOSED_LATELY)
        stored = await self.ledger.read(lambda db: alarm_table.load_all(db, closed_after=lately))
        for alarm in (alarm_of(one) for one in stored if one.closed is None):
            self.watch.alarms.recall(alarm, keep_s=RECALLED_KEEP_S)
        self.watch.alarms.over(alarm_of(one) for one in stored if one.closed is not None)
        for parked in await self.ledger.parked():
            self.watch.trouble(Trouble("parked", parked.station, parked.stream, parked.seen))

    async def _save_alarms(self, changed: list[Alarm], now: object) -> None:
        rows = [row(alarm, self.clock.now()) for alarm in changed]
        await self.desk.write(lambda hot: alarm_table.save(hot, rows))

    async def _elsewhere(self) -> None:
        """Carry requests to the authority elsewhere; without one, what an earlier one left open is a case."""
        chosen = self.authority
        if chosen.remote is None:
            await self.desk.abandon()
            return
        desk, boot = self.desk, self.ledger.boot
        async with asyncio.TaskGroup() as tasks:
            runner = Runner(chosen.remote, desk.submit, desk.asked, boot, chosen.patience)
            tasks.create_task(runner.run(), name="authority runner")
            if chosen.beside is not None:
                tasks.create_task(chosen.beside.run(desk.submit), name="beside the authority")

    async def _terminals(self) -> None:
        """Let terminals of other makes in, where the settings say so."""
        if self.settings.sip2_server is None:
            return
        from central.sip2.serve import serve

        at_once = self.authority.authority.at_once
        told, ledger, policy = self.settings.sip2_server, self.ledger, self.ledger.policy
        await serve(told, ledger, self.desk, policy, self.clock, self.tries, at_once=at_once)

    async def _registry(self) -> None:
        """Look at the registry again and again: a station that was added is known without a restart."""
        while True:
            await asyncio.sleep(REGISTRY_S)
            self.watch.registry(await self.ledger.branches(), await self.ledger.stations())

    async def _own_samples(self) -> None:
        """Measure ourselves as we measure stations: what is lost is counted where it can be seen."""
        while True:
            await asyncio.sleep(OWN_SAMPLES_S)
            tally, views = self.writer.tally, self.watch.views.values()
            values = {
                "facts_taken": self.facts.taken,
                "facts_waiting": self.desk.waiting,
                "asks_answered": self.asks.answered,
                "asks_dropped": self.asks.dropped,
                "looks_made": self.looks.made if self.looks else 0,
                "looks_unanswered": self.looks.unanswered if self.looks else 0,
                "samples_lost": sum(view.samples_lost for view in views),
                "points_stored": tally.stored,
                "points_spooled": tally.spooled,
                "points_rejected": tally.rejected,
                "points_lost": tally.lost,
                "alarms_standing": len(self.watch.alarms.book.standing),
            }
            numbers = {name: float(value) for name, value in values.items()}
            numbers |= self.authority.beside.numbers() if self.authority.beside else {}
            self.writer.put(Point("all", "central", "service", self.clock.now(), numbers))

    async def _events(self, tasks: asyncio.TaskGroup) -> None:
        async for event in self.link.events():
            match event:
                case Connected():
                    self.watch.forget_said()
                    self.presence.birth()
                    self._connected.set()
                case Disconnected(reason=reason):
                    log.warning("the broker is away: %s", reason)
                case Refused(topic=where, reason=reason):
                    log.error("the broker refused %s: %s", where, reason)
                case Inbound():
                    await self._inbound(event, tasks)
                case _:
                    assert_never(event)

    async def _inbound(self, message: Inbound, tasks: asyncio.TaskGroup) -> None:
        found = match(message.topic)
        if found is None:
            message.ack()
            return
        known, levels = found
        match known.name:
            case "fact":
                await self.facts.take(levels["station"], message)
                return
            case "sample":
                self.watch.sample(levels["station"], levels["part"], message.payload)
            case "status" | "parts" | "work":
                self.watch.state(levels["station"], message.payload, retained=message.retained)
            case "reply":
                self.operators.reply(levels["station"], message.payload)
            case "ask" if self.watch.known(levels["station"]):
                self.asks.take(levels["station"], message)
            case "ask":
                self.watch.stranger(levels["station"])
            case "request":
                tasks.create_task(
                    self.operators.take(levels["identity"], levels["verb"], message), name="request"
                )
        message.ack()

    async def _effects(self) -> None:
        """Publish what commits changed, in commit order; the only publisher of item changes."""
        told = 0
        while True:
            self._effect(await self.desk.effects.get())
            told += 1
            if told % EFFECTS_AT_ONCE == 0:  # get() does not pause while there are more
                await asyncio.sleep(0)

    def _effect(self, effect: Effect) -> None:
        match effect:
            case ItemsChanged(first=first, at=at, changes=changes):
                for begin in range(0, len(changes), CHANGES_AT_ONCE):
                    share = changes[begin : begin + CHANGES_AT_ONCE]
                    n = first + begin + len(share) - 1
                    said = ItemChanges(
                        central=self.ledger.boot, first=first + begin, n=n, at=at, changes=share
                    )
                    self.link.post(Outgoing(topic("changes"), said.encode()))
            case Pushed(station=station, answer=answer):
                self.link.post(Outgoing(topic("answer", station=station), answer.encode()))
            case Happened() | CaseOpened() | CaseClosed() | Counted() | GateAlarm():
                self.watch.happened(effect)
            case _:
                assert_never(effect)
