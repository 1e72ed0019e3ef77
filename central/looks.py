"""Looking elsewhere how an item stands, because a gate is about to sound (design §5).

SIP2 never tells of loans that were made elsewhere, so it is asked when it matters. A gate waits a quarter of
a second: whoever asks here says how long, and gets None after it. The look itself goes on: what it brings is
kept for a few seconds and goes to the mirror, so that gates know it the next time by themselves.

A slow library system must not pile up. One look at an item is under way at a time, whoever asks for it; as
many looks run at once as there are connections; beyond `WAITING`, and after `STALE_MS` in line, none is made.

While a request of ours about the item is on its way there, the system elsewhere may not know the latest. A
return that it was not told yet is a return; a loan that either of the two knows is a loan.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from central.ledger import queries
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.results import DeskInput, DeskResult, Mirrored
from wire.clock import Clock

log = logging.getLogger("turnleaf.central.looks")

WAITING = 64
"""Looks in line at most: a few people with full arms."""
STALE_MS = 1000
"""A look that waited so long in line is not made any more; its gate decided long ago."""
KEPT_MS = 3000
"""How long an answer is good for whoever asks again: somebody who walks back and forth in a gate."""
REMEMBERED = 512
READY_S = 20.0
"""How often an idle connection is kept from being dropped."""


@dataclass(frozen=True, slots=True)
class Stands:
    """How an item stands elsewhere."""

    on_loan: bool | None
    """None: its status there does not tell."""
    due: date | None = None


class ItemLook(Protocol):
    """A library's own system, asked how an item stands."""

    async def look(self, item: str) -> Stands | None:
        """Ask; None when there was no answer. Bounded in time, but not to a gate's patience."""

    async def keep(self) -> None:
        """Be ready for the next question."""

    async def close(self) -> None:
        """Hang up."""


class ScriptedLook:
    """The shipped fake: it knows who has what, and answers when it is let."""

    def __init__(self) -> None:
        self.on_loan: dict[str, bool | None] = {}
        self.away = False
        self.looked: list[str] = []
        self.let_go = asyncio.Event()
        self.let_go.set()
        """Cleared, no question is answered until it is set."""

    async def look(self, item: str) -> Stands | None:
        """Answer as scripted."""
        self.looked.append(item)
        await self.let_go.wait()
        return None if self.away else Stands(self.on_loan.get(item))

    async def keep(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


@dataclass(slots=True)
class _Open:
    """A look that is in line or under way."""

    item: str
    since: int
    said: "asyncio.Future[bool | None]"


class Looks:
    """Looks that are asked for, under way, and lately made. `run()` makes them."""

    def __init__(
        self,
        look: ItemLook,
        ledger: Ledger,
        submit: Callable[[DeskInput], Awaitable[DeskResult]],
        clock: Clock,
        *,
        at_once: int = 2,
    ) -> None:
        self._look = look
        self._ledger = ledger
        self._submit = submit
        self._clock = clock
        self._at_once = at_once
        self._line: asyncio.Queue[_Open] = asyncio.Queue(WAITING)
        self._open: dict[str, _Open] = {}
        self._kept: OrderedDict[str, tuple[bool | None, int]] = OrderedDict()
        self.made = 0
        self.unanswered = 0
        """Looks that brought no answer, or none in time for who asked."""
        self.refused = 0
        """Looks that were not made, because too many wait already."""

    async def on_loan(self, item: str, within_s: float) -> bool | None:
        """Say whether an item is on loan elsewhere; None when nobody knows, or not within the time."""
        now = self._clock.mono()
        kept = self._kept.get(item)
        if kept is not None and now - kept[1] <= KEPT_MS:
            return kept[0]
        found = self._open.get(item)
        if found is None:
            found = _Open(item, now, asyncio.get_running_loop().create_future())
            try:
                self._line.put_nowait(found)
            except asyncio.QueueFull:
                self.refused += 1
                return None
            self._open[item] = found
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.shield(found.said)
        except TimeoutError:
            self.unanswered += 1
            return None

    async def run(self) -> None:
        """Make the looks until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(self._at_once):
                    tasks.create_task(self._work(), name=f"looks {number}")
        finally:
            await self._look.close()

    async def _work(self) -> None:
        await self._look.keep()
        while True:
            try:
                async with asyncio.timeout(READY_S):
                    wanted = await self._line.get()
            except TimeoutError:
                await self._look.keep()
                continue
            asked_at = millis(self._clock.now())
            found = await self._found(wanted)
            del self._open[wanted.item]
            wanted.said.set_result(None if found is None else found.on_loan)
            if found is not None and found.on_loan is not None:
                await self._submit(Mirrored(wanted.item, found.on_loan, asked_at, found.due))

    async def _found(self, wanted: _Open) -> Stands | None:
        """Look, and keep what came of it; None when nothing came, or it was not worth it any more."""
        item, now = wanted.item, self._clock.mono()
        if now - wanted.since > STALE_MS:
            self.refused += 1
            return None
        on_its_way = await self._ledger.read(lambda db: queries.on_its_way(db, item))
        if on_its_way:
            here = await self._ledger.on_loan(item)
            if here or "checkin" in on_its_way:
                return Stands(here)
        self.made += 1
        found = await self._look.look(item)
        if found is None:
            self.unanswered += 1
            log.info("the library system did not say how an item stands")
            return None
        self._kept[item] = found.on_loan, self._clock.mono()
        self._kept.move_to_end(item)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return found
