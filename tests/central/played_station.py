"""A station at the level of MQTT: what docs/reference/fact-bytes.md asks of one, and no line of the product's own.

It keeps what is not confirmed and nothing else, so that weeks of it cost no more than a day.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from real.broker import RealBroker

from wire.clock import Clock
from wire.ids import new_id
from wire.link import Inbound, Link, Outgoing
from wire.topics import topic

UNDER_WAY = 16
"""Entries beyond the last resume, at most."""
SILENT_S = 3.0
"""After so long without a resume the hello is said again, and what is open with it."""
PATIENCE_S = 60.0


class PlayedStation:
    """One station: `await tell(...)` returns the id of an entry that is under way, `settled()` when all are taken."""

    def __init__(self, link: Link, name: str, kind: str, clock: Clock) -> None:
        self.name, self.kind = name, kind
        self.refused: list[dict[str, Any]] = []
        self.accounts = 0
        self._link, self._clock = link, clock
        self._boot, self._stream, self._hello = new_id(), new_id(), ""
        self._central = ""
        self._open: dict[int, tuple[str, dict[str, Any]]] = {}
        self._last, self._last_id, self._upto = 0, "", 0
        self._samples = 0
        self._news = asyncio.Event()

    @property
    def told(self) -> int:
        """How many entries there were."""
        return self._last

    def stamp(self) -> dict[str, Any]:
        """Return when something happens, as every body says it."""
        now = self._clock.now()
        return {"at": now.isoformat(), "clock": "synced", "boot": self._boot, "mono": self._clock.mono()}

    async def run(self) -> None:
        """Be connected and listen until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run())
            async for event in self._link.events():
                if isinstance(event, Inbound):
                    self._hear(json.loads(event.payload))
                    event.ack()
                self._news.set()

    def _hear(self, said: dict[str, Any]) -> None:
        match said["schema"]:
            case "answer/1" if said["outcome"] == "refused":
                self.refused.append(said)
            case "account/1":
                self.accounts += 1
            case "resume/1" if said["stream"] == self._stream and said["link"] == self._hello:
                self._central, self._upto = said["central"], max(self._upto, said["upto"])
                for seq in [one for one in self._open if one <= self._upto]:
                    del self._open[seq]

    async def greet(self) -> None:
        """Say hello and wait for its resume."""
        self._hello, self._central = new_id(), ""
        held = {"first": 1, "last": self._last, "last_id": self._last_id}
        said = {"kind": "hello", "stream": self._stream, "link": self._hello, **held, "seen": ""}
        await self._say("fact", said)
        async with asyncio.timeout(PATIENCE_S):
            while not self._central:
                await self._heard()

    async def tell(self, kind: str, **body: Any) -> str:
        """Make an entry and send it; returns its id."""
        while len(self._open) >= UNDER_WAY:
            await self._moved()
        fact = new_id()
        self._last += 1
        envelope = {"seq": self._last, "id": fact, "prev_id": self._last_id}
        self._open[self._last] = fact, envelope | {"body": {"schema": kind, **self.stamp(), **body}}
        self._last_id = fact
        await self._send(self._last)
        return fact

    async def settled(self) -> None:
        """Wait until central has committed all."""
        async with asyncio.timeout(PATIENCE_S):
            while self._open:
                await self._moved()

    async def ask_account(self, card: str) -> None:
        """A patron is greeted."""
        before = self.accounts
        await self._say("ask", {"schema": "ask-account/1", "ask": new_id(), "card": card})
        async with asyncio.timeout(PATIENCE_S):
            while self.accounts == before:
                await self._heard()

    async def _moved(self) -> None:
        """Wait for a resume; say everything open again when none comes."""
        before = self._upto
        try:
            async with asyncio.timeout(SILENT_S):
                while self._upto == before:
                    await self._heard()
        except TimeoutError:
            await self.greet()
            for seq in list(self._open):
                await self._send(seq)

    async def _heard(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def _send(self, seq: int) -> None:
        where = {"kind": "entry", "stream": self._stream, "link": self._hello, "to": self._central}
        if seq in self._open:
            await self._say("fact", where | self._open[seq][1])

    async def _say(self, row: str, said: dict[str, Any], *, qos: int = 1, **levels: str) -> None:
        where = topic(row, station=self.name, **levels)
        retain = row in ("status", "work")
        await self._link.publish(Outgoing(where, json.dumps(said).encode(), qos=qos, retain=retain))

    async def status(self, state: str = "online") -> None:
        """Say how it is: there, or switched off; and that nothing waits."""
        stamp = self.stamp()
        common = {"boot": self._boot, "at": stamp["at"]}
        about = {"kind": self.kind, "version": "1", "mono": stamp["mono"], "heartbeat_s": 3600}
        await self._say("status", {"schema": "status/1", "state": state, **common, **about})
        work = {"service": "open", "outbox_open": 0, "outbox_fill": 0.0}
        await self._say("work", {"schema": "work/1", **common, **work})

    async def sample(self, part: str, **values: float) -> None:
        """Measure something."""
        self._samples += 1
        said = {"schema": "sample/1", **self.stamp(), "n": self._samples, "values": values}
        await self._say("sample", said, qos=0, part=part)


@asynccontextmanager
async def played(broker: RealBroker, name: str, kind: str, clock: Clock) -> AsyncIterator[PlayedStation]:
    """Connect a station, in step with central."""
    down = [topic(row, station=name) for row in ("resume", "answer")]
    station = PlayedStation(broker.link(name, subscriptions=down), name, kind, clock)
    running = asyncio.create_task(station.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await station._heard()
        await station.status()
        await station.greet()
        yield station
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
