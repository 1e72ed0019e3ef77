"""Asks: questions that only read. They expire in seconds; an answer that comes too late is not given.

What waits is bounded: when more is asked than can be read, the newest ask is dropped ("not now" at the
station) rather than that facts wait for it. A snapshot goes page by page, each after the broker has taken
the one before, and beside the short asks, so that a branch of new gates keeps no patron waiting.
"""

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import assert_never

from pydantic import ValidationError

from central.items import pages
from central.ledger.ledger import Ledger
from central.looks import Looks
from central.pin_tries import PinTries
from wire.clock import Clock
from wire.errors import LinkError
from wire.link import Inbound, Link, Outgoing
from wire.messages.asks import (
    ASKS,
    Account,
    Ask,
    AskAccount,
    AskChanges,
    AskItem,
    AskSnapshot,
    AskVerdict,
    ItemChanges,
    VerdictSaid,
)
from wire.messages.base import Message
from wire.messages.stream import Refusal
from wire.topics import BY_NAME, topic

log = logging.getLogger("turnleaf.central.asks")

WAITING = 512
"""Asks that wait at most; a ledger's reader answers some thousand in a second."""
VERDICTS = 128
"""Gates' questions that wait for a library's own system at once."""
WAY_MS = 50
"""What an answer needs back to the gate, of the time that the gate waits."""
EXPIRY_MS = (BY_NAME["ask"].expiry_s or 8) * 1000


@dataclass(frozen=True, slots=True)
class _Waiting:
    station: str
    ask: Ask
    since: int


class Asks:
    """Answers what stations ask, from the ledger's readers. `run()` does the work."""

    def __init__(
        self,
        ledger: Ledger,
        link: Link,
        items_key: bytes,
        clock: Clock,
        tries: PinTries | None = None,
        looks: Looks | None = None,
    ) -> None:
        self._ledger = ledger
        self._link = link
        self._key = items_key
        self._clock = clock
        self._tries = tries or PinTries()
        self._looks = looks
        """Who is asked about verdicts, where loans are decided elsewhere; None: the ledger knows."""
        self._tasks: asyncio.TaskGroup | None = None
        self._verdicts = 0
        self._short: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING)
        self._long: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING)
        self.answered = 0
        self.dropped = 0
        """Asks that came too many or were answered too late."""
        self.unreadable = 0

    def take(self, station: str, message: Inbound) -> None:
        """Put an ask in line; a word that is none is counted and forgotten."""
        try:
            ask = ASKS.validate_json(message.payload)
        except ValidationError:
            self.unreadable += 1
            log.warning("%s asked something that cannot be read", station)
            return
        if isinstance(ask, AskVerdict) and self._looks is not None:
            self._look(station, ask, self._looks)
            return
        line = self._long if isinstance(ask, AskSnapshot | AskChanges) else self._short
        try:
            line.put_nowait(_Waiting(station, ask, self._clock.mono()))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                tasks.create_task(self._serve(self._short), name="short asks")
                tasks.create_task(self._serve(self._long), name="items for gates")
                if self._looks is not None:
                    tasks.create_task(self._looks.run(), name="looks elsewhere")
                await asyncio.Event().wait()
            finally:
                self._tasks = None

    def _look(self, station: str, ask: AskVerdict, looks: Looks) -> None:
        """Have a library's own system asked, beside everything else; a gate's patience is short."""
        if self._tasks is None or self._verdicts >= VERDICTS:
            self.dropped += 1
            return
        self._verdicts += 1
        self._tasks.create_task(self._verdict(station, ask, looks), name="verdict")

    async def _verdict(self, station: str, ask: AskVerdict, looks: Looks) -> None:
        try:
            on_loan = await looks.on_loan(ask.item, max(0, ask.within_ms - WAY_MS) / 1000)
            self._say(station, VerdictSaid(ask=ask.ask, item=ask.item, on_loan=on_loan))
            self.answered += 1
        finally:
            self._verdicts -= 1

    async def _serve(self, line: "asyncio.Queue[_Waiting]") -> None:
        while True:
            waiting = await line.get()
            if self._clock.mono() - waiting.since > EXPIRY_MS:
                self.dropped += 1
                continue
            try:
                await self._answer(waiting.station, waiting.ask)
                self.answered += 1
            except LinkError as error:
                self.dropped += 1
                log.info("items for %s broken off: %s", waiting.station, error.seen)

    async def _answer(self, station: str, ask: Ask) -> None:
        match ask:
            case AskAccount():
                self._say(station, await self._account(station, ask))
            case AskItem():
                self._say(station, await self._ledger.item(ask.ask, ask.item))
            case AskVerdict():
                on_loan = await self._ledger.on_loan(ask.item)
                self._say(station, VerdictSaid(ask=ask.ask, item=ask.item, on_loan=on_loan))
            case AskSnapshot():
                await self._snapshot(station, ask.ask)
            case AskChanges():
                await self._changes(station, ask)
            case _:
                assert_never(ask)

    async def _account(self, station: str, ask: AskAccount) -> Account:
        """Read an account; a PIN is compared only while there were not too many wrong ones."""
        wait = 0.0 if ask.pin is None else self._tries.wait_s(station, ask.card, self._clock.mono())
        if wait > 0:
            minutes = max(1, math.ceil(wait / 60))
            refusal = Refusal(code="too-many-tries", params={"minutes": minutes}, next_step="try-later")
            return Account(ask=ask.ask, known=False, refusal=refusal)
        account = await self._ledger.account(ask.ask, ask.card, ask.pin, self._clock.now())
        if ask.pin is not None and not account.known:
            self._tries.wrong(station, ask.card, self._clock.mono())
            if self._tries.wait_s(station, ask.card, self._clock.mono()) > 0:
                log.warning("%s: too many wrong PINs for a card or at this station", station)
        elif ask.pin is not None:
            self._tries.right(ask.card)
        return account

    def _say(self, station: str, said: Message) -> None:
        expiry = BY_NAME["ask"].expiry_s
        self._link.post(Outgoing(topic("answer", station=station), said.encode(), expiry_s=expiry))

    async def _page(self, station: str, said: Message) -> None:
        expiry = BY_NAME["items"].expiry_s
        await self._link.publish(Outgoing(topic("items", station=station), said.encode(), expiry_s=expiry))

    async def _snapshot(self, station: str, ask: str) -> None:
        found = await self._ledger.snapshot_items(self._key)
        for page in pages(ask, found.n, found.rows):
            await self._page(station, page)

    async def _changes(self, station: str, ask: AskChanges) -> None:
        """Say the changes after a number, or that there are none.

        When they are not kept any more, or the number was never reached here (a restored ledger), the
        reply counts from nothing under another name than our boot: the gate then forgets and takes a
        snapshot, as after any central whose numbers went back.
        """
        found = await self._ledger.changes_after(ask.after, self._key)
        if found is None:
            anew = f"{self._ledger.boot}-anew"
            await self._page(
                station, ItemChanges(central=anew, first=1, n=0, at=self._clock.now(), changes=())
            )
            return
        said = ItemChanges(
            central=self._ledger.boot, first=found.first, n=found.n, at=found.at, changes=found.changes
        )
        await self._page(station, said)
