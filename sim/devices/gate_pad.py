"""A gate: a FEIG reader whose antennas stand at a door, with two light barriers on its input lines.

Walking through breaks the barriers one after the other: the inner one first on the way out. Input bit 0
is the inner barrier, bit 1 the outer one; that wiring is ours, the input command is FEIG's.
"""

import asyncio
from typing import Literal

from sim.devices.feig_pad import FeigPad
from sim.devices.tags import SimTag

INNER, OUTER = 0b01, 0b10


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
