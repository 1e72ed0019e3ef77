"""`make bench`: the whole chain against the broker's own limit, in one run, interleaved.

Ratios count; absolute figures are this machine's, this hour's. The ledger lies on a real disk with
synchronous FULL; every sync of central is counted; the stations' own processor share shows whether they
were the bottleneck. Writes bench-results/bench-TIME.json.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from broker_config import pki
from broker_config.render import free_ports, render
from broker_config.supervise import Broker
from sim.processes import Daemon
from sim.stage import Stage
from sim.toml_text import toml_text
from wire.errors import ConfigError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HOST = "127.0.0.1"
STATIONS = [f"s{n:02d}" for n in range(16)]


def build(folder: Path) -> tuple[Path, Path]:
    """Compile the C helpers; raises ConfigError."""
    limit, syncs = folder / "broker_limit", folder / "count_syncs.so"
    for command in (
        ["cc", "-O2", "-o", str(limit), str(HERE / "broker_limit.c"), "-lmosquitto"],
        ["cc", "-O2", "-shared", "-fPIC", "-o", str(syncs), str(HERE / "count_syncs.c"), "-ldl"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ConfigError(
                f"cannot compile: {done.stderr.strip()}", do="apt-get install gcc libmosquitto-dev"
            )
    return limit, syncs


class Chain:
    """A broker and a central on a real disk, for one round."""

    def __init__(self, folder: Path, facts: int) -> None:
        self.folder = folder
        self.facts = facts
        self.broker = Broker(folder / "broker")
        self.items = [[f"{name}-{n:06d}" for n in range(facts)] for name in STATIONS]
        self.cards = [f"card-{n:04d}" for n in range(2000)]

    def identity(self, name: str) -> Path:
        return self.folder / "broker" / "identities" / name

    async def start(self, syncs: Path) -> Daemon:
        pki.init(self.folder / "broker", ["localhost", HOST])
        pki.enrol(self.folder / "broker", "central", "central")
        for name in STATIONS:
            pki.enrol(self.folder / "broker", name)
        render(self.folder / "broker", free_ports())
        await self.broker.start()
        (self.folder / "policy.toml").write_text("[defaults]\nloan_days = 28\nlimit = 1000000\n")
        registry = {
            "branches": [{"branch": "main", "name": "Main", "zone": "Europe/Berlin"}],
            "stations": [{"station": s, "branch": "main", "kind": "kiosk", "name": s} for s in STATIONS],
            "patrons": [
                {"patron": f"p{n}", "card": card, "first_name": "", "class": "adult", "home": "main", "language": "en"}
                for n, card in enumerate(self.cards)
            ],
            "items": [
                {"item": item, "title": item, "class": "book", "media": "book", "owner": "XX-B", "branch": "main"}
                for items in self.items for item in items
            ],
        }  # fmt: skip
        (self.folder / "registry.json").write_text(json.dumps(registry))
        url = f"sqlite:///{self.folder}/ledger.db"
        load = ["ledger", "load", str(self.folder / "registry.json"), "--db", url]
        await asyncio.to_thread(
            subprocess.run, [sys.executable, "-m", "turnleaf", *load], check=True, capture_output=True
        )
        home = "broker/identities/central"
        settings = {
            "ledger": url, "policy": "policy.toml", "items_key": f"{home}/items.key", "spool": "spool",
            "broker": {
                "host": HOST, "port": self.broker.ports.operators,
                "ca": f"{home}/ca.pem", "cert": f"{home}/cert.pem", "key": f"{home}/key.pem",
            },
            "telemetry": {"kind": "sqlite", "path": "telemetry.db"},
        }  # fmt: skip
        (self.folder / "central.toml").write_text(toml_text(settings))
        env = {"LD_PRELOAD": str(syncs), "COUNT_SYNCS": str(self.folder / "syncs")}
        words = ("central", "run", "--config", str(self.folder / "central.toml"))
        central = Daemon("central", words, self.folder / "central.log", env)
        await central.start()
        return central

    def syncs(self) -> int:
        path = self.folder / "syncs"
        return int.from_bytes(path.read_bytes()[:8], "little") if path.exists() else 0

    def stations(self, rate: float, facts: int) -> dict[str, Any]:
        plan = self.folder / "plan.json"
        plan.write_text(
            json.dumps(
                {
                    "host": HOST, "port": self.broker.ports.stations, "stations": STATIONS, "rate": rate,
                    "identities": str(self.folder / "broker" / "identities"), "items": self.items,
                    "cards": self.cards, "facts": facts, "at": datetime.now(UTC).isoformat(),
                }
            )
        )  # fmt: skip
        done = subprocess.run(
            [sys.executable, str(HERE / "stations.py"), str(plan)],
            capture_output=True, text=True, timeout=600, check=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        return dict(json.loads(done.stdout))


def cpu_of(pid: int) -> float:
    """Return the processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> dict[str, float]:
    """Return resident and proportional memory of a process, in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in text.splitlines() if " kB" in line}
    return {"rss_mb": round(found["Rss"], 1), "pss_mb": round(found["Pss"], 1)}


def limit_of(chain: Chain, program: Path, count: int) -> float:
    """Return the broker's own limit in messages a second: C to C, QoS 1, the same TLS listener.

    The topic is one that central's certificate may write and read.
    """
    home = chain.identity("central")
    command = [
        str(program), "localhost", str(chain.broker.ports.operators), str(home / "ca.pem"),
        str(home / "cert.pem"), str(home / "key.pem"), "turnleaf/v1/central/status", str(count), "420", "500",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise ConfigError(f"the broker's limit could not be measured: {done.stderr}")
    return float(done.stdout)


async def one_round(folder: Path, programs: tuple[Path, Path], facts: int, rate: float) -> dict[str, Any]:
    """Measure the limit, then the chain, on a fresh broker and a fresh ledger."""
    folder.mkdir()
    chain = Chain(folder, facts)
    limit_program, syncs = programs
    central = await chain.start(syncs)
    try:
        limit = 0.0
        if not rate:
            limit = await asyncio.to_thread(limit_of, chain, limit_program, 40_000)
        before, cpu = chain.syncs(), cpu_of(central.pid)
        found = await asyncio.to_thread(chain.stations, rate, facts)
        found["syncs"] = chain.syncs() - before
        found["central_cpu_us"] = (cpu_of(central.pid) - cpu) / found["facts"] * 1e6
        found["limit"] = limit
        found["central"] = memory(central.pid)
    finally:
        await central.stop()
        await chain.broker.stop()
    return found


async def fleet() -> dict[str, Any]:
    """Return memory and seconds to ready of each daemon of a small library."""
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory(prefix="turnleaf-bench-") as folder:
        stage = Stage(Path(folder) / "stage")
        started = loop.time()
        try:
            await stage.start()
            ready = loop.time() - started
            await asyncio.sleep(5)
            found: dict[str, Any] = {name: memory(daemon.pid) for name, daemon in stage.daemons.items()}
            assert stage.broker.pid is not None
            found["mosquitto"] = memory(stage.broker.pid)
            found["all_ready_s"] = round(ready, 2)
        finally:
            await stage.stop()
    return found


async def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run everything."""
    rounds, facts = (1, 300) if args.quick else (3, 1500)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=args.dir) as folder:
        programs = build(Path(folder))
        chains, paced = [], {}
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}: the broker's limit, then the chain")
            chains.append(await one_round(Path(folder) / f"round-{number}", programs, facts, 0.0))
        for rate in (100.0, 500.0):
            say(f"latency at {rate:g} facts/s")
            count = max(int(rate * (3 if args.quick else 10) / len(STATIONS)), 10)
            paced[rate] = await one_round(Path(folder) / f"paced-{rate:g}", programs, count, rate)
    say("memory of a small library")
    return {"chains": chains, "paced": paced, "fleet": await fleet()}


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def table(found: dict[str, Any]) -> str:
    """Return the figures for people, ratios first."""
    chains = found["chains"]

    def middle(name: str) -> float:
        return statistics.median(chain[name] for chain in chains)

    ratio = statistics.median(chain["facts_per_s"] / chain["limit"] for chain in chains)
    lines = [
        f"durable facts/s ÷ broker's own limit     {ratio:8.3f}",
        f"durable facts/s (70/20/10, answered)     {middle('facts_per_s'):8.0f}",
        f"broker's own limit, C to C, QoS 1, TLS   {middle('limit'):8.0f}",
        f"facts for each sync of the ledger        {middle('facts') / max(middle('syncs'), 1):8.1f}",
        f"central's processor time a fact, µs      {middle('central_cpu_us'):8.0f}",
        f"the stations' own processor share        {middle('cpu_share'):8.2f}",
    ]
    for rate, one in found["paced"].items():
        lines.append(f"at {rate:5g}/s: p50 {one['p50_ms']:.2f} ms, p99 {one['p99_ms']:.2f} ms")
    for name, one in found["fleet"].items():
        text = (
            f"{one['rss_mb']:.1f} MB resident, {one['pss_mb']:.1f} MB its share"
            if isinstance(one, dict)
            else one
        )
        lines.append(f"{name:12} {text}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--json", action="store_true", help="the figures as JSON on standard output")
    parser.add_argument(
        "--dir", default=str(ROOT / "bench-results"), help="folder on the disk that is measured"
    )
    args = parser.parse_args()
    if shutil.which("cc") is None:
        say("a C compiler is needed: apt-get install gcc libmosquitto-dev")
        return 3
    Path(args.dir).mkdir(parents=True, exist_ok=True)
    found = asyncio.run(measure(args))
    path = Path(args.dir) / f"bench-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(found, indent=1))
    print(json.dumps(found) if args.json else table(found))
    say(f"written to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
