"""The desk: the one writer of the ledger (design §4).

Whatever changes circulation is submitted here. What waits is taken in groups of up to 500 and carried out
in one transaction on one worker thread, so that a disk's sync is paid once for many (and while it is paid
the next group gathers). A result, and with it anything that may be said, exists only after the commit.

`effects` holds what commits changed besides, in commit order, for whoever publishes. A desk whose lease
was lost, or whose database failed, ends with that exception: nothing it had not committed was said, so
every station sends it again.

Not for: the network, and reading (ask the ledger).
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from central.authority import Authority
from central.desk_asked import abandon
from central.desk_batch import Batch
from central.desk_holds import expire_holds
from central.desk_memory import Memory
from central.desk_scene import Group
from central.desk_settle import settle
from central.desk_time import Heard
from central.ledger.forget import Forgotten, forget
from central.ledger.hot_sqlite import Hot, is_trouble
from central.ledger.ledger import Ledger
from central.ledger.lock import LeaseLost
from central.ledger.rows import millis, moment
from central.results import DeskInput, DeskResult, Effect, FromStation, ItemsChanged
from central.seal import Seal, new_key
from circulation.policy import Policy
from wire.clock import Clock
from wire.ids import item_hash
from wire.messages.asks import ItemChange

log = logging.getLogger("turnleaf.central.desk")

GROUP = 500
"""Inputs in one transaction; measured: more gains little and makes everyone wait longer."""

TOGETHER = 12
"""From so many inputs on, rows are fetched and written for all of them at once. Measured, processor time of
each, one by one and together: of 2 298 and 337 µs, of 8 170 and 180, of 12 165 and 152, of 24 132 and 119."""

UPKEEP_S = 60.0
"""How often the ledger forgets, and looks for tags nobody reported on."""

HEARD_BOOTS = 4096
T = TypeVar("T")


Tell = Callable[[DeskResult | None], None]
"""Hears, on the loop, what became of an input after its commit; None: it will never be committed."""


@dataclass(slots=True)
class _Job:
    given: DeskInput
    tell: Tell


class Desk:
    """Takes inputs, commits them in groups, gives results after the commit."""

    def __init__(
        self, ledger: Ledger, authority: Authority, policy: Policy, clock: Clock, items_key: bytes
    ) -> None:
        self.ledger = ledger
        self.effects: asyncio.Queue[Effect] = asyncio.Queue()
        self.asked = asyncio.Event()
        """Set after a commit that left something for the runner of an authority elsewhere."""
        self._asked = False
        self._authority = authority
        self._policy = policy
        self._clock = clock
        self._key = items_key
        self._memory = Memory(ledger.boot)
        self._waiting: list[_Job] = []
        self._taken: list[_Job] = []
        self._others: list[tuple[Callable[[], tuple[Any, list[Effect]]], asyncio.Future[Any]]] = []
        self._wake = asyncio.Event()
        self._last_n = ledger.hot.last_change()
        self._seal = Seal(ledger.hot.seal_key(new_key()))

    def heard(self, station: str, boot: str, mono: int) -> None:
        """Note a live (never a retained) status of a station: its counter places its facts in time."""
        now, known = millis(self._clock.now()), self._memory.heard
        before = known.pop((station, boot), None)
        known[(station, boot)] = Heard(boot, now - mono, mono) if before is None else before.again(mono, now)
        while len(known) > HEARD_BOOTS:
            del known[next(iter(known))]

    def enqueue(self, given: DeskInput) -> "asyncio.Future[DeskResult]":
        """Put an input in line, in order; the future has its result after the commit."""
        done: asyncio.Future[DeskResult] = asyncio.get_running_loop().create_future()

        def tell(result: DeskResult | None) -> None:
            if result is None:
                done.cancel()
            elif not done.done():
                done.set_result(result)

        self.hand_over(given, tell)
        return done

    def hand_over(self, given: DeskInput, tell: Tell) -> None:
        """Put an input in line, in order; `tell` is called after the commit, before the effects are told.

        For the many: a future for each fact costs more than its policy decision.
        """
        self._waiting.append(_Job(given, tell))
        self._wake.set()

    async def submit(self, given: DeskInput) -> DeskResult:
        """Take one input; returns after the commit that holds it."""
        return await self.enqueue(given)

    async def write(self, work: Callable[[Hot], T]) -> T:
        """Run `work` in a transaction of its own, after what waits: for tables beside circulation."""
        return await self._in_line(lambda: self._transaction(lambda group: work(group.hot)))

    async def upkeep(self) -> Forgotten:
        """Forget what is due and look for tags nobody reported on; `run` does this every minute."""
        return await self._in_line(self._upkeep)

    async def abandon(self) -> int:
        """Make a case of each request that an authority elsewhere, which is not asked any more, left open."""
        return await self._in_line(lambda: self._transaction(abandon))

    async def _in_line(self, work: Callable[[], tuple[T, list[Effect]]]) -> T:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._others.append((work, done))
        self._wake.set()
        return cast(T, await done)

    @property
    def waiting(self) -> int:
        """Inputs that are in line, for whoever must bound them."""
        return len(self._waiting)

    async def run(self) -> None:
        """Commit what is submitted, in groups, until cancelled.

        Raises LeaseLost when another central took over, or the driver's error when the database fails.
        """
        upkeep = asyncio.create_task(self._keep_up(), name="desk-upkeep")
        with ThreadPoolExecutor(1, "desk") as worker:
            try:
                while True:
                    await self._wake.wait()
                    await self._group(worker)
                    await self._aside(worker)
                    if not self._waiting and not self._others:
                        self._wake.clear()
            finally:
                upkeep.cancel()
                for job in (*self._taken, *self._waiting):
                    job.tell(None)
                for _, done in self._others:
                    done.cancel()

    async def _keep_up(self) -> None:
        while True:
            try:
                await self.upkeep()
            except (
                Exception
            ) as error:  # the database's own trouble ends `run`; a bug here must not end upkeep
                log.error("upkeep broke off, and is tried again: %s", type(error).__name__)
            await asyncio.sleep(UPKEEP_S)

    async def _group(self, worker: ThreadPoolExecutor) -> None:
        """Commit one group and hand out its results."""
        self._taken, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
        if not self._taken:
            return
        given = [job.given for job in self._taken]
        results = await self._in(worker, lambda: self._commit(given))
        taken, self._taken = self._taken, []
        for job, result in zip(taken, results, strict=True):
            job.tell(result)

    async def _aside(self, worker: ThreadPoolExecutor) -> None:
        """Run what is no entry of a stream, each in its own transaction; its fault is its caller's."""
        others, self._others = self._others, []
        for work, done in others:
            try:
                result = await self._in(worker, work)
            except Exception as error:
                if isinstance(error, LeaseLost) or is_trouble(error):
                    raise
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(result)

    async def _in(self, worker: ThreadPoolExecutor, work: Callable[[], tuple[T, list[Effect]]]) -> T:
        """Run one transaction on the worker and put its effects in line. A commit is never torn apart."""
        result, effects = await asyncio.get_running_loop().run_in_executor(worker, work)
        for effect in effects:
            self.effects.put_nowait(effect)
        if self._asked:
            self._asked = False
            self.asked.set()
        return result

    # --- on the worker thread

    def _commit(self, given: list[DeskInput]) -> tuple[list[DeskResult], list[Effect]]:
        """Carry a group out together; if anything fails in it, once more, entry by entry."""
        if gains_together(given):
            try:
                return self._transaction(lambda group: Batch(group, self._memory, together=True).run(given))
            except Exception as error:
                if isinstance(error, LeaseLost) or is_trouble(error):
                    raise
                log.info("a group of %d is gone through again: %s", len(given), type(error).__name__)
        return self._transaction(lambda group: Batch(group, self._memory).run(given))

    def _upkeep(self) -> tuple[Forgotten, list[Effect]]:
        forgotten = forget(self.ledger.hot, self._policy.retention, millis(self._clock.now()))
        _, effects = self._transaction(_due_by_now)
        return forgotten, effects

    def _transaction(self, work: Callable[[Group], T]) -> tuple[T, list[Effect]]:
        hot = self.ledger.hot
        group = Group(hot, self._authority, self._policy, millis(self._clock.now()), self._last_n, self._seal)
        hot.begin()
        try:
            result = work(group)
            if group.changes:
                hot.changes((*change, group.now) for change in group.changes)
            hot.commit()
        except BaseException:
            hot.rollback()
            raise
        effects = group.effects
        self._asked = self._asked or group.asked
        if group.changes:
            effects.insert(0, self._changed(group))
            self._last_n = group.last_n
        return result, effects

    def _changed(self, group: Group) -> ItemsChanged:
        changes = tuple(
            ItemChange(h=f"{item_hash(self._key, item):016x}", v=version, s=word)
            for _, item, version, word in group.changes
        )
        return ItemsChanged(group.changes[0][0], group.last_n, moment(group.now), changes)


def gains_together(given: list[DeskInput]) -> bool:
    """Say whether a group gains by being carried out together: a terminal's request begins with a savepoint
    and looks at what nobody knows beforehand, so that it would put down what waits again and again."""
    return len(given) >= TOGETHER and all(isinstance(one, FromStation) for one in given)


def _due_by_now(group: Group) -> None:
    settle(group)
    expire_holds(group)
