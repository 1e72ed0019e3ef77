"""A scripted station and a desk on a real SQLite file."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from central.authority import Authority, OwnLedger
from central.desk import Desk
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.ledger.seed import Registry, load
from central.results import DeskResult, Effect, FromStation
from circulation.policy import Policy
from wire.clock import FakeClock
from wire.ids import new_id
from wire.messages.facts import (
    Began,
    Checkin,
    Checkout,
    Count,
    Incident,
    Passage,
    Renew,
    Secured,
    TagUnknown,
    TagWritten,
    Withdrawn,
)
from wire.messages.stream import Answer, Entry, Hello, Lost, Void

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = b"k" * 32
REGISTRY = {
    "branches": [
        {"branch": "main", "name": "Main library", "zone": "Europe/Copenhagen"},
        {"branch": "north", "name": "North", "zone": "Europe/Copenhagen"},
    ],
    "stations": [
        {"station": "k1", "branch": "main", "kind": "kiosk", "name": "Door"},
        {"station": "k2", "branch": "main", "kind": "kiosk", "name": "Stairs"},
        {"station": "g1", "branch": "main", "kind": "gate", "name": "Gate"},
        {"station": "b1", "branch": "main", "kind": "bin", "name": "Bin"},
    ],
    "patrons": [
        {
            "patron": f"patron-{n}",
            "card": f"CARD{n}",
            "first_name": f"Name{n}",
            "class": "adult",
            "home": "main",
            "language": "en",
        }
        for n in range(1, 5)
    ],
    "items": [
        {
            "item": f"item-{n}",
            "title": f"Title {n}",
            "class": "book",
            "media": "book",
            "owner": "DK-1",
            "branch": "main",
        }
        for n in range(1, 10)
    ],
}


@dataclass
class World:
    """A desk that runs, with its clock."""

    desk: Desk
    ledger: Ledger
    clock: FakeClock
    path: Path
    alarms: list[Any] = field(default_factory=list)

    def effects(self) -> list[Effect]:
        """Take the effects that are in line."""
        taken = []
        while not self.desk.effects.empty():
            taken.append(self.desk.effects.get_nowait())
        return taken

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look into the file itself."""
        import sqlite3

        db = sqlite3.connect(self.path)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def cases(self) -> set[str]:
        """Return the keys of the open cases."""
        return {row[0] for row in self.rows('SELECT key FROM "case" WHERE closed IS NULL')}

    def loans(self) -> set[tuple[str, str]]:
        """Return (item, patron) of the open loans."""
        return set(self.rows("SELECT item, patron FROM loan WHERE ended IS NULL AND NOT withdrawn"))


@asynccontextmanager
async def desk_on(
    path: Path,
    clock: FakeClock | None = None,
    policy: Policy | None = None,
    *,
    seed: bool = True,
    authority: Authority | None = None,
) -> AsyncIterator[World]:
    """Run a desk on a ledger file."""
    clock = clock or FakeClock(START)
    policy = policy or Policy()
    ledger = Ledger.open(f"sqlite:///{path}", policy=policy, clock=clock)
    try:
        if seed:
            load(ledger.hot, Registry.model_validate_json(json.dumps(REGISTRY)), millis(clock.now()))
        desk = Desk(ledger, authority or OwnLedger(policy), policy, clock, KEY)
        running = asyncio.create_task(desk.run())
        for _ in range(2):  # the desk's own first upkeep lies between these two, before any clock moves
            await desk.upkeep()
        try:
            yield World(desk, ledger, clock, path)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    finally:
        ledger.close()


