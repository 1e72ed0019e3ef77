"""Simulated patrons at work: each outing of a plan, played on the far ends of the cables.

Patrons do what people do: they wait for the screen, lose patience, take a book away too early, forget the
card. They know nothing of MQTT or the ledger; what came of their outing they see on the tag.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from sim.catalogue import Person
from sim.habits import Outing
from sim.hands import Finger
from sim.world import SECURED, UNSECURED, World
from wire.errors import DeviceError

log = logging.getLogger("turnleaf.sim.patrons")

PATIENCE_S = 12.0
"""How long a patron waits for the screen before walking on."""


@dataclass
class Desk:
    """One kiosk as a patron finds it: its pad, its card reader's port, its screen."""

    station: str
    card_port: int
    finger: Callable[[], Finger]
    free: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Crowd:
    """Plays outings. Kiosks are taken in turn, one patron at a time."""

    world: World
    kiosks: list[Desk]
    bins: list[str]
    gate: str
    speed: float = 1.0
    """Time factor of the plan: 2.0 plays a day in half its time; devices keep their own speed."""
    seed: int = 0
    finished: int = 0
    gave_up: int = 0
    stopping: bool = False

    async def play(self, plan: tuple[Outing, ...]) -> None:
        """Play a plan until it ends or `stopping` is set; patrons who are inside finish first."""
        loop = asyncio.get_running_loop()
        opened = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for number, outing in enumerate(plan):
                wait = opened + outing.at / self.speed - loop.time()
                while wait > 0 and not self.stopping:
                    await asyncio.sleep(min(wait, 0.2))
                    wait = opened + outing.at / self.speed - loop.time()
                if self.stopping:
                    return
                tasks.create_task(self._outing(number, outing), name=f"outing {number}")

    async def _outing(self, number: int, outing: Outing) -> None:
        rng = random.Random(self.seed * 100_003 + number)
        try:
            match outing.errand:
                case "borrow":
                    await self._borrow(outing, rng)
                case "return-kiosk":
                    await self._return_at_kiosk(outing, rng)
                case "return-bin":
                    await self._return_at_bin(outing)
                case "carry-out-unlent":
                    await self._carry_out_unlent(outing)
        except DeviceError as error:
            self.gave_up += 1
            log.warning("a patron gave up: %s", error.seen)
        self.finished += 1

    def _at(self, outing: Outing, place: str) -> tuple[str, ...]:
        """Return the outing's items that really are at `place`, and take them in hand."""
        found = tuple(book.item for book in outing.books if self.world.place[book.item] == place)
        for item in found:
            self.world.place[item] = "hands"
        return found

    async def _borrow(self, outing: Outing, rng: random.Random) -> None:
        items = self._at(outing, "shelf")
        kiosk = self.kiosks[rng.randrange(len(self.kiosks))]
        async with kiosk.free:
            if self.stopping:
                self._put_back(items)
                return
            if outing.habit == "checks-first":
                await self._lay(kiosk.station, items, rng)
            await self._show_card(kiosk, outing.person)
            if outing.habit != "checks-first":
                await self._lay(kiosk.station, items, rng)
            if outing.habit == "hurried" and items:
                await asyncio.sleep(rng.uniform(0.1, 0.6))
                self.world.take(items[0])
            await self.world.settled(items, UNSECURED, timeout_s=PATIENCE_S)
            await self._leave(kiosk, outing, items)
        await self._go(outing, items)

    def _put_back(self, items: tuple[str, ...]) -> None:
        """The library closes: who still waits leaves things as they are."""
        for item in items:
            self.world.place[item] = "hands-lent" if self.world.lent(item) else "shelf"

    async def _lay(self, station: str, items: tuple[str, ...], rng: random.Random) -> None:
        for item in items:
            self.world.lay(item, station)
            await asyncio.sleep(rng.uniform(0.05, 0.35))

    async def _show_card(self, kiosk: Desk, person: Person) -> None:
        self.world.truth.cards += 1
        with suppress(TimeoutError):
            await self.world.cards[person.card].insert(kiosk.card_port, timeout_s=PATIENCE_S)
        await asyncio.sleep(0.3)

    async def _leave(self, kiosk: Desk, outing: Outing, items: tuple[str, ...]) -> None:
        """Finish, take card and items; who forgets the card comes back for it."""
        with suppress(DeviceError):
            await kiosk.finger().press("finish")
        for item in items:
            if self.world.place[item] == kiosk.station:
                self.world.take(item)
        await asyncio.sleep(1.5 if outing.habit == "forgets-card" else 0.3)
        await self.world.cards[outing.person.card].eject()
        await asyncio.sleep(1.0)

    async def _return_at_kiosk(self, outing: Outing, rng: random.Random) -> None:
        items = self._at(outing, "outside") + self._at(outing, "hands-lent")
        if not items:
            return
        kiosk = self.kiosks[rng.randrange(len(self.kiosks))]
        async with kiosk.free:
            if self.stopping:
                self._put_back(items)
                return
            await self._lay(kiosk.station, items, rng)
            done = False
            with suppress(DeviceError):
                async with kiosk.finger().insisting("return"):
                    done = await self.world.settled(items, SECURED, timeout_s=PATIENCE_S)
            with suppress(DeviceError):
                await kiosk.finger().press("finish")
            for item in items:
                self.world.take(item, "shelf" if done else "hands-lent")
            await asyncio.sleep(1.0)

    async def _return_at_bin(self, outing: Outing) -> None:
        items = self._at(outing, "outside") + self._at(outing, "hands-lent")
        for item in items:
            self.world.lay(item, self.bins[0])
            await self.world.settled((item,), SECURED, timeout_s=PATIENCE_S)
            await asyncio.sleep(0.8)
            self.world.take(item, "shelf")
            await asyncio.sleep(0.6)

    async def _carry_out_unlent(self, outing: Outing) -> None:
        items = self._at(outing, "shelf")
        if items:
            await self.world.walk(items, self.gate, "out")
            for item in items:
                self.world.place[item] = "shelf"  # brought back, with an apology

    async def _go(self, outing: Outing, items: tuple[str, ...]) -> None:
        """Walk out with what is lent; what is not lent goes back to the shelf."""
        lent = tuple(item for item in items if self.world.lent(item))
        for item in items:
            self.world.place[item] = "hands-lent" if item in lent else "shelf"
        if outing.walks_out and lent:
            await self.world.walk(lent, self.gate, "out")
