"""The world: where every item and card is, what its tag holds, and what people did with it.

This is the truth that the system is measured against. Nothing here asks a daemon; a loan exists for the
world when a tag's memory says C2, a theft when a secured tag goes out that was not lent.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from sim.catalogue import OWNER, Book, Person
from sim.devices.feig_pad import FeigPad
from sim.devices.gate_pad import GatePad
from sim.devices.tags import SimTag
from sim.devices.vpcd_card import VpcdCard

SECURED, UNSECURED = 0x07, 0xC2
PASSAGE_GAP_MS = 300
"""After how long an empty field ends a passage at the gates of a simulated library."""
APART_S = 3 * PASSAGE_GAP_MS / 1000
"""How far apart people walk through a gate: closer, and on a busy machine two of them are one passage."""


@dataclass(frozen=True, slots=True)
class Written:
    """One AFI that was really written on a tag, and where it lay."""

    item: str
    afi: int
    station: str


@dataclass
class Truth:
    """What the simulator knows that it did, counted."""

    walks: int = 0
    """Times somebody went through a gate with tags."""
    thefts: int = 0
    """Walks out with a secured tag of an item that was not lent."""
    cards: int = 0
    laid: Counter[str] = field(default_factory=Counter)
    """Items laid down, by station."""
    written: list[Written] = field(default_factory=list)

    def count(self, afi: int) -> int:
        """Return how often `afi` was written."""
        return sum(one.afi == afi for one in self.written)


class World:
    """Items, cards and the far ends of the cables of one small library."""

    def __init__(self, books: tuple[Book, ...], people: tuple[Person, ...], *, seed: int) -> None:
        self.books = {book.item: book for book in books}
        self.people = people
        self.tags = {book.item: SimTag.for_item(book.uid, book.item, OWNER) for book in books}
        self.place = dict.fromkeys(self.books, "shelf")
        self.pads: dict[str, FeigPad] = {}
        self.gates: dict[str, GatePad] = {}
        self.cards = {person.card: VpcdCard(person.card) for person in people}
        self.truth = Truth()
        self._seed = seed
        self._items = {book.uid: book.item for book in books}
        self._gate_free: dict[str, asyncio.Lock] = {}

    def add_pad(self, station: str) -> FeigPad:
        """Build a pad for a kiosk or a bin; it listens after `start`."""
        pad = FeigPad(seed=self._seed + len(self.pads), air_time_s=0.004)
        self._note_writes(station, pad)
        self.pads[station] = pad
        return pad

    def add_gate(self, station: str) -> GatePad:
        """Build a gate."""
        gate = GatePad(seed=self._seed + 100 + len(self.gates), air_time_s=0.002)
        self._note_writes(station, gate)
        self.gates[station] = gate
        self._gate_free[station] = asyncio.Lock()
        return gate

    def _note_writes(self, station: str, pad: FeigPad) -> None:
        def note(tag: SimTag) -> None:
            self.truth.written.append(Written(self._items[tag.uid], tag.afi, station))

        pad.on_write = note

    async def start(self) -> None:
        """Let every pad and gate listen on a free loopback port."""
        for pad in (*self.pads.values(), *self.gates.values()):
            await pad.start()

    async def stop(self) -> None:
        """Take the cards away and hang up."""
        for card in self.cards.values():
            await card.eject()
        for pad in (*self.pads.values(), *self.gates.values()):
            await pad.stop()

    def lay(self, item: str, station: str) -> None:
        """Lay an item on a pad, or drop it into a bin."""
        self.pads[station].place(self.tags[item])
        self.place[item] = station
        self.truth.laid[station] += 1

    def take(self, item: str, to: str = "hands") -> None:
        """Take an item from wherever it is."""
        pad = self.pads.get(self.place[item])
        if pad is not None:
            pad.remove(self.books[item].uid)
        self.place[item] = to

    async def walk(
        self, items: tuple[str, ...], gate: str, direction: Literal["in", "out"], *, pace_s: float = 0.35
    ) -> None:
        """Go through a gate with items; one person at a time fits through."""
        for item in items:
            self.take(item, "gate")
        async with self._gate_free[gate]:
            secured = [item for item in items if not self.lent(item)]
            if items:
                self.truth.walks += 1
                self.truth.thefts += direction == "out" and bool(secured)
            await self.gates[gate].walk([self.tags[item] for item in items], direction, pace_s=pace_s)
            await asyncio.sleep(APART_S)
        for item in items:
            self.place[item] = "outside" if direction == "out" else "hands"

    def lent(self, item: str) -> bool:
        """Whether the item's tag says that it is on loan."""
        return self.tags[item].afi == UNSECURED

    async def settled(self, items: tuple[str, ...], afi: int, *, timeout_s: float) -> bool:
        """Wait until the tags of `items` hold `afi`; False when they do not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while any(self.tags[item].afi != afi for item in items):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return False
        return True
