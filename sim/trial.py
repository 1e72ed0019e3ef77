"""A simulated day under fire: the stage, its patrons, and a hand that kills processes with SIGKILL.

At the end the ledger's file is compared with the memory of the tags and with what the simulator knows
that it did. The same seed is the same day and the same kills; when a kill lands is up to the machine.
"""

import asyncio
import random
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from sim.habits import Pace, plan
from sim.patrons import Crowd
from sim.reckoning import Reckoning, read_ledger, reckon
from sim.stage import STATIONS, Progress, Stage

SETTLE_S = 30.0
BROKER, CENTRAL = "broker", "central"
KILLABLE = (BROKER, CENTRAL, *STATIONS)
"""What can be killed."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What kind of day is wanted."""

    folder: Path
    seed: int = 1
    seconds: float = 30.0
    kill: tuple[str, ...] = ()
    """Processes that are killed again and again: broker, central, or a station's name."""
    kill_every_s: float = 4.0
    gap_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Result:
    """How the day went."""

    reckoning: Reckoning
    kills: dict[str, int]
    outings: int

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return {**self.reckoning.as_dict(), "kills": self.kills, "outings": self.outings}


async def run(wish: Wish, say: Progress = lambda _: None) -> Result:
    """Play one day and reckon; raises TurnleafError when a part does not start."""
    stage = Stage(wish.folder, seed=wish.seed)
    kills: Counter[str] = Counter()
    try:
        await stage.start(say)
        async with asyncio.TaskGroup() as tasks:
            onlooker = tasks.create_task(stage.onlooker.run(), name="onlooker")
            async with asyncio.timeout(10):
                await stage.onlooker.connected.wait()
            crowd = Crowd(stage.world, [stage.desk("kiosk-2"), stage.desk("kiosk-1")], ["bin-1"], "gate-1")
            crowd.seed = wish.seed
            day = plan(
                wish.seed, stage.people[1:], stage.library, seconds=wish.seconds, pace=Pace(gap_s=wish.gap_s)
            )
            playing = tasks.create_task(crowd.play(day), name="patrons")
            asyncio.get_running_loop().call_later(wish.seconds, setattr, crowd, "stopping", True)
            killer = tasks.create_task(_killer(stage, wish, kills, say), name="killer")
            await playing
            killer.cancel()
            await asyncio.wait({killer})
            await _mend(stage)
            found = await _settled(stage, undisturbed=not wish.kill)
            onlooker.cancel()
        return Result(found, dict(kills), crowd.finished)
    finally:
        await stage.stop()


async def _killer(stage: Stage, wish: Wish, kills: Counter[str], say: Progress) -> None:
    """Kill one process after the other and let it come back."""
    if not wish.kill:
        return
    rng = random.Random(wish.seed)
    while True:
        await asyncio.sleep(rng.uniform(0.5, 1.5) * wish.kill_every_s)
        name = rng.choice(wish.kill)
        kills[name] += 1
        say(f"kill -9 {name}")
        blow = asyncio.create_task(_kill(stage, name, rng.uniform(0.1, 1.0)), name=f"kill {name}")
        try:
            await asyncio.shield(blow)
        finally:  # cancelled in the midst of it: what was killed is started here, and by nobody else
            await blow


async def _kill(stage: Stage, name: str, away_s: float) -> None:
    if name == BROKER:
        await stage.broker.kill()
        await asyncio.sleep(away_s)
        return  # its supervisor starts it again
    await stage.daemons[name].kill()
    await asyncio.sleep(away_s)
    await stage.daemons[name].start()


async def _mend(stage: Stage) -> None:
    """Start whatever a kill left dead."""
    for daemon in stage.daemons.values():
        if not daemon.pid:
            await daemon.start()


async def _settled(stage: Stage, *, undisturbed: bool) -> Reckoning:
    """Wait until everything has arrived, then reckon; what never arrives is lost."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SETTLE_S
    while True:
        await asyncio.sleep(0.5)
        found = reckon(
            stage.world,
            read_ledger(stage.ledger_path),
            stage.onlooker,
            _points(stage),
            undisturbed=undisturbed,
        )
        if found.ok or loop.time() > until:
            return found


def _points(stage: Stage) -> int:
    import sqlite3

    with sqlite3.connect(f"file:{stage.telemetry_path}?mode=ro", uri=True) as db:
        return int(db.execute("SELECT count(*) FROM point").fetchone()[0])


def as_text(result: Result) -> str:
    """Return the totals for people."""
    totals = asdict(result.reckoning)
    shown = ", ".join(f"{name} {value}" for name, value in totals.items() if name not in ("ok", "problems"))
    problems = "".join(f"\n  ✖ {problem}" for problem in result.reckoning.problems)
    return f"{result.outings} outings, kills {result.kills or 'none'}: {shown}{problems}"
