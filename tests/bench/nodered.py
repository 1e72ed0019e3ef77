"""Beside Node-RED: the same facts, the same stations, the same Mosquitto, the same disk; in turn.

    python -m tests.bench.nodered [--modules FOLDER] [--rounds 3] [--json]

FOLDER holds `node_modules` with node-red and node-red-node-sqlite; without it both are installed by npm into a
temporary folder, which takes some minutes. The flow is in `nodered_flow`: check, one upsert, answer. Ours is the
whole central on a fresh ledger, over the same bare listener: policy, loan, journal, answer, items and all. Durable
answers a second are those of fifty stations with sixteen facts under way each; latency is that of a hundred
facts a second, from publish to answer (a fact without one: to resume). Losses are told by `nodered_losses`:
the consumer is killed (SIGKILL) while facts come in, started again, and left until nothing moves any more. Exits 3
where node, npm, the network or a C compiler is missing.
"""

import argparse
import asyncio
import contextlib
import copy
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.influx import free_port
from tests.bench import fact_plan, nodered_flow, nodered_losses
from tests.bench.site import ROOT, PlainBroker, Round, Site, build, cpu_of, memory
from wire.errors import ConfigError

MODULES = ("node-red@4", "node-red-node-sqlite@1")
LOSS_RATE = 200
READY = b"Connected to broker"


