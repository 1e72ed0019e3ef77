"""One run: broker, central and writers as real processes, the plan carried out, then rest and the account."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from broker_config import pki
from broker_config.render import free_ports, render
from broker_config.supervise import Broker
from sim.chaos.centre import Centre
from sim.chaos.judge import Account, judge, read_ledger
from sim.chaos.plan import KILL_EVERY_S, Step, plan
from sim.chaos.shim import FULL, READ_ONLY, build
from sim.chaos.stations import HOST, LONGEST_VISIT_S, Post, revive
from sim.chaos.things import Tags
from sim.own_folder import make_new
from wire.clock import FakeClock, SystemClock

Progress = Callable[[str], None]
STATIONS = {"kiosk-1": "kiosk", "kiosk-2": "kiosk", "kiosk-3": "kiosk", "bin-1": "bin", "gate-1": "gate"}
BOOKS, PEOPLE = 60, 12
REST_S = 90.0
"""How long everything may take to come to rest; what has not arrived by then is lost."""
DEATH_S = 0.3
"""How often it is looked whether a daemon has ended by itself."""
DISKS = {
    "disk-full": {"write_errno": FULL},
    "read-only": {"write_errno": READ_ONLY},
    "slow-disk": {"sync_ms": 20},
}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run."""

    seed: int
    seconds: float
    account: Account
    faults: dict[str, int]
    kills: int
    cases: dict[str, int]
    """Kinds of cases in the ledger."""
    restarts: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        head = {"seed": self.seed, "seconds": self.seconds, "kills": self.kills}
        tail = {"faults": self.faults, "cases": self.cases, "restarts": self.restarts}
        return {**head, **self.account.as_dict(), **tail}


