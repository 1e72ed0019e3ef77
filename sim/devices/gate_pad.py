"""A gate: a FEIG reader whose antennas stand at a door, with two light barriers on its input lines.

Walking through breaks the barriers one after the other: the inner one first on the way out. Input bit 0
is the inner barrier, bit 1 the outer one. A people counter in their place gives a pulse for each person, on
bit 0 for those who come in. That wiring is ours, the input command is FEIG's.
"""

import asyncio
from collections.abc import Iterable
from typing import Literal

from sim.devices.feig_pad import FeigPad
from sim.devices.tags import SimTag

INNER, OUTER = 0b01, 0b10
IN, OUT = 0b01, 0b10
BOUNCE_S = 0.001


class GatePad(FeigPad):
    """The far end of the cable to a gate."""

    async def walk(
        self, tags: list[SimTag], direction: Literal["in", "out"], *, pace_s: float = 0.35
    ) -> None:
        """Walk through with `tags` in hand; each of the three phases takes `pace_s` seconds."""
        first, second = (INNER, OUTER) if direction == "out" else (OUTER, INNER)
        for tag in tags:
            self.place(tag)
        try:
            for inputs in (first, INNER | OUTER, second):
                self.inputs = inputs
                await asyncio.sleep(pace_s)
        finally:
            self.inputs = 0
            for tag in tags:
                self.remove(tag.uid)

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
