"""Central as it runs, on a broker in memory or a real one, and stations that speak bytes by script."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from central.config import CentralSettings
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.ledger.seed import Registry, load
from central.presence import status
from central.service import SUBSCRIPTIONS, Service
from central.telemetry.sqlite_store import SqliteStore
from circulation.policy import Policy
from wire.clock import Clock, SystemClock, new_stamper
from wire.ids import new_id
from wire.link import Connected, Inbound, Link, LinkSettings, Outgoing
from wire.link_memory import MemoryBroker, MemoryLink, matches
from wire.messages.base import Message, stamped
from wire.messages.facts import Checkin, Checkout
from wire.messages.states import Operate, Operated, Status
from wire.messages.stream import Answer, Entry, Hello, Resume
from wire.topics import topic

KEY = b"k" * 32
T = TypeVar("T", bound=Message)

REGISTRY = {
    "branches": [{"branch": "main", "name": "Main library", "zone": "Europe/Copenhagen"}],
    "stations": [
        {"station": "kiosk-1", "branch": "main", "kind": "kiosk", "name": "By the door"},
        {"station": "kiosk-2", "branch": "main", "kind": "kiosk", "name": "Upstairs"},
        {"station": "gate-1", "branch": "main", "kind": "gate", "name": "Main door"},
    ],
    "patrons": [
        {"patron": "patron-77", "card": "CARD4711", "first_name": "Wilhelmina", "class": "adult",
         "home": "main", "language": "en", "pin": "8642"}
    ],
    "items": [
        {"item": f"ITEM-{n:04d}", "title": f"The Title {n}", "class": "book", "media": "book",
         "owner": "DK-710100", "branch": "main"}
        for n in range(1, 21)
    ],
}  # fmt: skip


def settings_in(folder: Path, **more: Any) -> CentralSettings:
    blank = folder / "none"
    return CentralSettings.model_validate(
        {
            "ledger": f"sqlite:///{folder / 'ledger.db'}",
            "policy": blank,
            "items_key": blank,
            "spool": folder / "spool",
            "broker": {"host": "127.0.0.1", "port": 1, "ca": blank, "cert": blank, "key": blank},
            "telemetry": {"kind": "sqlite", "path": folder / "telemetry.db"},
            "operators": {"alice": "operate", "vera": "look"},
            **more,
        }
    )


def seed(folder: Path) -> None:
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    load(ledger.hot, Registry.model_validate_json(json.dumps(REGISTRY)), millis(SystemClock().now()))
    ledger.close()


@contextlib.asynccontextmanager
async def central_on(
    broker: MemoryBroker, folder: Path, *, clock: Clock | None = None, **more: Any
) -> AsyncIterator[Service]:
    """Run central on a broker in memory; leaves by cancelling it, as SIGTERM does."""
    clock = clock or SystemClock()
    settings = settings_in(folder, **more)
    policy = Policy()
    ledger = Ledger.open(settings.ledger, policy=policy, clock=clock)
    store = SqliteStore(folder / "telemetry.db")
    will = status(clock, ledger.boot, "lost", 3)
    link = MemoryLink(
        broker, LinkSettings("", 0, "central", "", "", "", SUBSCRIPTIONS, will=will, will_delay_s=0)
    )
    service = Service(settings, ledger, policy, store, KEY, link, clock)
    ready = asyncio.Event()
    task = asyncio.create_task(service.run(ready.set))
    try:
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED, timeout=20)
        if task.done():
            task.result()
        yield service
    finally:
        waiting.cancel()
        task.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        finally:
            await store.close()
            ledger.close()


@dataclass
class Peer:
    """Whoever is at the other side of the broker: what arrived, and waiting for more."""

    link: Link
    name: str
    heard: list[Inbound] = field(default_factory=list)
    connected: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        async for event in self.link.events():
            match event:
                case Inbound():
                    event.ack()
                    self.heard.append(event)
                case Connected():
                    self.connected += 1
                case _:
                    continue
            self._news.set()

    async def until(self, true: Callable[[], Any], timeout: float = 20) -> Any:
        """Wait until something arrived that makes `true` true; return it."""
        async with asyncio.timeout(timeout):
            while not (found := true()):
                self._news.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), 0.05)
        return found

    def on(self, pattern: str, kind: type[T]) -> list[T]:
        """Return the messages of one kind below a pattern, oldest first."""
        found = []
        for message in self.heard:
            if matches(pattern, message.topic) and message.payload:
                with contextlib.suppress(ValueError):
                    found.append(kind.decode(message.payload))
        return found

    def latest(self, pattern: str) -> dict[str, bytes]:
        """Return the last payload of each topic below a pattern."""
        return {one.topic: one.payload for one in self.heard if matches(pattern, one.topic)}

    async def say(self, where: str, message: Message | bytes, *, qos: int = 1, retain: bool = False) -> None:
        payload = message if isinstance(message, bytes) else message.encode()
        await self.link.publish(Outgoing(where, payload, qos=qos, retain=retain))

    async def operate(self, verb: str, /, **args: Any) -> Operated:
        """Ask central as an operator and wait for the reply."""
        from datetime import timedelta

        asked = Operate(request=new_id(), until=SystemClock().now() + timedelta(seconds=20), args=args)
        await self.say(topic("request", identity=self.name, verb=verb), asked)
        where = topic("response", identity=self.name)
        found = await self.until(
            lambda: [one for one in self.on(where, Operated) if one.request == asked.request]
        )
        return found[0]


@contextlib.asynccontextmanager
async def peer(broker: MemoryBroker | Link, name: str, *subscriptions: str) -> AsyncIterator[Peer]:
    """Connect somebody."""
    link = (
        MemoryLink(broker, LinkSettings("", 0, name, "", "", "", subscriptions))
        if isinstance(broker, MemoryBroker)
        else broker
    )
    who = Peer(link, name)
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(who.listen())]
    try:
        await who.until(lambda: who.connected)
        yield who
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def down(name: str) -> tuple[str, ...]:
    return (
        *tuple(topic(row, station=name) for row in ("resume", "answer", "items", "command")),
        topic("changes"),
    )


@dataclass
class Script:
    """A station's outbox by script."""

    peer: Peer
    stream: str = field(default_factory=new_id)
    rows: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stamper = new_stamper()
        self.link = new_id()

    @property
    def name(self) -> str:
        return self.peer.name

    def stamp(self) -> dict[str, Any]:
        return stamped(self.stamper.stamp())

    async def status(self, state: str = "online", kind: str = "kiosk", heartbeat_s: int = 30) -> None:
        said = Status.model_validate(
            {"state": state, "boot": self.stamper.boot, "at": self.stamper.clock.now(), "kind": kind,
             "version": "1", "heartbeat_s": heartbeat_s, "mono": self.stamper.clock.mono()}
        )  # fmt: skip
        await self.peer.say(topic("status", station=self.name), said, retain=True)

    async def hello(self) -> Resume:
        """Say hello and wait for the resume that echoes it."""
        self.link = new_id()
        last_id = self.rows[-1][0] if self.rows else ""
        said = Hello(
            stream=self.stream, link=self.link, first=1, last=len(self.rows), last_id=last_id, seen=""
        )
        await self.peer.say(topic("fact", station=self.name), said)
        return await self.resume(lambda one: one.link == self.link)

    async def resume(self, wanted: Callable[[Resume], bool]) -> Resume:
        where = topic("resume", station=self.name)
        found = await self.peer.until(lambda: [one for one in self.peer.on(where, Resume) if wanted(one)])
        self.boot = found[-1].central
        return found[-1]

    def append(self, body: Message | dict[str, Any]) -> str:
        plain = body if isinstance(body, dict) else body.model_dump(mode="json", by_alias=True)
        self.rows.append((new_id(), plain))
        return self.rows[-1][0]

    def entry(self, seq: int) -> Entry:
        before = self.rows[seq - 2][0] if seq > 1 else ""
        fact, body = self.rows[seq - 1]
        return Entry(
            stream=self.stream, link=self.link, to=self.boot, seq=seq, id=fact, prev_id=before, body=body
        )

    async def send(self, seq: int) -> None:
        await self.peer.say(topic("fact", station=self.name), self.entry(seq))

    async def tell(self, body: Message | dict[str, Any]) -> str:
        """Append, send, and wait until central has committed it."""
        fact = self.append(body)
        seq = len(self.rows)
        await self.send(seq)
        await self.resume(lambda one: one.upto >= seq and one.stream == self.stream)
        return fact

    async def checkout(self, item: str, card: str = "CARD4711") -> Answer:
        request = await self.tell(Checkout(**self.stamp(), visit=new_id(), card=card, item=item))
        where = topic("answer", station=self.name)
        found = await self.peer.until(
            lambda: [one for one in self.peer.on(where, Answer) if one.request == request]
        )
        return found[-1]

    async def checkin(self, item: str) -> str:
        return await self.tell(Checkin(**self.stamp(), item=item))


@contextlib.asynccontextmanager
async def station(broker: MemoryBroker | Link, name: str) -> AsyncIterator[Script]:
    """Connect a scripted station, announced and in step."""
    async with peer(broker, name, *down(name)) as who:
        script = Script(who)
        await script.status(kind="gate" if name.startswith("gate") else "kiosk")
        await script.hello()
        yield script
