"""What the inline proxy overhears, on its way to the mirror: lent and returned items, and counts of the rest.

Nothing of a patron is kept: a tap reads a frame, keeps the item of a loan or a return, and forgets the frame.
The line to the desk is bounded. A word that finds it full is lost and counted, never waited for: a gate asks
before it sounds, so the mirror may miss something, and the conversation may not.
"""

import asyncio
from collections.abc import Awaitable, Callable

from central.ledger.rows import millis
from central.results import DeskInput, DeskResult, Mirrored
from central.sip2.codec import PLAIN, Dialect
from central.sip2.mirror import Ear, Heard, Tally
from central.sip2.proxy import Proxy, Side
from wire.clock import Clock

Submit = Callable[[DeskInput], Awaitable[DeskResult]]

WAITING = 2000
"""Words in line to the desk: some seconds of the busiest library."""


class EarTap:
    """A `Tap` that listens with an `Ear`."""

    def __init__(self, ear: Ear, told: Callable[[Heard], None]) -> None:
        self._ear = ear
        self._told = told

    def from_terminal(self, data: bytes) -> None:
        """Listen to the kiosk."""
        self._ear.from_terminal(data)

    def from_system(self, data: bytes) -> None:
        """Listen to the library system."""
        for heard in self._ear.from_system(data):
            self._told(heard)

    def ended(self) -> None:
        """Nothing is left to be told."""


class Overhears:
    """Makes the taps of a proxy, and tells the desk what they hear while `run()` runs."""

    def __init__(self, clock: Clock, dialect: Dialect = PLAIN) -> None:
        self.tally = Tally()
        self.lost = 0
        """Words for which there was no room in the line."""
        self._clock = clock
        self._dialect = dialect
        self._line: asyncio.Queue[Mirrored] = asyncio.Queue(WAITING)

    def tap(self) -> EarTap:
        """Return the tap of a new connection."""
        return EarTap(Ear(self._dialect, self.tally), self._told)

    async def run(self, submit: Submit) -> None:
        """Tell the desk until cancelled."""
        while True:
            await submit(await self._line.get())

    def _told(self, heard: Heard) -> None:
        try:
            at = millis(self._clock.now())
            self._line.put_nowait(Mirrored(heard.item, heard.on_loan, at, heard.due))
        except asyncio.QueueFull:
            self.lost += 1


class InlineProxy:
    """The proxy inside central: it passes on, and what it overhears goes to the desk."""

    def __init__(self, listen: Side, system: Side, clock: Clock, dialect: Dialect, connections: int) -> None:
        self.overhears = Overhears(clock, dialect)
        self.proxy = Proxy(listen, system, self.overhears.tap, connections=connections)

    async def run(self, submit: Submit) -> None:
        """Live until cancelled; raises ConfigError when it cannot listen."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.proxy.run(), name="sip2 proxy")
            tasks.create_task(self.overhears.run(submit), name="sip2 overheard")

    def numbers(self) -> dict[str, float]:
        """Return what passed, for the measurements of central itself."""
        passed, tally = self.proxy.passed, self.overhears.tally
        return {
            "proxy_connections": float(passed.open),
            "proxy_messages": float(tally.messages.total()),
            "proxy_unreachable": float(passed.unreachable),
            "proxy_lent": float(tally.lent),
            "proxy_returned": float(tally.returned),
            "proxy_lost": float(self.overhears.lost),
        }


def counting(tally: Tally, dialect: Dialect = PLAIN) -> Callable[[], EarTap]:
    """Return what makes taps that only count."""
    return lambda: EarTap(Ear(dialect, tally), lambda _: None)
