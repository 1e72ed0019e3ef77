"""A central for the tests of stations: the pure central end of a stream over a link, and a few replies.

It takes entries with `wire.streams.central.judge`, keeps what it took in `taken` (the journal), and answers
asks for items from `items`. It is one process's memory: `restart` gives it a new boot on the same journal.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from wire.ids import item_hash, new_id
from wire.link import Connected, Inbound, Link, Outgoing
from wire.messages.asks import (
    ASKS,
    Account,
    AskAccount,
    AskChanges,
    AskSnapshot,
    ItemChange,
    ItemChanges,
    ItemsPage,
)
from wire.messages.states import CentralStatus, Command
from wire.messages.stream import UPWARD, Entry
from wire.streams.central import RaiseHigh, Row, Take, TakeKnown, judge, resume
from wire.topics import match, topic

T = TypeVar("T")
SUBSCRIPTIONS = ("turnleaf/v1/up/#",)
STATES = ("available", "loan", "gone")


class ScriptedCentral:
    """Run it in a task with a link that subscribes to SUBSCRIPTIONS."""

    def __init__(self, link: Link, key: bytes = b"0" * 32) -> None:
        self.link = link
        self.key = key
        self.boot = new_id()
        self.rows: dict[str, Row] = {}
        self.ids: set[str] = set()
        self.taken: list[Entry] = []
        self.doubled: list[Entry] = []
        self.states: dict[str, list[dict[str, Any]]] = {}
        self.samples: dict[str, list[dict[str, Any]]] = {}
        self.replies: list[dict[str, Any]] = []
        self.asks: list[Any] = []
        self.items: dict[str, tuple[int, str]] = {}
        self.log: list[ItemChange] = []
        self.silent = False
        """Hear everything and say nothing about streams, as a central that hangs."""
        self._news = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.link.run())
            async for event in self.link.events():
                if isinstance(event, Connected):
                    self.say_status("online")
                elif isinstance(event, Inbound):
                    self._take(event)
                    event.ack()
                    self._news.set()

    async def until(self, wanted: Callable[[], T], timeout: float = 20) -> T:
        """Wait until `wanted()` is true after some message, and return it."""
        async with asyncio.timeout(timeout):
            while not (found := wanted()):
                self._news.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), 0.1)
        return found

    def say_status(self, state: str) -> None:
        status = CentralStatus.model_validate(
            {"state": state, "boot": self.boot, "at": datetime.now(UTC), "version": "test"}
        )
        self.link.post(Outgoing(topic("central"), status.encode(), retain=True))

    def restart(self) -> None:
        """A new life on the same journal."""
        self.boot = new_id()
        self.say_status("online")

    def bodies(self, kind: str, station: str = "") -> list[dict[str, Any]]:
        """Return the bodies of this kind that were taken."""
        mine = {row.stream for row in self.rows.values() if station in ("", row.station)}
        return [one.body for one in self.taken if one.body["schema"] == kind and one.stream in mine]

    def state(self, station: str, which: str) -> dict[str, Any]:
        """Return the latest state, e.g. state("gate-1", "work"); empty before the first."""
        return (self.states.get(f"{station}/{which}") or [{}])[-1]

    def command(self, station: str, verb: str, text: str = "", *, seconds: float = 30) -> str:
        command = Command.model_validate(
            {
                "command": new_id(),
                "until": datetime.now(UTC) + timedelta(seconds=seconds),
                "verb": verb,
                "text": text,
            }
        )
        self.link.post(Outgoing(topic("command", station=station), command.encode()))
        return command.command

    def set_item(self, item: str, state: str, *, publish: bool = True) -> None:
        version = self.items.get(item, (0, ""))[0] + 1
        self.items[item] = (version, state)
        change = ItemChange.model_validate(
            {"h": f"{item_hash(self.key, item):016x}", "v": version, "s": state}
        )
        self.log.append(change)
        if publish:
            self.link.post(Outgoing(topic("changes"), self._changes(len(self.log) - 1).encode()))

    def _changes(self, after: int) -> ItemChanges:
        return ItemChanges(
            central=self.boot,
            first=after + 1,
            n=max(1, len(self.log)),
            at=datetime.now(UTC),
            changes=tuple(self.log[after:]),
        )

    def _take(self, event: Inbound) -> None:
        found = match(event.topic)
        if found is None or not event.payload:
            return
        row, levels = found
        station = levels["station"]
        match row.name:
            case "fact":
                self._fact(station, event.payload)
            case "ask":
                self._ask(station, ASKS.validate_json(event.payload))
            case "reply":
                self.replies.append(json.loads(event.payload))
            case "sample":
                self.samples.setdefault(f"{station}/{levels['part']}", []).append(json.loads(event.payload))
            case name:
                self.states.setdefault(f"{station}/{name}", []).append(json.loads(event.payload))

    def _fact(self, station: str, payload: bytes) -> None:
        if self.silent:
            return
        message = UPWARD.validate_json(payload)
        stream = self.rows.get(message.stream, Row(message.stream, station))
        known = isinstance(message, Entry) and message.id in self.ids
        judged = judge(stream, message, station=station, boot=self.boot, known_id=known)
        match judged:
            case Take(row=stream):
                if isinstance(message, Entry):
                    self.taken.append(message)
                    self.ids.add(message.id)
            case TakeKnown(row=stream):
                assert isinstance(message, Entry)
                self.doubled.append(message)
            case RaiseHigh(row=stream):
                pass
            case _:
                pass
        self.rows[message.stream] = stream
        said = resume(stream, message.link, self.boot)
        self.link.post(Outgoing(topic("resume", station=station), said.encode()))

    def _ask(self, station: str, ask: Any) -> None:
        self.asks.append(ask)
        match ask:
            case AskAccount():
                account = Account(ask=ask.ask, known=True, greeting="Ada")
                self.link.post(Outgoing(topic("answer", station=station), account.encode()))
            case AskSnapshot():
                for page in self._pages(ask.ask):
                    self.link.post(Outgoing(topic("items", station=station), page.encode()))
            case AskChanges() if ask.after <= len(self.log):
                said = self._changes(ask.after)
                self.link.post(Outgoing(topic("items", station=station), said.encode()))
            case _:
                pass

    def _pages(self, ask: str) -> list[ItemsPage]:
        packed = [
            item_hash(self.key, item).to_bytes(8, "big") + v.to_bytes(4, "big") + bytes((STATES.index(s),))
            for item, (v, s) in self.items.items()
        ]
        chunks = [packed[at : at + 100] for at in range(0, len(packed), 100)] or [[]]
        snapshot = new_id()
        return [
            ItemsPage(
                ask=ask,
                snapshot=snapshot,
                page=number,
                pages=len(chunks),
                n=len(self.log),
                records=base64.b64encode(b"".join(chunk)).decode(),
            )
            for number, chunk in enumerate(chunks)
        ]
