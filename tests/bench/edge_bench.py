"""What a station costs its small computer: memory, start, idle processor, waiting for its disk, a month of work.

    python tests/bench/edge_bench.py [--memory] [--disk] [--month [--days N]] [--json] [--dir FOLDER]

Each station is the real daemon in a process of its own, on a real Mosquitto over TLS, with its far ends
played here; its settings are the defaults. `--memory`: resident (RSS), its own (anonymous) and shared-out (PSS)
memory after the first samples, seconds from exec to ready, processor seconds until then, and the share of a
core while nothing happens, beside what the bare libraries take. `--disk`: from an item laid down to lent, with
the disk as it is and with 20 ms a sync. `--month`: 30 days of visits with time that leaps, and as many of the
service that all of them speak to (`--kinds`). The daemons run from cached bytecode, as an installed package does.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "edge"))
sys.path.insert(0, str(Path(__file__).parents[1] / "central"))
sys.path.insert(0, str(Path(__file__).parents[1]))

import central_month
from lone_station import UNSECURED, LoneStation, Syncs, lone_station
from month import Mark, as_row, live, swift
from real.broker import RealBroker

from sim.chaos.shim import Shim, build

KINDS = ("bin", "gate", "kiosk")
IDLE_S = 30
ITEMS = 15
POLL_MS = 20
"""Of the kiosk whose disk is looked at: the default of 120 ms would hide it."""
VISITS = {"kiosk": 500, "gate": 240, "bin": 3_000}
KINDS_OF_MONTH = (*VISITS, "central")
LOANS = 100
"""What central lends each day of its month; each comes back, is reported on twice and passes the gate."""
PAGES_KB = 256
"""Of the ledger's page caches in its second month: they may take 64 MB each, and hide what else grows."""
DAYS = 30


@asynccontextmanager
async def broker_in(folder: Path) -> AsyncIterator[RealBroker]:
    """Run a broker for a while."""
    folder.mkdir(parents=True)
    broker = RealBroker(folder / "broker")
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


async def libraries(broker: RealBroker, *kind: str) -> float:
    """Return the memory of a process with the libraries of a station (`--page`: a kiosk's), and nothing of ours."""
    station = broker.settings("bare-1")
    files = str(broker.folder / "identities" / "bare-1")
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            str(Path(__file__).with_name("bare_libraries.py")),
            files,
            str(station.port),
            *kind,
        ),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return float(said)


async def memory(folder: Path, rounds: int) -> dict[str, Any]:
    """Measure each kind of station at rest."""
    found: dict[str, Any] = {}
    async with broker_in(folder) as broker:
        for name, kind in (("libraries", ()), ("libraries and page", ("--page",))):
            bare = [await libraries(broker, *kind) for _ in range(rounds + 1)]
            found[name] = {"rss_mb": statistics.median(bare[1:])}  # the first one writes bytecode
        for kind in KINDS:
            await warm(kind, folder / f"{kind}-warm", broker)
            seen = [await at_rest(kind, folder / f"{kind}-{n}", broker) for n in range(rounds)]
            found[kind] = {name: round(statistics.median(one[name] for one in seen), 2) for name in seen[0]}
    return found


async def warm(kind: str, folder: Path, broker: RealBroker) -> None:
    """Start and end a station, so that its bytecode is there, as it is once it was installed."""
    async with lone_station(kind, folder, broker):
        pass


async def at_rest(kind: str, folder: Path, broker: RealBroker) -> dict[str, float]:
    """Measure one station from its start."""
    async with lone_station(kind, folder, broker) as station:
        started_s = station.look.cpu_s
        await station.central.until(lambda: station.central.samples.get(f"{kind}-1/station"), timeout=60)
        await asyncio.sleep(1.0)
        before = station.look
        await asyncio.sleep(IDLE_S)
        after = station.look
        return {
            "rss_mb": after.rss_mb,
            "own_mb": after.own_mb,
            "pss_mb": after.pss_mb,
            "ready_s": station.ready_s,
            "start_cpu_s": started_s,
            "idle_percent": 100 * (after.cpu_s - before.cpu_s) / IDLE_S,
            "files": after.files,
        }


