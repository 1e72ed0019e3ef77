"""A ledger file, a library's own system elsewhere, and a central that can be killed at any await."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desk_kit import KEY, REGISTRY, START, Station, World

from central.authority import Elsewhere
from central.authority_fake import ScriptedAuthority
from central.authority_runner import Patience, Runner
from central.desk import Desk
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.ledger.seed import Registry, load
from central.results import DeskInput, DeskResult, Pushed
from circulation.policy import Policy
from wire.clock import FakeClock

PATIENCE = Patience(
    at_once=4, call_s=30, stale_s=20, give_up_s=900, rest_s=0.0005, rest_most_s=0.001, look_s=0.01
)


class Killed(Exception):
    """The process ends here."""


@dataclass
class Doom:
    """Counts the awaits at which a process may die, and ends it at one of them."""

    left: int | None = None
    at: str = ""

    async def pause(self, where: str) -> None:
        if where == self.at:
            self.at = ""
            raise Killed(where)
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Killed(where)


@dataclass
class Library:
    """One ledger file, one system elsewhere, and a central that can be killed."""

    path: Path
    remote: ScriptedAuthority
    clock: FakeClock = field(default_factory=lambda: FakeClock(START))
    doom: Doom = field(default_factory=Doom)
    pushed: dict[str, str] = field(default_factory=dict)
    """What stations were told: request -> outcome."""
    patience: Patience = PATIENCE
    dooms: list[int] = field(default_factory=list)
    """After how many awaits each life ends; the later ones do not."""

    @contextlib.asynccontextmanager
    async def central(self, *, seed: bool = False) -> AsyncIterator[World]:
        policy = Policy()
        ledger = Ledger.open(f"sqlite:///{self.path}", policy=policy, clock=self.clock)
        if seed:
            load(ledger.hot, Registry.model_validate(REGISTRY), millis(self.clock.now()))
        desk = Desk(ledger, Elsewhere(), policy, self.clock, KEY)

        async def submit(given: DeskInput) -> DeskResult:
            await self.doom.pause("before the commit")
            result = await desk.submit(given)
            await self.doom.pause("after the commit")
            return result

        self.remote.pause = self.doom.pause
        running = asyncio.create_task(desk.run())
        for _ in range(2):  # the desk's own first upkeep lies between these two, before any clock moves
            await desk.upkeep()
        runner = asyncio.create_task(
            Runner(self.remote, submit, desk.asked, ledger.boot, self.patience).run()
        )
        world = World(desk, ledger, self.clock, self.path)
        world.alarms.append(runner)
        try:
            yield world
        finally:
            for task in (runner, running):
                task.cancel()
            await asyncio.gather(runner, running, return_exceptions=True)
            self.take_pushed(world)
            ledger.close()

    def take_pushed(self, world: World) -> None:
        for effect in world.effects():
            if isinstance(effect, Pushed):
                self.pushed[effect.answer.request] = effect.answer.outcome

    async def until(self, world: World, true: Any) -> bool:
        """Wait until `true()`; False when central died before."""
        (runner,) = world.alarms
        async with asyncio.timeout(30):
            while not true():
                if runner.done():
                    return False
                await asyncio.sleep(0.001)
        return True


def rows(library: Library) -> list[tuple[str, str, str | None]]:
    import sqlite3

    db = sqlite3.connect(library.path)
    try:
        return db.execute("SELECT request, state, outcome FROM asked ORDER BY n").fetchall()
    finally:
        db.close()


def states(library: Library) -> dict[str, str]:
    return {request: state for request, state, _ in rows(library)}


@contextlib.asynccontextmanager
async def library_in(folder: Path, script: Any = None) -> AsyncIterator[tuple[Library, World, Station]]:
    remote = ScriptedAuthority(script) if script else ScriptedAuthority()
    library = Library(folder / "l.db", remote)
    async with library.central(seed=True) as world:
        yield library, world, Station(world)
