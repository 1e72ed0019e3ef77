"""Input lines that are watched, and people over an aisle counted from the pulses of two of them.

Vendor-neutral: what makers of gates send over their own serial protocols is not published, but nearly every
counter also has contacts. `Pulses` counts rising edges, one line a direction, and is pure; `LineCounter`
polls a device's inputs for it and is a `PeopleCounter` of the ports. `LineWatch` polls alone: whoever reads
the lines from it never waits for the device.

Not here: two light barriers, of which the one that breaks first tells where somebody came from
(`kiosk.gate_passage`).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from firmware_bridge.errors import DeviceTimeout
from firmware_bridge.ports import Barriers
from wire.errors import DeviceError, TurnleafError
from wire.loops import keep_alive

IN_LINE, OUT_LINE = 0b01, 0b10
LOOK_S = 2.0
"""A device that does not tell its inputs for so long is taken for gone, seconds."""
STUCK_S = 60.0
"""A line that is on for so long without a break does not count people, seconds."""
CAP_S = 5.0
"""A device that is back is found within this time, seconds."""


class Counting(Protocol):
    """A count that takes line states."""

    @property
    def entered(self) -> int:
        """People in, so far."""

    @property
    def left(self) -> int:
        """People out, so far."""

    def see(self, lines: int, now_ms: int) -> "Counting":
        """Return the count after one look at the lines."""


@dataclass(frozen=True, slots=True)
class Pulses:
    """Rising edges of two lines.

    `debounce_ms`: a contact that bounces, when it closes or when it opens, counts once; a line must have been
    off for so long before it counts again.
    """

    debounce_ms: int = 50
    entered: int = 0
    left: int = 0
    lines: int = 0
    last_on: tuple[int, int] = (-(10**9), -(10**9))
    """When each line was last seen on."""

    def see(self, lines: int, now_ms: int) -> "Pulses":
        """Return the count after one look at the lines."""
        closed = lines & ~self.lines
        at_in, at_out = self.last_on
        return replace(
            self,
            entered=self.entered + (bool(closed & IN_LINE) and now_ms - at_in >= self.debounce_ms),
            left=self.left + (bool(closed & OUT_LINE) and now_ms - at_out >= self.debounce_ms),
            lines=lines,
            last_on=(now_ms if lines & IN_LINE else at_in, now_ms if lines & OUT_LINE else at_out),
        )


@dataclass(frozen=True, slots=True)
class LongOn:
    """Which lines are on, and since when, in seconds: one that never lets go counts nobody."""

    since: Mapping[int, float] = field(default_factory=dict)

    def see(self, lines: int, now: float) -> "LongOn":
        """Return the same after one look at two lines."""
        on = (number for number in (0, 1) if lines >> number & 1)
        return LongOn({number: self.since.get(number, now) for number in on})

    def stuck(self, now: float) -> frozenset[int]:
        """Return the lines that are on for longer than anybody stands in a door."""
        return frozenset(number for number, since in self.since.items() if now - since >= STUCK_S)


@dataclass(frozen=True, slots=True)
class LineHealth:
    """How lines were heard since they are watched."""

    looks: int = 0
    """Looks that were answered."""
    losses: int = 0
    """Times that the device was gone, or silent."""
    response_ms: float = 0.0
    """How long the last look took, milliseconds."""
    stuck: frozenset[int] = frozenset()
    """Numbers of lines (0, 1) that are on without a break for longer than anybody stands in a door: a barrier
    that is dirty or out of line, a contact that hangs. Nothing is counted there."""


class LineWatch:
    """Input lines of a device, polled by `run`, or by `watch` over losses; it is `Barriers` of the ports."""

    def __init__(self, lines: Barriers, *, poll_s: float = 0.02) -> None:
        self._lines = lines
        self._poll_s = poll_s
        self._health = LineHealth()
        self._long_on = LongOn()
        self._now = 0

    @property
    def health(self) -> LineHealth:
        """How the lines were heard."""
        return self._health

    async def inputs(self) -> int:
        """Return the lines as they were seen last, at once; none is on while the device is away."""
        return self._now

    async def watch(self, lost: Callable[[TurnleafError], None] | None = None) -> None:
        """Look until cancelled; a device that is gone is tried again with a back-off, and told to `lost`."""
        await keep_alive("input lines", self.run, expect=(DeviceError,), cap_s=CAP_S, lost=lost)

    async def run(self) -> None:
        """Look until cancelled; raises DeviceError when the device is gone or silent; counts are kept."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            self._now = await self._look()
            now = loop.time()
            self._note(self._now, now)
            self._long_on = self._long_on.see(self._now, now)
            self._health = replace(
                self._health,
                looks=self._health.looks + 1,
                response_ms=(now - began) * 1000,
                stuck=self._long_on.stuck(now),
            )
            await asyncio.sleep(self._poll_s)

    def _note(self, lines: int, now: float) -> None:
        """Take one look, seconds of the loop's time; what is made of it is a counter's own."""

    async def _look(self) -> int:
        try:
            async with asyncio.timeout(LOOK_S):
                return await self._lines.inputs()
        except TimeoutError as error:
            self._lose()
            raise DeviceTimeout(
                f"the input lines were not told within {LOOK_S:g} s",
                why="People are not counted.",
                do="Look at the device that the lines are wired to.",
            ) from error
        except DeviceError:
            self._lose()
            raise

    def _lose(self) -> None:
        self._health = replace(self._health, losses=self._health.losses + 1)
        self._now, self._long_on = 0, LongOn()


class LineCounter(LineWatch):
    """`PeopleCounter` over the input lines of a device. Its counts outlive the losses of the device."""

    def __init__(self, lines: Barriers, counting: Counting, *, poll_s: float = 0.02) -> None:
        super().__init__(lines, poll_s=poll_s)
        self._counting = counting

    def _note(self, lines: int, now: float) -> None:
        self._counting = self._counting.see(lines, int(now * 1000))

    async def counts(self) -> tuple[int, int]:
        """Return how many came in and went out since this was made."""
        return self._counting.entered, self._counting.left
