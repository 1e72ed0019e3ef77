"""Orders to a gate's lamp and buzzer, carried out beside the loop that gives them.

A lamp that hangs, a relay on the network or a chip behind USB, holds up no ruling on the next tag: an order
is put down and begun at once, and whoever gave it goes on. One order is under way at a time; what gathers
behind one that hangs is a single order more. After `LAMP_S` an order was not taken, and that is told.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from firmware_bridge.errors import DeviceTimeout
from firmware_bridge.ports import Lamp
from wire.clock import Clock
from wire.errors import DeviceError

LAMP_S = 5.0
"""Seconds within which a lamp takes an order; a reader that repeats itself needs up to three."""


@dataclass(frozen=True, slots=True)
class Sounded:
    """Lamp and buzzer were ordered, `after_ms` after the tag was first seen; `ok` if the device took it."""

    after_ms: float
    ok: bool = True
    seen: str = ""
    """What was seen when it did not; for a technician."""


class LampOrders:
    """The orders of one gate. `tell` is called with each order's outcome and must not wait."""

    def __init__(self, lamp: Lamp, seconds: float, clock: Clock, tell: Callable[[Sounded], None]) -> None:
        self._lamp = lamp
        self._seconds = seconds
        self._clock = clock
        self._tell = tell
        self._ordered: list[int] = []
        self._task: asyncio.Task[None] | None = None

    async def order(self, seen_at: int) -> None:
        """Light and sound for a tag that was first seen at `seen_at`; returns when that has begun."""
        self._ordered.append(seen_at)
        self.check()
        if self._task is None:
            self._task = asyncio.create_task(self._carry_out(), name="lamp")
        await asyncio.sleep(0)

    def check(self) -> None:
        """Raise what went wrong with an order and is no fault of a device: a bug ends the daemon."""
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            task.result()

    async def end(self) -> None:
        """Drop what was not taken yet."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _carry_out(self) -> None:
        while self._ordered:
            ordered, self._ordered = self._ordered, []
            failed = await light(self._lamp, self._seconds)
            for seen_at in ordered:
                after_ms = float(self._clock.mono() - seen_at)
                self._tell(Sounded(after_ms, failed is None, "" if failed is None else failed.seen))


async def light(lamp: Lamp, seconds: float) -> DeviceError | None:
    """Order lamp and buzzer on, and return what went wrong; never waits longer than `LAMP_S`."""
    try:
        async with asyncio.timeout(LAMP_S):
            await lamp.alarm(seconds)
    except TimeoutError:
        return DeviceTimeout(
            f"the lamp did not take its order within {LAMP_S:g} s",
            why="An alarm is not seen or heard.",
            do="Look at the relay's power and its line.",
        )
    except DeviceError as error:
        return error
    return None
