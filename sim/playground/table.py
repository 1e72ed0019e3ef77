"""The newcomer's table: one card and a few books, moved by hand between pad, reader, bin and gate.

Every move is done on the simulated devices; what comes of it is seen on the tags and on the wire.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sim.playground import steps
from sim.playground.steps import Progress
from sim.reckoning import LedgerFacts, read_ledger
from sim.stage import Stage
from sim.world import UNSECURED
from wire.errors import ConfigError

BOOKS = 8
PLACES = ("hands", "pad", "bin", "gate", "outside", "reader")
CARD = "card"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that can be broken, and how it is mended, in the words of a button."""

    name: str
    title: str
    mend: str


FAULTS = (
    Fault("pad-cable", "Pull the pad's cable", "Plug the pad's cable in"),
    Fault("central", "Stop central", "Start central"),
    Fault("kiosk", "Cut kiosk 1's power", "Switch kiosk 1 on"),
    Fault("paper", "Use up kiosk 2's paper", "Put a new roll in kiosk 2"),
)
PRINTS = "kiosk-2"
"""The kiosk whose paper can be used up."""


@dataclass
class Table:
    """What lies where, for the person at the page."""

    stage: Stage
    kiosk: str
    bin: str
    gate: str
    progress: Progress = field(init=False)
    faults: dict[str, bool] = field(default_factory=lambda: {fault.name: False for fault in FAULTS})
    _unsecured: set[str] = field(default_factory=set)
    """Items whose tag said C2 at the last look."""
    _returns_before: Counter[str] = field(default_factory=Counter)
    """Checkins in the ledger when central was stopped, by item."""
    _breaking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.books = self.stage.library[:BOOKS]
        self.person = self.stage.people[0]
        self.progress = Progress(self.kiosk, self.gate)
        for book in self.books:
            self.stage.world.place[book.item] = "hands"

    @property
    def items(self) -> tuple[str, ...]:
        """The newcomer's items."""
        return tuple(book.item for book in self.books)

    async def move(self, thing: str, to: str) -> None:
        """Move a thing; raises ConfigError when it does not go there."""
        if thing == CARD and to in ("reader", "hands"):
            await self._card(to)
        elif thing in self.items and to in ("hands", "pad", "bin", "gate"):
            await self._book(thing, to)
        else:
            raise ConfigError("That does not go there.")

    async def _card(self, to: str) -> None:
        card = self.stage.world.cards[self.person.card]
        if to == "hands":
            await card.eject()
            return
        try:
            await card.insert(self.stage.desk(self.kiosk).card_port)
        except TimeoutError:
            await card.eject()
            raise ConfigError("The card reader does not take the card just now: try again.") from None

    async def _book(self, item: str, to: str) -> None:
        world = self.stage.world
        if world.place[item] == "gate":
            raise ConfigError("That book is on its way through the gate: a moment.")
        if to == "gate":
            lent = world.lent(item)
            self.progress = steps.carried(self.progress, lent=lent)
            await world.walk((item,), self.gate, "out")
            return
        world.take(item)
        if to in ("pad", "bin"):
            world.lay(item, self.kiosk if to == "pad" else self.bin)

    async def fault(self, name: str, on: bool) -> None:
        """Break something, or mend it, one at a time; raises ConfigError when it does not start again."""
        async with self._breaking:
            if name in self.faults and self.faults[name] != on:
                await self._fault(name, on)

    async def _fault(self, name: str, on: bool) -> None:
        self.faults[name] = on
        if name == "pad-cable":
            pad = self.stage.world.pads[self.kiosk]
            self.progress = steps.cable(self.progress, out=on)
            await (pad.unplug() if on else pad.plug())
        elif name == "kiosk":
            kiosk = self.stage.daemons[self.kiosk]
            await (kiosk.kill() if on else kiosk.start())
        elif name == "paper":
            printer = self.stage.printers[PRINTS]
            if on:
                printer.use_up()
            else:
                printer.roll.refill()
        else:
            await self._central(on)

    async def _central(self, away: bool) -> None:
        self.progress = steps.central(self.progress, away=away)
        central = self.stage.daemons["central"]
        if away:
            await central.stop()
            self._returns_before = (await asyncio.to_thread(read_ledger, self.stage.ledger_path)).returns
        else:
            await central.start()

    def look(self) -> None:
        """See what the newcomer's tags say now; a tag that turns from C2 to 07 on pad or bin came back."""
        world = self.stage.world
        for item in self.items:
            if world.lent(item):
                self._unsecured.add(item)
                self.progress = steps.tag_unsecured(self.progress, item)
            elif item in self._unsecured:
                self._unsecured.discard(item)
                self.progress = steps.returned(self.progress, item)

    def waiting(self) -> bool:
        """Whether something came back while central was away and is not known to be in the ledger."""
        progress = self.progress
        return bool(progress.returned_away - progress.recorded_after) and not progress.central_away

    def recorded(self, facts: LedgerFacts) -> None:
        """Compare what came back while central was away with the ledger's file."""
        for item in self.progress.returned_away - self.progress.recorded_after:
            rows = facts.returns[item] - self._returns_before[item]
            if item not in facts.open_loans:
                self.progress = steps.recorded(self.progress, item, rows)

    def state(self) -> dict[str, Any]:
        """Return what the page draws."""
        world = self.stage.world
        things: list[dict[str, Any]] = [
            {
                "id": CARD,
                "kind": "card",
                "title": f"{self.person.name}'s card",
                "place": "reader" if world.cards[self.person.card].inserted else "hands",
            }
        ]
        for book in self.books:
            afi = world.tags[book.item].afi
            things.append(
                {
                    "id": book.item,
                    "kind": "book",
                    "title": book.title,
                    "place": self._place(book.item),
                    "secured": afi != UNSECURED,
                    "afi": f"{afi:02X}",
                }
            )
        done = self.progress.done
        return {
            "kiosk": self.stage.daemons[self.kiosk].address(),
            "things": things,
            "lamp": world.gates[self.gate].lamp,
            "steps": [
                {"title": title, "how": how, "done": done[number]}
                for number, (title, how) in enumerate(steps.STEPS)
            ],
            "faults": [
                {"id": fault.name, "title": fault.title, "mend": fault.mend, "on": self.faults[fault.name]}
                for fault in FAULTS
            ],
        }

    def _place(self, item: str) -> str:
        place = self.stage.world.place[item]
        return {self.kiosk: "pad", self.bin: "bin", "shelf": "hands"}.get(place, place)
