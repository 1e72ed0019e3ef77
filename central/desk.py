"""The desk: the one writer of the ledger (design §4).

Whatever changes circulation is submitted here. What waits is taken in groups and carried out in one
transaction, so that a disk's sync is paid once for many (and while it is paid the next group gathers). A
result, and with it anything that may be said, exists only after the commit.

A group is carried out on the loop and committed on a thread: the disk is what a loop must not wait for. It
was slower with the statements on that thread, too: Python's driver lets go of the interpreter for each of
them, and two threads that hand it to and fro lose more than they gain. Work beside the streams has the thread
for all it does, and so has the wait for somebody else who writes the same file.

`effects` holds what commits changed besides, in commit order, for whoever publishes. A desk whose lease
was lost, or whose database failed, ends with that exception: nothing it had not committed was said, so
every station sends it again.

Not for: the network, and reading (ask the ledger).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from central.authority import Authority
from central.desk_asked import abandon
from central.desk_attempt import ends_the_desk
from central.desk_batch import Batch
from central.desk_holds import expire_holds
from central.desk_memory import Memory
from central.desk_scene import Group
from central.desk_settle import settle
from central.desk_time import Heard, OwnClock
from central.desk_transactions import Committed, Done, Transactions
from central.ledger.database import BUSY_MS
from central.ledger.forget import Forgotten, forget
from central.ledger.hot_sqlite import Hot, is_busy
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.results import DeskInput, DeskResult, Effect
from circulation.policy import Policy
from wire.clock import Clock

log = logging.getLogger("turnleaf.central.desk")

GROUP = 500
"""Inputs in one transaction: some 60 ms of the loop when so many wait. Measured: of 250 each costs more."""

UPKEEP_S = 60.0
"""How often the ledger forgets, and looks for tags nobody reported on."""

FAR_BACK = 360
"""Upkeeps between two looks for tags that go far back: the first is one, and then one in six hours."""

HEARD_BOOTS = 4096
T = TypeVar("T")


Tell = Callable[[DeskResult | None], None]
"""Hears, on the loop, what became of an input after its commit; None: it will never be committed."""


@dataclass(slots=True)
class _Job:
    given: DeskInput
    tell: Tell


_Work = Callable[[], Committed[Any]]


class Desk:
    """Takes inputs, commits them in groups, gives results after the commit."""

    def __init__(
        self, ledger: Ledger, authority: Authority, policy: Policy, clock: Clock, items_key: bytes
    ) -> None:
        self.ledger = ledger
        self.effects: asyncio.Queue[Effect] = asyncio.Queue()
        self.asked = asyncio.Event()
        """Set after a commit that left something for the runner of an authority elsewhere."""
        self._policy = policy
        self._clock = clock
        self._memory = Memory(ledger.boot)
        self._waiting: list[_Job] = []
        self._taken: list[_Job] = []
        self._others: deque[tuple[_Work, asyncio.Future[Any]]] = deque()
        self._thread: ThreadPoolExecutor | None = None
        self._busy = False
        """Whether something is under way, or about to begin."""
        self._aside = False
        """Whether other work has its turn before the next group."""
        self._ended: asyncio.Future[None]
        self._looked = 0
        self._own_clock = OwnClock()
        self._transactions = Transactions(ledger, authority, policy, clock, items_key)

    def heard(self, station: str, boot: str, mono: int) -> None:
        """Note a live (never a retained) status of a station: its counter places its facts in time."""
        now, known = self._own_time(), self._memory.heard
        before = known.pop((station, boot), None)
        known[(station, boot)] = Heard(boot, now - mono, mono) if before is None else before.again(mono, now)
        while len(known) > HEARD_BOOTS:
            del known[next(iter(known))]

    def _own_time(self) -> int:
        """Return the time, ms. When this machine's own clock was set, what was heard by it is no guide."""
        now = millis(self._clock.now())
        if by := self._own_clock.set_by(now, self._clock.mono()):
            log.warning("this machine's clock was set by %.0f s", by / 1000)
            self._memory.heard.clear()
        return now

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
        self._wake()

    async def submit(self, given: DeskInput) -> DeskResult:
        """Take one input; returns after the commit that holds it."""
        return await self.enqueue(given)

    async def write(self, work: Callable[[Hot], T]) -> T:
        """Run `work` in a transaction of its own, after what waits: for tables beside circulation."""
        return await self._in_line(lambda: self._transactions.whole(lambda group: work(group.hot)))

    async def upkeep(self) -> Forgotten:
        """Forget what is due and look for tags nobody reported on; `run` does this every minute."""
        return await self._in_line(self._upkeep)

    async def abandon(self) -> int:
        """Make a case of each request that an authority elsewhere, which is not asked any more, left open."""
        return await self._in_line(lambda: self._transactions.whole(abandon))

    async def _in_line(self, work: Callable[[], Committed[T]]) -> T:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._others.append((work, done))
        self._wake()
        return cast(T, await done)

    @property
    def waiting(self) -> int:
        """Inputs that are in line, for whoever must bound them."""
        return len(self._waiting)

    async def run(self) -> None:
        """Commit what is submitted, in groups, until cancelled.

        Raises LeaseLost when another central took over, or the driver's error when the database fails.
        """
        self._ended = asyncio.get_running_loop().create_future()
        upkeep = asyncio.create_task(self._keep_up(), name="desk-upkeep")
        with self.ledger.hot.patience(0), ThreadPoolExecutor(1, "desk") as thread:
            self._thread = thread
            try:
                self._next()
                await self._ended
            finally:
                self._thread = None
                self._ended.cancel()
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

    def _wake(self) -> None:
        """Something is in line: begin in the next turn of the loop, with whatever this one brings besides."""
        if self._thread is not None and not self._busy:
            self._busy = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """Take what is in line: groups of inputs, and one piece of other work between two."""
        self._busy = False
        if self._ended.done():
            return
        if self._others and (self._aside or not self._waiting):
            self._busy, self._aside = True, False
            work, _ = self._others[0]
            self._call(partial(self._patiently, work), self._told_aside)
        elif self._waiting:
            self._busy = self._aside = True
            self._taken, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            try:
                done = self._carry_out([job.given for job in self._taken])
            except Exception as error:
                if not is_busy(error):
                    self._ended.set_exception(error)
                    return
                self._taken, self._waiting = [], self._taken + self._waiting
                nothing = partial(self._transactions.whole, lambda _: None)
                self._call(partial(self._patiently, nothing), lambda came: came.result())
            else:
                self._call(self._transactions.write_down, partial(self._told, done))

    def _call(self, work: Callable[[], T], told: "Callable[[Future[T]], object]") -> None:
        """Do some work on the thread; tell on the loop what it came to, and go on with what is in line.

        Without a future of the loop's own: that costs a third more, and a turn of the loop.
        """
        assert self._thread is not None
        loop = asyncio.get_running_loop()
        self._thread.submit(work).add_done_callback(
            lambda came: loop.call_soon_threadsafe(self._came, told, came)
        )

    def _came(self, told: "Callable[[Future[T]], object]", came: "Future[T]") -> None:
        """Tell what work came to, unless the desk has ended; what that raises ends it."""
        if self._ended.done():
            return
        try:
            told(came)
        except BaseException as error:
            self._ended.set_exception(error)
        else:
            asyncio.get_running_loop().call_soon(self._next)

    def _told(self, done: Done[list[DeskResult]], came: "Future[None]") -> None:
        """A group is committed: hand out its results."""
        came.result()
        taken, self._taken = self._taken, []
        for job, result in zip(taken, done.result, strict=True):
            job.tell(result)
        self._spread(self._transactions.committed(done))

    def _told_aside(self, came: "Future[Committed[Any]]") -> None:
        """What is no entry of a stream was carried out; its fault is its caller's, not that of the desk."""
        error = came.exception()
        if error is not None and ends_the_desk(error):
            raise error
        _, done = self._others.popleft()
        if error is None:
            self._spread(came.result())
            if not done.done():
                done.set_result(came.result().result)
        elif not done.done():
            done.set_exception(error)

    def _spread(self, done: Committed[Any]) -> None:
        for effect in done.effects:
            self.effects.put_nowait(effect)
        if done.asked:
            self.asked.set()

    # --- transactions

    def _carry_out(self, given: list[DeskInput]) -> Done[list[DeskResult]]:
        """Carry a group out; if anything fails in it, once more, entry by entry."""
        self._own_time()
        try:
            return self._transactions.open(lambda group: Batch(group, self._memory).run(given))
        except Exception as error:
            if ends_the_desk(error):
                raise
            log.info("a group of %d is gone through again: %s", len(given), type(error).__name__)
        return self._transactions.open(lambda group: Batch(group, self._memory, apart=True).run(given))

    def _patiently(self, work: Callable[[], T]) -> T:
        with self.ledger.hot.patience(BUSY_MS):
            return work()

    def _upkeep(self) -> Committed[Forgotten]:
        forgotten = forget(self.ledger.hot, self._policy.retention, millis(self._clock.now()))
        self._looked -= 1
        if far_back := self._looked <= 0:
            self._looked = FAR_BACK
        due = self._transactions.whole(partial(_due_by_now, far_back=far_back))
        return Committed(forgotten, due.effects, due.asked)


def _due_by_now(group: Group, *, far_back: bool) -> None:
    settle(group, far_back=far_back)
    expire_holds(group)
