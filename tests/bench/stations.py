"""Scripted stations for the bench: real streams over real links, as fast as they are answered.

Run as a process of its own: `stations.py PLAN.json`, where the plan names broker, identities, items and how
many facts each station has to say. Prints one JSON object when all of them are confirmed and answered.
"""

import asyncio
import json
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wire.link import Connected, Inbound, LinkSettings, Outgoing
from wire.mqtt_link import MqttLink
from wire.topics import topic

WINDOW = 16
WARM = 0.1
"""Share of the facts that is not measured."""


@dataclass
class Station:
    """One stream: what it has to say, and how far central is."""

    name: str
    link: MqttLink
    bodies: list[dict[str, Any]]
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    central: str = ""
    upto: int = 0
    sent: int = 0
    answers: int = 0
    requests: int = 0
    rate: float = 0.0
    at: dict[int, float] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stream = f"bench-{self.name}"
        self.ids = [f"{self.name}-{n:07d}" for n in range(len(self.bodies) + 1)]
        self.where = topic("fact", station=self.name)
        self.requests = sum(body["schema"] == "checkout/1" for body in self.bodies)

    def hello(self) -> None:
        last = len(self.bodies)
        said = {
            "kind": "hello", "stream": self.stream, "link": "l", "first": 1, "last": last,
            "last_id": self.ids[last], "seen": "",
        }  # fmt: skip
        self.link.post(Outgoing(self.where, json.dumps(said).encode()))

    async def run(self) -> None:
        async for event in self.link.events():
            if isinstance(event, Connected):
                self.hello()
            elif isinstance(event, Inbound):
                event.ack()
                body = json.loads(event.payload)
                if event.topic.endswith("/resume"):
                    self.resume(body)
                elif body.get("schema") == "answer/1":
                    self.answers += 1
                self.look()

    def resume(self, body: dict[str, Any]) -> None:
        if not self.central:
            self.central = body["central"]
            self.begun.set()
            return
        now = time.perf_counter()
        for seq in range(self.upto + 1, body["upto"] + 1):
            if seq in self.at:
                self.waits.append(now - self.at.pop(seq))
        self.upto = max(self.upto, body["upto"])
        if not self.rate:
            self.push()

    def push(self) -> None:
        while self.sent < min(len(self.bodies), self.upto + WINDOW):
            self.say()

    def say(self) -> None:
        n = self.sent
        entry = {
            "kind": "entry", "stream": self.stream, "link": "l", "to": self.central, "seq": n + 1,
            "id": self.ids[n + 1], "prev_id": self.ids[n] if n else "", "body": self.bodies[n],
        }  # fmt: skip
        self.at[n + 1] = time.perf_counter()
        self.link.post(Outgoing(self.where, json.dumps(entry).encode()))
        self.sent += 1

    async def paced(self, after_s: float) -> None:
        """Say facts at a steady rate from `after_s` on; the clock runs on when central is late."""
        start = time.perf_counter() + after_s
        for n in range(len(self.bodies)):
            await asyncio.sleep(max(start + n / self.rate - time.perf_counter(), 0))
            self.say()

    def look(self) -> None:
        if self.upto >= len(self.bodies) and self.answers >= self.requests:
            self.done.set()


def bodies(plan: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """70 % checkouts of items of one's own, 20 % checkins of them, 10 % passages."""
    items, cards = plan["items"][number], plan["cards"]
    made: list[dict[str, Any]] = []
    lent: list[str] = []
    free = list(items)
    stamp = {"at": plan["at"], "clock": "synced", "boot": f"boot-{number}"}
    for n in range(plan["facts"]):
        kind = n % 10
        common = {**stamp, "mono": n}
        if kind == 9:
            made.append({"schema": "passage/1", **common, "direction": "out", "verdict": "pass", "silent": 2})
        elif kind in (4, 8) and lent:
            item = lent.pop(0)
            free.append(item)
            made.append({"schema": "checkin/1", **common, "item": item, "via": "bin"})
        else:
            item = free.pop(0)
            lent.append(item)
            card = cards[(number * 7 + n) % len(cards)]
            made.append({"schema": "checkout/1", **common, "visit": f"v{n}", "card": card, "item": item})
    return made


async def main(plan: dict[str, Any]) -> dict[str, Any]:
    stations = []
    async with asyncio.TaskGroup() as tasks:
        running = []
        for number, name in enumerate(plan["stations"]):
            home = Path(plan["identities"]) / name
            link = MqttLink(
                LinkSettings(
                    plan["host"], plan["port"], name,
                    str(home / "ca.pem"), str(home / "cert.pem"), str(home / "key.pem"),
                    subscriptions=(topic("resume", station=name), topic("answer", station=name)),
                )
            )  # fmt: skip
            station = Station(name, link, bodies(plan, number), rate=plan["rate"] / len(plan["stations"]))
            stations.append(station)
            running += [tasks.create_task(link.run()), tasks.create_task(station.run())]
        for station in stations:
            await station.begun.wait()
        before = resource.getrusage(resource.RUSAGE_SELF)
        started = time.perf_counter()
        for number, station in enumerate(stations):
            if station.rate:  # evenly spread: stations that speak at one moment would measure their own queue
                running.append(tasks.create_task(station.paced(number / plan["rate"])))
            else:
                station.push()
        for station in stations:
            await station.done.wait()
        took = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_SELF)
        for task in running:
            task.cancel()
    waits = sorted(wait for station in stations for wait in station.waits)
    facts = sum(len(station.bodies) for station in stations)
    return {
        "facts": facts,
        "facts_per_s": facts / took,
        "answers": sum(station.answers for station in stations),
        "p50_ms": waits[len(waits) // 2] * 1000,
        "p99_ms": waits[len(waits) * 99 // 100] * 1000,
        "cpu_share": (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / took,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))))
