"""A gate's questions under way: put, bounded, answered or given up. The shell around `kiosk.gate_ask`.

The gate's loop never waits here: it puts a question, goes on looking at its field, and takes what was
answered meanwhile, stamped with when it came. One question about an item is under way at a time; beyond
`MOST` no more are put, so that a slow library system costs a gate its patience and nothing else.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from kiosk.gate_passage import Answered
from wire.clock import Clock

MOST = 32
"""Questions under way at once: more than anybody carries through a door."""

Put = Callable[[str], Awaitable[bool | None]]
"""(item) -> whether it is on loan; None when nobody knows, or nobody answered in time."""


class GateAsks:
    """Puts questions while `run()` runs."""

    def __init__(self, put: Put, possible: Callable[[], bool], clock: Clock) -> None:
        self.news = asyncio.Event()
        """Set while there are answers to take."""
        self.asked = 0
        self.unanswered = 0
        """Questions to which silence was the answer."""
        self._put = put
        self._possible = possible
        self._clock = clock
        self._under_way: set[str] = set()
        self._answers: deque[Answered] = deque()
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def possible(self) -> bool:
        """Whether there is somebody to ask just now."""
        return self._tasks is not None and self._possible()

    async def run(self) -> None:
        """Let questions be put until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                await asyncio.Event().wait()
            finally:
                self._tasks = None

    def ask(self, item: str) -> None:
        """Put a question; its answer is among those that `take` returns, one by one."""
        if item in self._under_way:
            return
        if self._tasks is None or len(self._under_way) >= MOST:
            self._answer(item, None)
            return
        self._under_way.add(item)
        self._tasks.create_task(self._ask(item), name="ask before sounding")

    def take(self) -> Answered | None:
        """Return the oldest answer that was not taken yet; None when there is none."""
        if not self._answers:
            self.news.clear()
            return None
        return self._answers.popleft()

    async def _ask(self, item: str) -> None:
        self.asked += 1
        try:
            said = await self._put(item)
        finally:
            self._under_way.discard(item)
        self._answer(item, said)

    def _answer(self, item: str, said: bool | None) -> None:
        self.unanswered += said is None
        self._answers.append(Answered(self._clock.mono(), item, said))
        self.news.set()
