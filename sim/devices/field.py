"""The field of a simulated reader: which tags lie where, and which of them answer now.

Tags that lie on one another detune each other: each neighbour at the same place takes the share `detune`
of the field strength, and a tag that gets less than it needs answers now and then only. That is a model for
tests, with one number to turn; it is no physics of coils. Chance comes from a seed.
"""

import asyncio
import random

from sim.devices.tags import SimTag

QUIET_S = 0.3
"""A half question that is not continued for so long is dropped, as firmware does; real ones wait less."""


async def heard(reader: asyncio.StreamReader, *, half: bool) -> bytes | None:
    """Return the next bytes from the cable, empty at its end; None when a half question stays half."""
    try:
        async with asyncio.timeout(QUIET_S if half else None):
            return await reader.read(4096)
    except TimeoutError:
        return None


class Field:
    """Tags above the antennas of one reader."""

    def __init__(self, *, seed: int = 0) -> None:
        self.tags: dict[str, SimTag] = {}
        self.antenna = True
        """Whether there is any antenna at all; False is a cable pulled from the reader's output."""
        self.antennas_lost: set[int] = set()
        """Antennas of a multiplexer that are gone; the others work on."""
        self.powered = True
        """Whether the field is on."""
        self.collide_above = 60
        """With more tags than this in the field, none can be told apart."""
        self.detune = 0.0
        """Share of the field strength that each neighbour at the same place takes, 0 to 1."""
        self._rng = random.Random(seed)

    def place(self, tag: SimTag, *, antenna: int | None = None, spot: int | None = None) -> None:
        """Lay an item down, where it says or where `antenna` and `spot` say."""
        tag.gone = False
        tag.antenna = tag.antenna if antenna is None else antenna
        tag.spot = tag.spot if spot is None else spot
        tag.power_off()
        self.tags[tag.uid] = tag

    def remove(self, uid: str) -> SimTag | None:
        """Take an item away; it is without power from now on."""
        tag = self.tags.pop(uid, None)
        if tag is not None:
            tag.power_off()
        return tag

    def reset_field(self) -> None:
        """Switch the field off and on: quiet and muted tags answer again."""
        self.powered = True
        for tag in self.tags.values():
            tag.power_off()

    def switch_off(self) -> None:
        """Switch the field off."""
        self.powered = False
        for tag in self.tags.values():
            tag.power_off()

    def strength(self, tag: SimTag) -> float:
        """Return the field strength that a tag gets between its neighbours; at 1 it answers each time."""
        here = (tag.antenna, tag.spot)
        near = sum((other.antenna, other.spot) == here for other in self.tags.values()) - 1
        return tag.signal * (1.0 - self.detune) ** max(near, 0)

    def hears(self, tag: SimTag) -> bool:
        """Whether a command reaches the tag and its answer comes back, this time."""
        if not (self.antenna and self.powered) or tag.antenna in self.antennas_lost or tag.gone or tag.muted:
            return False
        chance = min(self.strength(tag), 1.0) * (1.0 - tag.weak)
        return chance >= 1.0 or self._rng.random() < chance

    def found(self) -> list[SimTag]:
        """Return the tags that one inventory finds, in the order in which they were laid down."""
        if len(self.tags) > self.collide_above:
            return []
        return [tag for tag in list(self.tags.values()) if not tag.quiet and self.hears(tag)]
