"""The central service: put together here, once; runs as named loops until it is told to end.

    link --facts--> desk --commits--> resume, answer, item changes, feed
         --asks---> readers of the ledger
         --states, samples--> watch --> fleet, alarms; telemetry

A loop that fails brings the process down; the service manager starts it again, and the stations send
what it had not committed.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import assert_never

from central.alarms.life import Alarm
from central.alarms.rules import Thresholds
from central.alarms.say import alarm_of, row
from central.asks import Asks
from central.authority import OwnLedger
from central.config import CentralSettings, InfluxTelemetry, SqliteTelemetry
from central.desk import Desk
from central.inbound import Facts
from central.ledger import alarms as alarm_table
from central.ledger.ledger import Ledger
from central.operate import Operators
from central.results import CaseClosed, CaseOpened, Counted, Effect, Happened, ItemsChanged, Pushed
from central.telemetry.port import TelemetryStore
from central.telemetry.writer import Spool, TelemetryWriter
from central.watch import Watch
from circulation.policy import Policy
from wire.clock import Clock, SystemClock
from wire.errors import ConfigError
from wire.link import Connected, Disconnected, Inbound, Link, LinkSettings, Outgoing, Refused
from wire.messages.asks import ItemChanges
from wire.messages.states import CentralStatus
from wire.settings import load
from wire.topics import TABLE, Party, match, topic

log = logging.getLogger("turnleaf.central.service")

SUBSCRIPTIONS = tuple(topic(known.name) for known in TABLE if Party.CENTRAL in known.reads)
STATIONS_PER_S = 300.0
"""How many stations may come back in a second after an outage (design §3)."""
ASKS_AT_ONCE = 16
REGISTRY_S = 5.0


def version() -> str:
    """Return the installed version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("turnleaf")
    except PackageNotFoundError:
        return "unknown"


