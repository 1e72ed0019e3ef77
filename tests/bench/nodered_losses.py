"""What is lost when the consumer is killed while facts come in: Node-RED's flow, and central, with the same facts.

A fact counts as lost when its sender holds a receipt for it and it is in no database in the end. Each sender does
what it is told to do with its consumer. With Node-RED that is MQTT's own QoS 1: the broker's PUBACK is the
receipt, and the session of the flow is a persistent one, so that the broker keeps what comes while it is away.
With central it is `docs/reference/fact-bytes.md`: the receipt is a resume; what has none is said again.
"""

import asyncio
import json
import queue
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import paho.mqtt.client as mqtt

from tests.bench import fact_plan, nodered_flow
from tests.bench.site import Round, Site
from wire.ids import new_id

STATIONS, FACTS, WINDOW = 20, 500, 16
KILL_AT = 0.2
"""The consumer is killed when this share of the facts is in its database."""
STILL_S = 8.0
"""Nothing has moved for so long: it is over."""
AGAIN_S = 2.0


class Consumer(Protocol):
    """The other side, to be killed and started again."""

    database: Path
    broker_port: int

    async def start(self) -> None: ...
    async def kill(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass
class Stream:
    """What one station has to say, and how far it has got."""

    station: str
    entries: list[tuple[str, dict[str, Any]]]
    name: str = field(default_factory=new_id)
    link: str = ""
    central: str = ""
    upto: int = 0
    sent: int = 0

    def hello(self) -> dict[str, Any]:
        self.link, self.central = new_id(), ""
        last = self.entries[-1][0]
        return {"kind": "hello", "stream": self.name, "link": self.link, "first": 1, "last": len(self.entries),
                "last_id": last, "seen": ""}  # fmt: skip

    def entry(self, n: int, to: str) -> dict[str, Any]:
        fact, body = self.entries[n]
        before = self.entries[n - 1][0] if n else ""
        return {"kind": "entry", "stream": self.name, "link": self.link or "l", "to": to, "seq": n + 1, "id": fact,
                "prev_id": before, "body": body}  # fmt: skip


def streams() -> list[Stream]:
    """Return new facts of some stations: the plan of the bench."""
    from wire.clock import SystemClock

    now, made = SystemClock().now(), []
    for number in range(STATIONS):
        name = f"s{number:04d}"
        bodies = fact_plan.bodies(name, number, FACTS, now)
        made.append(Stream(name, [(new_id(), body) for body in bodies]))
    return made


def client(port: int, name: str, heard: Callable[[Any], None]) -> mqtt.Client:
    """Connect one client that speaks for all stations: the bare listener asks nobody who he is."""
    made = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
    made.on_socket_open = lambda _c, _u, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # type: ignore[assignment]  # paho's own stubs say nothing of sockets
    made.on_message = lambda _c, _u, message: heard(message)
    made.max_inflight_messages_set(100)
    made.connect("127.0.0.1", port)
    made.loop_start()
    return made


async def settled(count: Callable[[], int]) -> None:
    """Wait until a count has not moved for a while."""
    last, since = -1, 0.0
    while since < STILL_S:
        now = await asyncio.to_thread(count)
        last, since = (last, since + 0.25) if now == last else (now, 0.0)
        await asyncio.sleep(0.25)


async def killed_at(count: Callable[[], int], consumer: Any) -> int:
    """Kill a consumer when enough is in its database, start it again; return what was there then."""
    while (there := await asyncio.to_thread(count)) < KILL_AT * STATIONS * FACTS:
        await asyncio.sleep(0.01)
    await consumer.kill()
    await consumer.start()
    return there


async def theirs(consumer: Consumer, rate: float = 0) -> dict[str, int]:
    """Kill Node-RED; the senders forget what was acknowledged. Rate 0: as fast as the broker takes it."""
    given = streams()
    await consumer.start()

    def count() -> int:
        return len(nodered_flow.ids(consumer.database))

    killing = asyncio.create_task(killed_at(count, consumer))
    try:
        acknowledged = await asyncio.to_thread(publish_all, consumer.broker_port, given, rate)
        await killing
        await settled(count)
        there = nodered_flow.ids(consumer.database)
    finally:
        killing.cancel()
        await consumer.stop()
    return {"facts": STATIONS * FACTS, "receipts": len(acknowledged), "lost": len(acknowledged - there)}


def publish_all(port: int, given: list[Stream], rate: float) -> set[str]:
    """Publish everything at QoS 1, stations in turn; return the facts with a PUBACK."""
    sender = client(port, "sender", lambda _: None)
    sent, began = [], time.perf_counter()
    for n in range(FACTS):
        for one in given:
            where = f"turnleaf/v1/up/{one.station}/fact"
            info = sender.publish(where, json.dumps(one.entry(n, "node-red")), qos=1)
            sent.append((one.entries[n][0], info))
        if rate:
            time.sleep(max(0.0, began + len(sent) / rate - time.perf_counter()))
    for _, info in sent:
        info.wait_for_publish(60)
    acknowledged = {fact for fact, info in sent if info.is_published()}
    sender.disconnect()
    sender.loop_stop()
    return acknowledged


async def ours(site: Site, folder: Path) -> dict[str, int]:
    """Kill central; the senders keep what has no resume."""
    given = streams()
    async with Round(site, folder, "plain", [one.station for one in given], FACTS) as one:

        def count() -> int:
            with closing(sqlite3.connect(f"file:{folder}/ledger.db?mode=ro", uri=True)) as db:
                return int(db.execute("SELECT count(*) FROM journal").fetchone()[0])

        killing = asyncio.create_task(killed_at(count, one.central))
        try:
            async with asyncio.timeout(180):
                await asyncio.to_thread(say_all, site.plain.port, given)
                await killing
        finally:
            killing.cancel()
        with closing(sqlite3.connect(f"file:{folder}/ledger.db?mode=ro", uri=True)) as db:
            there = {row[0] for row in db.execute("SELECT fact_id FROM journal")}
            doubled = len(
                db.execute("SELECT 1 FROM journal GROUP BY stream, seq HAVING count(*) > 1").fetchall()
            )
    facts = {fact for one in given for fact, _ in one.entries[: one.upto]}
    return {"facts": STATIONS * FACTS, "receipts": len(facts), "lost": len(facts - there), "doubled": doubled}


def say_all(port: int, given: list[Stream]) -> None:
    """Be all stations, by the book, until every fact has its resume."""
    heard: queue.Queue[Any] = queue.Queue()
    sender = client(port, "stations", heard.put)
    sender.subscribe([("turnleaf/v1/down/+/resume", 1)])
    by_name = {one.name: one for one in given}

    def say(one: Stream, body: dict[str, Any]) -> None:
        sender.publish(f"turnleaf/v1/up/{one.station}/fact", json.dumps(body), qos=1)

    for one in given:
        say(one, one.hello())
    while any(one.upto < len(one.entries) for one in given):
        try:
            told = json.loads(heard.get(timeout=AGAIN_S).payload)
        except queue.Empty:  # nothing has moved: hello again
            for one in given:
                say(one, one.hello())
            continue
        one = by_name.get(told["stream"])
        if one is None or told["link"] != one.link:  # of a round before
            continue
        if told["central"] != one.central:
            one.central, one.sent = told["central"], told["upto"]
        one.upto = told["upto"]
        while one.sent < min(len(one.entries), one.upto + WINDOW):
            say(one, one.entry(one.sent, one.central))
            one.sent += 1
    sender.disconnect()
    sender.loop_stop()