class Field:
    """Everything of one run, in `folder`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder.absolute()
        self.seed = seed
        self.broker = Broker(self.folder / "broker")
        self.tags = Tags(self.folder / "tags")
        self.posts: dict[str, Post] = {}
        self.central: Centre
        self.faults: Counter[str] = Counter()

    async def start(self) -> None:
        """Put everything on its feet; raises ConfigError."""
        library = build(self.folder)
        home = self.folder / "broker"
        pki.init(home, ["localhost", HOST])
        pki.enrol(home, "central", "central")
        for name in STATIONS:
            pki.enrol(home, name)
        render(home, free_ports())
        await self.broker.start()
        self.central = Centre(self.folder, self.broker.ports.operators, library)
        items = tuple(f"book-{number}" for number in range(BOOKS))
        cards = tuple(f"CARD{number}" for number in range(PEOPLE))
        await self.central.start(STATIONS, items, cards)
        for name, kind in STATIONS.items():
            post = Post(self.folder, name, kind, self.broker.ports.stations, library)
            await post.start(items, cards, self.seed)
            self.posts[name] = post

    async def run(self, seconds: float, kill_every_s: float, say: Progress) -> Result:
        """Carry out the plan of this seed, wait for rest, and give account."""
        steps = plan(self.seed, seconds, tuple(STATIONS), kill_every_s=kill_every_s)
        loop = asyncio.get_running_loop()
        began = loop.time()
        guard = asyncio.create_task(self._watch(), name="watch")
        try:
            async with asyncio.TaskGroup() as tasks:
                for step in steps:
                    await asyncio.sleep(max(0.0, began + step.at_s - loop.time()))
                    say(f"{step.at_s:5.1f} s  {step.fault} {step.victim}")
                    self.faults[step.fault] += 1
                    tasks.create_task(self._strike(step), name=step.fault)
            await asyncio.sleep(max(0.0, began + seconds - loop.time()))
            (self.folder / "stop").touch()
            say("at rest?")
            await self._rest()
        finally:
            guard.cancel()
            await asyncio.wait({guard})
        return self._result(seconds)

    def _result(self, seconds: float) -> Result:
        ledger = read_ledger(self.central.ledger)
        disks = tuple(disk for post in self.posts.values() for disk in post.disks())
        cases: Counter[str] = Counter()
        for kinds in ledger.cases_of_stations.values():
            cases += kinds
        return Result(
            seed=self.seed,
            seconds=seconds,
            account=judge(disks, self.tags.written(), ledger),
            faults=dict(sorted(self.faults.items())),
            kills=sum(count for fault, count in self.faults.items() if fault.startswith("kill-")),
            cases=dict(sorted(cases.items())),
            restarts={"broker": self.broker.starts - 1, "central": self.central.starts - 1}
            | {name: post.starts - 1 for name, post in self.posts.items()},
        )

    async def _watch(self) -> None:
        """Start again what ended by itself, as a service manager does."""
        while True:
            await asyncio.sleep(DEATH_S)
            places: tuple[Centre | Post, ...] = (self.central, *self.posts.values())
            for place in places:
                if not place.daemon.pid and not place.held:
                    await revive(place.daemon)

    async def _rest(self) -> None:
        """Wait until every outbox is confirmed, with every fault gone."""
        loop = asyncio.get_running_loop()
        until, calm_since = loop.time() + REST_S, loop.time()
        while loop.time() < until and loop.time() - calm_since < LONGEST_VISIT_S:
            await asyncio.sleep(0.5)
            if not all(post.at_rest() for post in self.posts.values()):
                calm_since = loop.time()

    # --- faults

    async def _strike(self, step: Step) -> None:
        strikes: dict[str, Callable[[Step], Coroutine[Any, Any, None]]] = {
            "kill-broker": self._kill_broker,
            "kill-central": lambda _: self.central.kill(),
            "pause-central": lambda step: self.central.pause(step.for_s),
            "two-centrals": lambda step: self.central.two(step.for_s),
            "restore": lambda step: self.central.restore(step.for_s, self._thrown_away),
            "certificate": self._certificate,
        }
        if step.fault in strikes:
            await strikes[step.fault](step)
        elif step.fault in ("cut", "half-open", "slow"):
            cable = self._place(step.victim).cable
            cable.set(step.fault)
            await asyncio.sleep(step.for_s)
            cable.set("open")
        elif step.fault in DISKS:
            shim = self._place(step.victim).shim
            shim.disk(**DISKS[step.fault])
            await asyncio.sleep(step.for_s)
            shim.disk()
        elif step.fault in ("clock-ahead", "clock-behind"):
            shim = self._place(step.victim).shim
            shim.clock(86_400 if step.fault == "clock-ahead" else -86_400)
            await asyncio.sleep(step.for_s)
            shim.clock(0)
        else:
            post = self.posts[step.victim]
            await {"kill-station": post.kill, "clone": post.clone, "damage": post.damage}[step.fault](
                step.for_s
            )

    def _place(self, victim: str) -> Centre | Post:
        return self.central if victim == "central" else self.posts[victim]

    def _thrown_away(self) -> int | None:
        posts = self.posts.values()
        return None if any(post.cloned for post in posts) else sum(post.thrown_away for post in posts)

    async def _kill_broker(self, step: Step) -> None:
        await self.broker.kill()  # its supervisor starts it again

    async def _certificate(self, step: Step) -> None:
        """The station's certificate has expired, until it is renewed; its connection breaks meanwhile."""
        home = self.folder / "broker" / "identities" / step.victim
        kept = {name: (home / name).read_bytes() for name in ("cert.pem", "key.pem")}
        past = FakeClock(SystemClock().now() - timedelta(days=2))
        old = pki.temporary_identity(self.folder / "broker", step.victim, self.folder / "expired", clock=past)
        cable = self.posts[step.victim].cable
        for name in kept:
            (home / name).write_bytes((old / name).read_bytes())
        cable.set("cut")
        cable.set("open")
        await asyncio.sleep(step.for_s)
        for name, data in kept.items():
            (home / name).write_bytes(data)
        shutil.rmtree(old)

    async def stop(self) -> None:
        """End every process."""
        for post in self.posts.values():
            await post.stop()
        if hasattr(self, "central"):
            await self.central.stop()
        await self.broker.stop()


async def run(
    folder: Path,
    seed: int,
    seconds: float,
    *,
    kill_every_s: float = KILL_EVERY_S,
    say: Progress = lambda _: None,
) -> Result:
    """Play one run in a folder of its own; raises ConfigError when it is not, or a part does not start."""
    make_new(folder)
    field = Field(folder, seed)
    try:
        await field.start()
        return await field.run(seconds, kill_every_s, say)
    finally:
        await field.stop()


def as_text(result: Result) -> str:
    """Return the account for people."""
    account = result.account
    faults = ", ".join(f"{count} {fault}" for fault, count in result.faults.items())
    head = (
        f"seed {result.seed}: {account.made} facts made, {result.kills} kills; lost {account.lost}, doubled"
        f" {account.doubled}, out of order {account.out_of_order}, unexplained {account.unexplained};"
        f" {account.reported} that a damaged disk could not bring back, each told by a case"
    )
    return "\n".join([head, f"  faults: {faults}", *(f"  ✖ {problem}" for problem in account.problems)])