class Station:
    """A station's outbox in memory, that says what the protocol lets it say."""

    def __init__(self, world: World, name: str = "k1") -> None:
        self.world = world
        self.name = name
        self.stream = new_id()
        self.link = new_id()
        self.boot = new_id()
        self.rows: list[tuple[str, dict[str, Any]]] = []

    @property
    def central(self) -> str:
        return self.world.ledger.boot

    def id_at(self, seq: int) -> str:
        return self.rows[seq - 1][0] if seq else ""

    def hello(self, *, seen: str = "", first: int = 1) -> Hello:
        last = len(self.rows)
        return Hello(
            stream=self.stream, link=self.link, first=first, last=last, last_id=self.id_at(last), seen=seen
        )

    def write(self, body: Any, *, at: datetime | None = None, entry: str | None = None) -> int:
        """Append a body; returns its number."""
        told = body if isinstance(body, dict) else json.loads(body.encode())
        self.rows.append((entry or new_id(), told))
        return len(self.rows)

    def entry(self, seq: int, *, to: str | None = None, answer: Answer | None = None) -> Entry:
        fact, body = self.rows[seq - 1]
        return Entry(
            stream=self.stream, link=self.link, to=to or self.central, seq=seq, id=fact,
            prev_id=self.id_at(seq - 1), body=body, answer=answer,
        )  # fmt: skip

    def void(self, seq: int, reason: str = "too large") -> Void:
        return Void(
            stream=self.stream, link=self.link, to=self.central, seq=seq, id=self.id_at(seq),
            prev_id=self.id_at(seq - 1), reason=reason,
        )  # fmt: skip

    def lost(self, after: int, upto: int) -> Lost:
        return Lost(
            stream=self.stream, link=self.link, to=self.central, after=after, upto=upto, id=self.id_at(upto)
        )

    async def say(self, message: Any) -> DeskResult:
        return await self.world.desk.submit(FromStation(self.name, message))

    async def send(self, body: Any, *, entry: str | None = None, answer: Answer | None = None) -> DeskResult:
        """Append and deliver one body, as it happens now."""
        self.world.clock.advance(1)
        return await self.say(self.entry(self.write(body, entry=entry), answer=answer))

    # --- bodies, stamped now (or earlier)

    def stamp(self, at: datetime | None = None) -> dict[str, Any]:
        return {
            "at": at or self.world.clock.now(),
            "clock": "synced",
            "boot": self.boot,
            "mono": self.world.clock.mono(),
        }

    def checkout(self, item: str, card: str, at: datetime | None = None, **more: Any) -> Checkout:
        return Checkout(**self.stamp(at), visit=new_id(), card=card, item=item, **more)

    def renew(self, item: str, card: str, at: datetime | None = None) -> Renew:
        return Renew(**self.stamp(at), visit=new_id(), card=card, item=item)

    def checkin(self, item: str, at: datetime | None = None) -> Checkin:
        return Checkin(**self.stamp(at), item=item, via="bin" if self.name == "b1" else "kiosk")

    def secured(self, checkin: str, item: str, outcome: Any = "verified") -> Secured:
        return Secured(**self.stamp(), checkin=checkin, item=item, outcome=outcome, afi=7)

    def withdrawn(self, request: str, reason: Any = "timeout") -> Withdrawn:
        return Withdrawn(**self.stamp(), request=request, reason=reason)

    def written(self, request: str, item: str) -> TagWritten:
        return TagWritten(**self.stamp(), request=request, item=item, afi=0xC2)

    def tag_unknown(self, request: str, item: str) -> TagUnknown:
        return TagUnknown(**self.stamp(), request=request, item=item)

    def began(self, reason: Any = "new", parents: tuple[str, ...] = ()) -> Began:
        return Began(**self.stamp(), reason=reason, parents=parents)

    def passage(self, **more: Any) -> Passage:
        return Passage(**self.stamp(), **more)

    def count(self, entered: int, left: int) -> Count:
        return Count(**self.stamp(), since=START, entered=entered, left=left)

    def incident(self, what: Any, detail: str = "") -> Incident:
        return Incident(**self.stamp(), what=what, detail=detail)

    async def lend(self, item: str, card: str) -> str:
        """Lend an item as it goes well; returns the request."""
        request = new_id()
        said = await self.send(self.checkout(item, card), entry=request)
        assert said.answer is not None
        assert said.answer.outcome == "granted", said.answer.refusal
        await self.send(self.written(request, item))
        return request

    async def take_back(self, item: str, outcome: str = "verified") -> str:
        """Return an item and secure its tag; returns the checkin."""
        fact = new_id()
        await self.send(self.checkin(item), entry=fact)
        await self.send(self.secured(fact, item, outcome))
        return fact
