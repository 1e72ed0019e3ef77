"""Who is killed on a simulated day is started again by the killer, even when the day ends in the midst of it."""

import asyncio
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sim.trial import Wish, _killer


class Victim:
    """A daemon that says what became of it."""

    def __init__(self) -> None:
        self.struck = asyncio.Event()
        self.said: list[str] = []

    async def kill(self) -> None:
        self.said.append("killed")
        self.struck.set()

    async def start(self) -> None:
        self.said.append("started")


async def test_a_kill_that_has_begun_is_carried_to_its_end() -> None:
    victim = Victim()
    stage: Any = SimpleNamespace(daemons={"central": victim})
    wish = Wish(folder=Path(), seed=1, seconds=1.0, kill=("central",), kill_every_s=0.05)
    killer = asyncio.create_task(_killer(stage, wish, Counter(), lambda _: None))
    await victim.struck.wait()

    killer.cancel()
    await asyncio.wait({killer})

    assert killer.cancelled()
    assert victim.said == ["killed", "started"]
