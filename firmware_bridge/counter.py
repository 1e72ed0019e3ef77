"""People over an aisle, counted from input lines: a counter with two pulse outputs, or two light barriers.

Vendor-neutral: what makers of gates send over their own serial protocols is not published, but nearly every
counter also has contacts. `Pulses` counts rising edges, one line a direction; `Crossings` follows two
barriers, of which the one that breaks first tells where somebody came from. Both are pure; `LineCounter`
polls a device's inputs for them and is a `PeopleCounter` of the ports.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
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
    """Rising edges of two lines. `debounce_ms`: a contact that bounces counts once."""

    debounce_ms: int = 50
    entered: int = 0
    left: int = 0
    lines: int = 0
    counted_at: tuple[int, int] = (-(10**9), -(10**9))

    def see(self, lines: int, now_ms: int) -> "Pulses":
        """Return the count after one look at the lines."""
        rising = lines & ~self.lines
        at_in, at_out = self.counted_at
        entered = bool(rising & IN_LINE) and now_ms - at_in >= self.debounce_ms
        left = bool(rising & OUT_LINE) and now_ms - at_out >= self.debounce_ms
        return replace(
            self,
            entered=self.entered + entered,
            left=self.left + left,
            lines=lines,
            counted_at=(now_ms if entered else at_in, now_ms if left else at_out),
        )


@dataclass(frozen=True, slots=True)
class CounterHealth:
    """How a counter's lines were heard since it was made."""

    looks: int = 0
    """Looks that were answered."""
    losses: int = 0
    """Times that the device was gone, or silent."""
    response_ms: float = 0.0
    """How long the last look took, milliseconds."""
    stuck: frozenset[int] = frozenset()
    """Numbers of lines (0, 1) that are on without a break for longer than anybody stands in a door: a barrier
    that is dirty or out of line, a contact that hangs. Nothing is counted there."""


class LineCounter:
    """`PeopleCounter` over the input lines of a device, polled by `run`, or by `watch` over losses."""

    def __init__(self, lines: Barriers, counting: Counting, *, poll_s: float = 0.02) -> None:
        self._lines = lines
        self._counting = counting
        self._poll_s = poll_s
        self._health = CounterHealth()
        self._on_since: dict[int, float] = {}

    @property
    def health(self) -> CounterHealth:
        """How the lines were heard."""
        return self._health

    async def watch(self, lost: Callable[[TurnleafError], None] | None = None) -> None:
        """Look until cancelled; a device that is gone is tried again with a back-off, and told to `lost`."""
        await keep_alive("people counter", self.run, expect=(DeviceError,), cap_s=CAP_S, lost=lost)

    async def run(self) -> None:
        """Look until cancelled; raises DeviceError when the device is gone or silent; the counts are kept."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            lines = await self._look()
            now = loop.time()
            self._counting = self._counting.see(lines, int(now * 1000))
            self._note(lines, now, (now - began) * 1000)
            await asyncio.sleep(self._poll_s)

    async def _look(self) -> int:
        try:
            async with asyncio.timeout(LOOK_S):
                return await self._lines.inputs()
        except TimeoutError as error:
            self._health = replace(self._health, losses=self._health.losses + 1)
            raise DeviceTimeout(
                f"the people counter's lines were not told within {LOOK_S:g} s",
                why="People are not counted.",
                do="Look at the device that the lines are wired to.",
            ) from error
        except DeviceError:
            self._health = replace(self._health, losses=self._health.losses + 1)
            raise

    def _note(self, lines: int, now: float, took_ms: float) -> None:
        on = {number for number in (0, 1) if lines >> number & 1}
        self._on_since = {number: self._on_since.get(number, now) for number in on}
        stuck = frozenset(number for number, since in self._on_since.items() if now - since >= STUCK_S)
        self._health = replace(self._health, looks=self._health.looks + 1, response_ms=took_ms, stuck=stuck)

    async def counts(self) -> tuple[int, int]:
        """Return how many came in and went out since this was made."""
        return self._counting.entered, self._counting.left