def status(clock: Clock, boot: str, state: str, stations: int) -> Outgoing:
    """Return central's retained presence; `lost` is its will."""
    said = CentralStatus.model_validate(
        {
            "state": state,
            "boot": boot,
            "at": clock.now(),
            "version": version(),
            "reconnect_window_s": round(stations / STATIONS_PER_S, 2),
        }
    )
    return Outgoing(topic("central"), said.encode(), retain=True)


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
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.link = link
        self.clock = clock
        self.telemetry = telemetry
        self.writer = TelemetryWriter(telemetry, Spool(settings.spool))
        self.desk = Desk(ledger, OwnLedger(policy), policy, clock, items_key)
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
        )
        self.asks = Asks(ledger, link, items_key, clock.now)
        self.operators = Operators(
            link,
            clock,
            rights=dict(settings.operators),
            watch=self.watch,
            desk=self.desk,
            ledger=ledger,
            telemetry=telemetry,
        )
        self._slots = asyncio.Semaphore(ASKS_AT_ONCE)
        self._connected = asyncio.Event()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Live until cancelled; then say goodbye while the link still stands."""
        await self._recall()
        async with asyncio.TaskGroup() as outer:
            link = outer.create_task(self.link.run(), name="link")
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self.desk.run(), name="desk")
                    tasks.create_task(self._effects(), name="effects")
                    tasks.create_task(self._events(tasks), name="link events")
                    tasks.create_task(self.watch.run(), name="watch")
                    tasks.create_task(self.writer.run(), name="telemetry")
                    tasks.create_task(self._presence(), name="presence")
                    tasks.create_task(self._registry(), name="registry")
                    await self._connected.wait()
                    ready()
            finally:
                await self._farewell()
                link.cancel()

    async def _recall(self) -> None:
        """Take up the registry and the alarms of the last life, and what waits for an operator."""
        self.watch.registry(await self.ledger.branches(), await self.ledger.stations())
        for stored in await self.ledger.read(alarm_table.load_all):
            alarm = alarm_of(stored)
            self.watch.book.alarms[alarm.key] = alarm
        for parked in await self.ledger.parked():
            from central.results import Trouble

            self.watch.trouble(Trouble("parked", parked.station, parked.stream, parked.seen))

    async def _save_alarms(self, changed: list[Alarm], now: object) -> None:
        rows = [row(alarm, self.clock.now()) for alarm in changed]
        await self.desk.write(lambda hot: alarm_table.save(hot, rows))

    async def _registry(self) -> None:
        """Look at the registry again and again: a station that was added is known without a restart."""
        while True:
            await asyncio.sleep(REGISTRY_S)
            self.watch.registry(await self.ledger.branches(), await self.ledger.stations())

    async def _presence(self) -> None:
        """Say our presence again and again, with jitter."""
        while True:
            await asyncio.sleep(self.settings.status_s * random.uniform(0.9, 1.1))  # noqa: S311 - jitter
            self._birth()

    def _birth(self) -> None:
        self.link.post(status(self.clock, self.ledger.boot, "online", len(self.watch.views)))

    async def _farewell(self) -> None:
        goodbye = status(self.clock, self.ledger.boot, "left", len(self.watch.views))
        with suppress(Exception):
            async with asyncio.timeout(2.0):
                await self.link.publish(goodbye)

    async def _events(self, tasks: asyncio.TaskGroup) -> None:
        async for event in self.link.events():
            match event:
                case Connected():
                    self.watch.forget_said()
                    self._birth()
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
                self.operators.reply(message.payload)
            case "ask" if self.watch.known(levels["station"]):
                await self._slots.acquire()
                tasks.create_task(self._ask(levels["station"], message), name="ask")
            case "request":
                tasks.create_task(
                    self.operators.take(levels["identity"], levels["verb"], message), name="request"
                )
        message.ack()

    async def _ask(self, station: str, message: Inbound) -> None:
        try:
            await self.asks.take(station, message)
        finally:
            self._slots.release()

    async def _effects(self) -> None:
        """Publish what commits changed, in commit order; the only publisher of item changes."""
        while True:
            self._effect(await self.desk.effects.get())

    def _effect(self, effect: Effect) -> None:
        match effect:
            case ItemsChanged(first=first, n=n, at=at, changes=changes):
                said = ItemChanges(central=self.ledger.boot, first=first, n=n, at=at, changes=changes)
                self.link.post(Outgoing(topic("changes"), said.encode()))
            case Pushed(station=station, answer=answer):
                self.link.post(Outgoing(topic("answer", station=station), answer.encode()))
            case Happened() | CaseOpened() | CaseClosed() | Counted():
                self.watch.happened(effect)
            case _:
                assert_never(effect)


def telemetry_store(settings: CentralSettings) -> TelemetryStore:
    """Return the store that the settings name; raises ConfigError."""
    from datetime import timedelta

    match settings.telemetry:
        case SqliteTelemetry(path=path, retention_days=days):
            from central.telemetry.sqlite_store import SqliteStore

            return SqliteStore(path, retention=timedelta(days=days))
        case InfluxTelemetry() as influx:
            from central.telemetry.influx_store import InfluxSettings, InfluxStore

            token = _read(influx.token_file, "the token of InfluxDB").decode().strip()
            return InfluxStore(InfluxSettings(influx.url, influx.org, influx.bucket, token))


def _read(path: object, what: str) -> bytes:
    from pathlib import Path

    try:
        return Path(str(path)).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {what} cannot be read: {error.strerror}") from error


async def run(settings: CentralSettings, ready: Callable[[], None] = lambda: None) -> None:
    """Open the ledger and the stores and run until cancelled; raises ConfigError."""
    from wire.mqtt_link import MqttLink

    clock = SystemClock()
    policy = load(settings.policy, Policy)
    items_key = bytes.fromhex(_read(settings.items_key, "the key of the item hashes").decode().strip())
    async with AsyncExitStack() as stack:
        ledger = Ledger.open(settings.ledger, policy=policy, clock=clock)
        stack.callback(ledger.close)
        telemetry = telemetry_store(settings)
        stack.push_async_callback(telemetry.close)
        stations = len(await ledger.stations())
        broker = settings.broker
        link = MqttLink(
            LinkSettings(
                host=broker.host,
                port=broker.port,
                identity="central",
                ca=str(broker.ca),
                cert=str(broker.cert),
                key=str(broker.key),
                subscriptions=SUBSCRIPTIONS,
                will=status(clock, ledger.boot, "lost", stations),
            )
        )
        await Service(settings, ledger, policy, telemetry, items_key, link, clock).run(ready)