@dataclass
class NodeRed:
    """One Node-RED with our flow, headless."""

    modules: Path
    folder: Path
    broker_port: int
    database: Path = field(init=False)
    process: asyncio.subprocess.Process | None = None

    def __post_init__(self) -> None:
        self.database = nodered_flow.write(self.folder, self.broker_port, free_port())

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0

    async def start(self) -> None:
        """Start it; return when it is connected to the broker."""
        program = self.modules / "node_modules" / "node-red" / "red.js"
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        with log.open("wb") as out:
            self.process = await asyncio.create_subprocess_exec(
                "node", str(program), "--userDir", str(self.folder), stdout=out, stderr=out, cwd=self.folder
            )  # fmt: skip
        async with asyncio.timeout(60):
            while READY not in log.read_bytes():
                if self.process.returncode is not None:
                    raise ConfigError(f"Node-RED ended: {log.read_text()[-800:]}")
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)  # the subscription follows the connection; a hello waits for nobody

    async def kill(self) -> None:
        """SIGKILL it."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(how)
            await self.process.wait()


@contextlib.asynccontextmanager
async def node_red(site: Site, modules: Path, folder: Path) -> AsyncIterator[NodeRed]:
    """Run one on an empty database."""
    one = NodeRed(modules, folder, site.plain.port)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


async def theirs(
    site: Site, modules: Path, folder: Path, stations: list[str], facts: int, rate: float
) -> dict[str, Any]:
    """Let the stations speak with Node-RED."""
    async with node_red(site, modules, folder / "node-red") as one:
        plan = folder / "plan"
        fact_plan.write(plan, stations, facts)

        def count() -> dict[str, float]:
            return {"service_cpu": cpu_of(one.pid)}

        found = await asyncio.to_thread(site.say, "plain", plan, rate, count)
        kept = len(nodered_flow.ids(one.database))
        assert kept == found["facts"], (kept, found["facts"])
        found |= {"service_cpu_us": found["service_cpu"] / found["facts"] * 1e6} | memory(one.pid)
    shutil.rmtree(folder / "node-red")
    return found


async def ours(site: Site, folder: Path, stations: list[str], facts: int, rate: float) -> dict[str, Any]:
    """Let the same stations speak with central."""
    async with Round(site, folder / "central", "plain", stations, facts) as one:
        found = await one.say(rate)
        return found | {"service_cpu_us": found["central_cpu_us"]} | found["central"]


async def rates(site: Site, beside: Site, modules: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Measure rate and latency of both, in turn."""
    found: dict[str, Any] = {"fast": [], "steady": []}
    names, seconds = site.stations, 10
    kinds = (("fast", args.facts, 0), ("steady", args.rate * seconds // len(names), args.rate))
    for number in range(args.rounds):
        for kind, facts, rate in kinds:
            one = {
                "ours": await ours(site, site.folder, names, facts, rate),
                "theirs": await theirs(beside, modules, site.folder, names, facts, rate),
            }
            found[kind].append(one)
            told = "; ".join(f"{who} {shown(one[who])}" for who in one)
            say(f"round {number + 1} of {args.rounds}, {kind}: {told}")
    return found


async def kills(site: Site, beside: Site, modules: Path, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Kill both while facts come in."""
    found = []
    for number in range(args.kills):
        burst, paced = (
            NodeRed(modules, site.folder / f"{kind}-{number}", beside.plain.port)
            for kind in ("burst", "paced")
        )
        lost = {
            "ours, all at once": await nodered_losses.ours(site, site.folder / f"our-loss-{number}"),
            "theirs, all at once": await nodered_losses.theirs(burst),
            f"theirs, {LOSS_RATE} a second": await nodered_losses.theirs(paced, LOSS_RATE),
        }
        found.append(lost)
        say(f"killed, {number + 1} of {args.kills}: {lost}")
    return found


async def measure(args: argparse.Namespace, modules: Path) -> dict[str, Any]:
    """Run everything, in turn."""
    with tempfile.TemporaryDirectory(prefix="bench-nodered-", dir=args.dir) as name:
        folder = Path(name)
        site = Site(folder, build(folder), [f"s{n:04d}" for n in range(args.stations)])
        await site.start()
        beside = copy.copy(site)  # a broker of its own: neither's session keeps what the other is told
        beside.plain = PlainBroker(folder / "plain-beside", folder / "broker" / "mosquitto.conf")
        await beside.plain.start()
        try:
            found = await rates(site, beside, modules, args)
            found["losses"] = await kills(site, beside, modules, args)
        finally:
            await beside.plain.stop()
            await site.stop()
    return summary(found)


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Return the middle of all rounds, and the ratios of the goals."""
    told: dict[str, Any] = {}
    for who in ("ours", "theirs") if found["fast"] else ():
        fast, steady = ([one[who] for one in found[kind]] for kind in ("fast", "steady"))
        told[who] = {
            name: round(middle(fast, name), 1) for name in ("facts_per_s", "service_cpu_us", "rss_mb")
        } | {name: round(middle(steady, name), 2) for name in ("p50_ms", "p99_ms")}
    if found["fast"]:
        told |= compared(found)
    return told | {"losses": found["losses"]}


def compared(found: dict[str, Any]) -> dict[str, float]:
    told = {
        "durable answers/s, ours ÷ theirs (goal 15)": ratio(found["fast"], "ours", "theirs", "facts_per_s")
    }
    for name in ("p50_ms", "p99_ms"):
        told[f"{name}, ours ÷ theirs (goal 0.1)"] = ratio(found["steady"], "ours", "theirs", name)
    return told


def middle(rows: Sequence[dict[str, Any]], name: str) -> float:
    return float(statistics.median(row[name] for row in rows))


def ratio(rows: Sequence[dict[str, Any]], one: str, other: str, name: str) -> float:
    return round(statistics.median(row[one][name] / row[other][name] for row in rows), 3)


def shown(one: dict[str, Any]) -> str:
    return (
        f"{one['facts_per_s']:.0f}/s, p50 {one['p50_ms']:.2f} ms, p99 {one['p99_ms']:.2f} ms,"
        f" {one['service_cpu_us']:.0f} µs, {one['rss_mb']:.0f} MB"
    )


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def installed(modules: Path | None) -> Any:
    """Give the folder with Node-RED in it; raises ConfigError where it cannot be had."""
    if modules is not None:
        if not (modules / "node_modules" / "node-red" / "red.js").exists():
            raise ConfigError(f"there is no node_modules/node-red in {modules}", do="npm install it there.")
        yield modules
        return
    with tempfile.TemporaryDirectory(prefix="node-red-") as name:
        say("npm installs Node-RED; this takes some minutes")
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", name, *MODULES]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
        if done.returncode:
            raise ConfigError(
                f"npm cannot install Node-RED: {done.stderr.strip()[-400:]}", do="Is npm's registry there?"
            )
        yield Path(name)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--modules", type=Path, help="folder that holds node_modules with Node-RED in it")
    parser.add_argument("--stations", type=int, default=50)
    parser.add_argument("--facts", type=int, default=100, help="facts of each station at full speed (100)")
    parser.add_argument(
        "--rate", type=int, default=100, help="facts a second where latency is measured (100)"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=3, help="runs with a SIGKILL (3)")
    parser.add_argument(
        "--dir", type=Path, default=ROOT / "bench-results", help="folder on the disk that is measured"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    for program in ("node", "npm", "cc"):
        if shutil.which(program) is None:
            say(f"{program} is needed; nothing is measured without it")
            return 3
    args.dir.mkdir(parents=True, exist_ok=True)
    try:
        with installed(args.modules) as modules:
            found = asyncio.run(measure(args, modules))
    except ConfigError as error:
        say(f"{error}")
        return 3
    print(
        json.dumps(found) if args.json else "\n".join(f"{name:44} {value}" for name, value in found.items())
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
