"""A gate: a FEIG reader whose antennas stand at a door, with two light barriers on its input lines.

Walking through breaks the barriers one after the other: the inner one first on the way out. Input bit 0
is the inner barrier, bit 1 the outer one. A people counter in their place gives a pulse for each person, on
bit 0 for those who come in. That wiring is ours, the input command is FEIG's.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

from sim.devices.feig_pad import FeigPad
from sim.devices.tags import SimTag

INNER, OUTER = 0b01, 0b10
IN, OUT = 0b01, 0b10
BOUNCE_S = 0.001
UNASKED_S = 1.0
"""How long somebody at the barriers waits for a look at most."""


class GatePad(FeigPad):
    """The far end of the cable to a gate."""

    async def walk(
        self, tags: list[SimTag], direction: Literal["in", "out"], *, pace_s: float = 0.35
    ) -> None:
        """Walk through with `tags` in hand; each of the three phases takes `pace_s` seconds.

        On a machine too busy to ask for the barriers meanwhile a phase lasts until somebody did: played are a
        person and a reader of usual speed.
        """
        first, second = (INNER, OUTER) if direction == "out" else (OUTER, INNER)
        for tag in tags:
            self.place(tag)
        try:
            for inputs in (first, INNER | OUTER, second):
                self.inputs, asked = inputs, self.inputs_asked
                await asyncio.sleep(pace_s)
                await self._looked_at(asked)
        finally:
            self.inputs, asked = 0, self.inputs_asked
            for tag in tags:
                self.remove(tag.uid)
        await self._looked_at(asked)

    async def _looked_at(self, asked: int) -> None:
        """Wait until the inputs were asked for since, but not for a reader that nobody asks."""
        with suppress(TimeoutError):
            async with asyncio.timeout(UNASKED_S):
                while self.inputs_asked == asked:
                    await asyncio.sleep(0.005)

    async def pulse(
        self, directions: Iterable[Literal["in", "out"]], *, pulse_s: float = 0.1, bounces: int = 0
    ) -> None:
        """Give the pulses of a people counter for a row of people, each followed by a pause as long.

        `bounces`: how often the contact opens for a moment when it closes, and closes when it opens.
        """
        for way in directions:
            line = IN if way == "in" else OUT
            for on in (True, False):
                for number in range(2 * bounces + 1):
                    closed = on ^ bool(number % 2)
                    self.inputs = self.inputs | line if closed else self.inputs & ~line
                    await asyncio.sleep(BOUNCE_S if number < 2 * bounces else pulse_s)