async def disk(folder: Path) -> dict[str, Any]:
    """Measure from an item laid down to its tag read back, on this disk and on one of 20 ms a sync."""
    found: dict[str, Any] = {}
    async with broker_in(folder) as broker:
        for name, sync_ms in (("as it is", 0), ("20 ms a sync", 20)):
            where = folder / f"kiosk-{sync_ms}"
            where.mkdir()
            shim, syncs = Shim(build(where), where / "faults"), Syncs(where)
            shim.disk(sync_ms=sync_ms)
            both = f"{syncs.environment['LD_PRELOAD']}:{shim.environment['LD_PRELOAD']}"
            environment = shim.environment | syncs.environment | {"LD_PRELOAD": both}
            pad = {"poll_ms": POLL_MS}
            async with lone_station("kiosk", where / "station", broker, environment, pad=pad) as kiosk:
                found[name] = await lend(kiosk, syncs)
    return found


async def lend(kiosk: LoneStation, syncs: Syncs) -> dict[str, float]:
    """Lend items one after the other in one visit; milliseconds from laid down, and syncs for each item."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(2.0)
    await kiosk.card()
    requested, written, noted = [], [], []
    before = syncs()
    for number in range(1, ITEMS + 1):
        book = kiosk.book(number)
        laid = loop.time()
        kiosk.pad.place(book)
        await kiosk.told("checkout/1", number)
        requested.append(loop.time() - laid)
        await kiosk.written([book], UNSECURED)
        written.append(loop.time() - laid)
        await kiosk.told("tag-written/1", number)
        noted.append(loop.time() - laid)
    used = (syncs() - before) / ITEMS
    middle = {"requested": requested, "written": written, "told": noted}
    figures = {f"{name}_ms": round(1000 * statistics.median(values), 1) for name, values in middle.items()}
    return figures | {"worst_ms": round(1000 * max(noted), 1), "syncs": round(used, 2)}


async def month(folder: Path, kind: str, visits: int, days: int) -> list[dict[str, float]]:
    """Let one station live through a month."""
    marks: list[Mark] = []

    def tell(one: Mark) -> None:
        marks.append(one)
        print(f"{kind}: {one}", file=sys.stderr)

    async with broker_in(folder) as broker:
        await warm(kind, folder / "warm", broker)
        async with swift(kind, folder / kind, broker) as (station, leap):
            await live(station, leap, days=days, visits=visits, marks=12, tell=tell)
    return [as_row(one) for one in marks]


async def month_of_central(
    folder: Path, loans: int, days: int, pages_kb: int | None = None
) -> list[dict[str, Any]]:
    """Let central live through a month; a mark for each day."""
    marks: list[dict[str, Any]] = []

    def tell(one: central_month.Mark) -> None:
        marks.append(asdict(one))
        print(f"central: {one}", file=sys.stderr)

    async with (
        broker_in(folder) as broker,
        central_month.swift_library(folder / "central", broker, pages_kb) as library,
    ):
        await central_month.live(library, days=days, loans=loans, tell=tell)
    return marks


async def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Do what was asked for; everything when nothing was."""
    everything = not (args.memory or args.disk or args.month)
    found: dict[str, Any] = {}
    if args.memory or everything:
        found["memory"] = await memory(folder / "memory", args.rounds)
    if args.disk or everything:
        found["disk"] = await disk(folder / "disk")
    if args.month or everything:
        for kind in args.kinds:
            if kind == "central":
                loans = max(8, round(LOANS * args.share))
                found["month of central"] = await month_of_central(folder / "month-central", loans, args.days)
                name, folder_2 = f"the same, page caches of {PAGES_KB} KB", folder / "month-small"
                found[name] = await month_of_central(folder_2, loans, args.days, PAGES_KB)
                continue
            visits = max(12, round(VISITS[kind] * args.share * args.days / DAYS))
            found[f"month of a {kind}"] = await month(folder / f"month-{kind}", kind, visits, args.days)
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as a Markdown table."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(str(row.get(name, "")) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for part in ("memory", "disk", "month", "json"):
        parser.add_argument(f"--{part}", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=KINDS_OF_MONTH, default=list(KINDS_OF_MONTH))
    parser.add_argument("--share", type=float, default=1.0, help="share of a month's visits")
    parser.add_argument("--days", type=int, default=DAYS, help="days of a month")
    parser.add_argument("--dir", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir, prefix="turnleaf-edge-") as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
        found = asyncio.run(measure(args, Path(folder)))
    if args.json:
        print(json.dumps(found))
        return
    for name, part in found.items():
        rows = part if isinstance(part, list) else [{"what": what, **values} for what, values in part.items()]
        print(f"{name}\n\n{table(sorted(rows, key=len, reverse=True))}\n")


if __name__ == "__main__":
    main()
