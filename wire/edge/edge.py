"""The station's disk, awaited: one worker thread owns edge.db, and every await is at most one commit.

From an item seen to a request published there is one fsync: the request, its number and its phase in the
visit log go into one transaction. A file found damaged at the start is set aside and salvaged; the
station goes on.

Not for: what central needs to know at once; that is `wire.uplink`, which sends what stands here.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

from wire.clock import Stamper
from wire.edge.model import Depth, Limits, Phase, Recovered
from wire.edge.salvage import finish_move, salvage
from wire.edge.schema import Connect, Synchronous, connect, damage, prepare
from wire.edge.store import EdgeStore, Said
from wire.errors import ConfigError
from wire.messages.base import stamped
from wire.messages.facts import Body, Checkin, Request, Secured, TagUnknown, TagWritten, Withdrawn
from wire.messages.stream import Answer, Resume
from wire.streams.station import Event, Fresh, Held, Station, Talk, step

T = TypeVar("T")
WithdrawReason = Literal["timeout", "removed", "tag-failed", "left", "restart", "cancelled"]
Via = Literal["kiosk", "bin", "desk"]
TagOutcome = Literal["verified", "failed", "unknown"]


def open_store(
    path: Path,
    *,
    stamper: Stamper,
    limits: Limits | None = None,
    synchronous: Synchronous = "FULL",
    connect: Connect = connect,
) -> tuple[EdgeStore, bool]:
    """Open or make edge.db; say whether it had to be salvaged. Raises ConfigError for an unusable folder."""
    try:
        finish_move(path)
        db = connect(path)
        salvaged = damage(db) is not None
        if salvaged:
            db.close()
            salvage(path, stamper=stamper, connect=connect)
            db = connect(path)
        prepare(db, synchronous)
        return EdgeStore(db, stamper=stamper, limits=limits or Limits(), synchronous=synchronous), salvaged
    except (OSError, sqlite3.OperationalError) as error:
        raise ConfigError(
            f"{path}: cannot be opened: {error}",
            why="A station that cannot write down must not take items.",
            do="Let the station's user write in this folder, on a disk with room.",
        ) from error


def recover(store: EdgeStore, stamper: Stamper, salvaged: bool) -> Recovered:
    """L5: nobody waits at the pad any more: requests are withdrawn; a tag half written is unknown."""
    withdrawn, unknown = [], []
    for request in sorted(store.unsettled):
        when = stamped(stamper.stamp())
        if store.phases[request] == "waiting":
            body: Body = Withdrawn(request=request, reason="restart", **when)
            store.settle(request, body, only_from=("waiting",), to="withdrawn")
            withdrawn.append(request)
            continue
        item = str((store.body_of(request) or {}).get("item") or "unknown")
        body = TagUnknown(request=request, item=item, **when)
        store.settle(request, body, only_from=("writing",), to="unknown")
        unknown.append(request)
    return Recovered(tuple(withdrawn), tuple(unknown), salvaged)


class Edge:
    """edge.db of one station. Use `await Edge.open(...)`, and `close()` at the end."""

    def __init__(
        self, store: EdgeStore, worker: ThreadPoolExecutor, stamper: Stamper, salvaged: bool
    ) -> None:
        self._store = store
        self._worker = worker
        self._stamper = stamper
        self._salvaged = salvaged

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        stamper: Stamper,
        limits: Limits | None = None,
        connect: Connect = connect,
    ) -> "Edge":
        """Open or make the file; checks it, and salvages a damaged one. Raises ConfigError."""
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="edge.db")
        loop = asyncio.get_running_loop()
        try:
            store, salvaged = await loop.run_in_executor(
                worker, lambda: open_store(path, stamper=stamper, limits=limits, connect=connect)
            )
        except BaseException:
            worker.shutdown(wait=False)
            raise
        return cls(store, worker, stamper, salvaged)

    async def close(self) -> None:
        """Close the file after what is under way."""
        await self._do(self._store.close)
        self._worker.shutdown(wait=False)

    async def _do(self, work: Callable[[], T]) -> T:
        """Run in the worker; a cancelled caller does not cancel a commit that is under way."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._worker, work))

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction of its own; for a gate's copy of the items and the like."""
        return await self._do(lambda: self._store.run(work))

    async def recover(self) -> Recovered:
        """L5, at the daemon's start: waiting requests are withdrawn, half written tags become unknown."""
        return await self._do(lambda: recover(self._store, self._stamper, self._salvaged))

    async def request(self, body: Request) -> str:
        """L1: commit the request and its phase `waiting`; return its id. OutboxFull at 80 %."""
        return await self._do(lambda: self._store.request(body))

    async def record(self, *bodies: Body) -> tuple[str, ...]:
        """Commit what has happened, in order, at once; return the ids. OutboxFull at 100 %."""
        return await self._do(lambda: self._store.record(bodies))

    async def accept(self, answer: Answer, central: str | None) -> Phase | None:
        """L2: commit the answer with the phase it leads to; None when it is not for us now."""
        return await self._do(lambda: self._store.accept(answer, central))

    async def withdraw(self, request: str, reason: WithdrawReason) -> bool:
        """L3, L4: take a request back, before anyone is told "not lent". False when settled already."""

        def work() -> bool:
            if self._store.phases.get(request) not in ("waiting", "writing"):
                return False
            body = Withdrawn(request=request, reason=reason, **stamped(self._stamper.stamp()))
            return self._store.settle(request, body, only_from=("waiting", "writing"), to="withdrawn")

        return await self._do(work)

    async def tag_written(self, request: str, item: str, afi: int | None) -> None:
        """L3: the tag was unsecured and read back. Recorded even if the request was withdrawn meanwhile."""
        body = TagWritten(request=request, item=item, afi=afi, **stamped(self._stamper.stamp()))
        await self._do(lambda: self._store.settle(request, body, only_from=("writing",), to="done"))

    async def tag_unknown(self, request: str, item: str) -> None:
        """L3: nobody can say what became of the tag."""
        body = TagUnknown(request=request, item=item, **stamped(self._stamper.stamp()))
        await self._do(lambda: self._store.settle(request, body, only_from=("writing",), to="unknown"))

    async def checkin(self, item: str, via: Via) -> str:
        """Record a return; its id goes into `secured`. OutboxFull at 100 %."""
        (row_id,) = await self.record(Checkin(item=item, via=via, **stamped(self._stamper.stamp())))
        return row_id

    async def secured(self, checkin: str, item: str, outcome: TagOutcome, afi: int | None = None) -> None:
        """Record what became of a returned item's tag."""
        stamp = stamped(self._stamper.stamp())
        await self.record(Secured(checkin=checkin, item=item, outcome=outcome, afi=afi, **stamp))

    def phase(self, request: str) -> Phase | None:
        """Return how far a request has come; None when this disk does not know it."""
        return self._store.phases.get(request)

    def depth(self) -> Depth:
        """Return what waits in the outbox, as of the last commit."""
        return self._store.depth

    @property
    def held(self) -> Held:
        """What the disk holds of its stream, as of the last commit."""
        return self._store.held

    async def advance(self, talk: Talk, event: Event) -> tuple[Talk, list[Said]]:
        """Step the stream; return the talk after it and what is to be published now (`wire.uplink`).

        Two times a second the step finds that nothing is due; what asks nothing of the disk is decided here.
        What it looked at may be a commit old: then the next step, which that commit brings, sees the rest.
        """
        state, effects = step(Station(self._store.held, talk), event)
        if not effects:
            return state.talk, []
        return await self._do(lambda: self._store.advance(talk, event))

    async def heard(self, talk: Talk, resume: Resume, now: float, fresh: Fresh) -> tuple[Talk, list[Said]]:
        """S3: step the stream with central's evidence."""
        return await self._do(lambda: self._store.heard(talk, resume, now, fresh))

    async def waiting(self, talk: Talk) -> list[Said]:
        """Return the published requests that still wait for an answer, to be said again."""
        if not self._store.unsettled:
            return []
        return await self._do(lambda: self._store.waiting(talk))

    async def prune(self, now: datetime) -> int:
        """S5: drop old confirmed rows; return how many went."""
        return await self._do(lambda: self._store.prune(now))
