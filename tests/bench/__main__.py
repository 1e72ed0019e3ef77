"""`make bench`: the whole chain against the broker's own limit, in one run, interleaved.

Ratios count; absolute figures are this machine's, this hour's. Every round measures first what the broker
alone carries (C to C, QoS 1, the same listener), then the chain on a fresh ledger on a real disk with
synchronous FULL; every sync of central is counted. The stations are one C program with a connection and a
stream for each; its share of a core shows that it is not the bottleneck. Latency is set against a floor: the
same stations at the same rate, answered by central's own client after one commit, without a desk; between both
stands what the ledger's statements take alone (`least`).
Writes bench-results/bench-TIME.json.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from sim.stage import Stage
from tests.bench.site import ROOT, Round, Site, build, commit_ms, echo, end_session, memory
from tests.bench.table import table
from wire.errors import TurnleafError

KINDS = ("tls", "plain")
RATES = (100, 500, 2000, 5000)
COMMITTING_MOST = 0.3
"""Share of the time in which the floor may commit, message by message; where it would be more, the time of a
commit is added to an echo without any."""


async def chains(site: Site, folder: Path, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure limit and chain in turn, over TLS and bare."""
    found = []
    for number in range(args.rounds):
        for kind in KINDS:
            say(f"round {number + 1} of {args.rounds}, {kind}: the broker's limit, then the chain")
            limit = await asyncio.to_thread(site.limit, kind, 40_000)
            async with Round(site, folder / f"round-{number}-{kind}", kind, site.stations, args.facts) as one:
                found.append({"kind": kind} | limit | await one.say(0))
    return found


async def paced(site: Site, folder: Path, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure latency at steady rates, and beside each the floor, and the ledger's statements alone."""
    found = []
    for number, rate in product(range(args.rounds), args.rates):
        facts = 10
        stations = site.stations[: max(16, min(len(site.stations), rate * args.seconds // facts))]
        facts = max(facts, rate * args.seconds // len(stations))
        say(
            f"round {number + 1} of {args.rounds}, latency at {rate} facts/s, {len(stations)} stations: "
            "floor, then the chain"
        )
        one = Round(site, folder / f"paced-{number}-{rate}", "tls", stations, facts)
        await one.lay_out()
        await asyncio.to_thread(end_session, site, "tls")
        commit = await asyncio.to_thread(commit_ms, one.folder)
        row: dict[str, Any] = {"rate": rate, "commit_ms": commit}
        if rate * commit / 1000 < COMMITTING_MOST:  # no central is in its way
            row["floor"] = await lone(site, one, rate, "--commits", "echo.db")
            shutil.copy(one.folder / "ledger.db", one.folder / "least.db")
            row["least"] = await lone(site, one, rate, "--ledger", "least.db")
        else:
            floor = await lone(site, one, rate)
            row["floor"] = floor | {part: floor[part] + commit for part in ("p50_ms", "p99_ms")}
        async with one:
            found.append(row | await one.say(rate))
    return found


async def lone(site: Site, one: Round, rate: int, *before: str) -> dict[str, Any]:
    """Return what the stations of a round find when there is no central; files are in its folder."""
    files = [word if word.startswith("--") else str(one.folder / word) for word in before]
    return await echo(site, "tls", one.folder / "plan", rate, *files)


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
    with tempfile.TemporaryDirectory(prefix="bench-", dir=args.dir) as name:
        folder = Path(name)
        site = Site(folder, build(folder), [f"s{n:04d}" for n in range(args.stations)])
        say(f"{args.stations} stations are enrolled")
        await site.start()
        try:
            found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "load": load()}
            found["chains"] = await chains(site, folder, args)
            found["paced"] = await paced(site, folder, args)
        finally:
            await site.stop()
    if not args.no_fleet:
        say("memory of a small library")
        found["fleet"] = await fleet()
    return found | {"load_after": load()}


def load() -> float:
    """Return how many processes wanted to run in the last minute: a figure above 1 before we began tells of others."""
    return float(Path("/proc/loadavg").read_text().split()[0])


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round with a hundred stations")
    parser.add_argument("--json", action="store_true", help="the figures as JSON on standard output")
    parser.add_argument("--stations", type=int, default=0, help="stations (1000)")
    parser.add_argument("--facts", type=int, default=0, help="facts of each station in a round (30)")
    parser.add_argument("--rounds", type=int, default=0, help="rounds (3)")
    parser.add_argument("--seconds", type=int, default=0, help="seconds at each steady rate (10)")
    parser.add_argument(
        "--rates", type=int, nargs="*", default=RATES, help="facts a second (100 500 2000 5000)"
    )
    parser.add_argument("--no-fleet", action="store_true", help="without the memory of a small library")
    parser.add_argument(
        "--dir", default=str(ROOT / "bench-results"), help="folder on the disk that is measured"
    )
    args = parser.parse_args(argv)
    usual = {"stations": 100, "facts": 100, "rounds": 1, "seconds": 5} if args.quick else {}
    for name, value in ({"stations": 1000, "facts": 30, "rounds": 3, "seconds": 10} | usual).items():
        setattr(args, name, getattr(args, name) or value)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, write the JSON, show the table."""
    args = arguments(argv)
    Path(args.dir).mkdir(parents=True, exist_ok=True)
    try:
        found = asyncio.run(measure(args))
    except TurnleafError as error:
        say(str(error))
        return error.exit_code
    path = Path(args.dir) / f"bench-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(found, indent=1))
    print(json.dumps(found) if args.json else table(found))
    say(f"written to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
