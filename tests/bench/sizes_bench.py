"""What a fact costs when the ledger has ten thousand, a million and ten million loans behind it.

    python -m tests.bench.sizes_bench [--loans 10000 1000000 10000000] [--facts 5000] [--rounds 5] [--dir FOLDER] [--json]

Each ledger is filled by `tests.bench.sizes_fill` (ten million take some five minutes and 10 GB), on the disk of
FOLDER, and kept open for all rounds; the first is checked by the ledger's own rules in the end. In each round every
ledger in turn takes the same mix through a desk, as central's: 70 % checkouts decided by the policy, 20 % returns,
every third of them of a loan from long ago, 10 % reports on tags; a thousand under way, groups of up to five
hundred, synchronous FULL. The first facts of a round are not counted: they bring the pages that such a morning
needs to memory. `cpu_us` is this process's processor time for a fact, decoding included, `wall_us` the time,
`written_kb` what was written (log and file). Ratios are those of one round, and the middle one counts. With
`--ordered` each ledger takes as many facts again whose ids begin with the time, as those of RFC 9562 version 7 do:
they stand side by side in the trees. `upkeep_ms` is the desk's minute's work.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from central.authority import OwnLedger
from central.desk import Desk
from central.ledger.backup import check
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.results import FromStation, read_upward
from circulation.policy import Policy
from tests.bench.sizes_fill import ITEMS, PATRONS, STATIONS, fill
from wire.clock import SystemClock
from wire.ids import new_id

LONG_OUT = 1000
"""Returns of loans from long ago, in all rounds: as many as the smallest ledger has."""
UNDER_WAY = 1000
POLICY = Policy.model_validate({"defaults": {"limit": 100_000}})


@dataclass
class Morning:
    """What the stations say, on and on: each fact has its place in one of many streams."""

    boot: str
    rng: random.Random
    streams: list[tuple[str, int, str]] = field(default_factory=list)
    shelf: list[str] = field(default_factory=list)
    out: list[str] = field(default_factory=list)
    long_out: list[str] = field(default_factory=list)
    unreported: list[tuple[str, str]] = field(default_factory=list)
    said: int = 0
    ordered: bool = False

    def __post_init__(self) -> None:
        self.streams = [(new_id(), 0, "") for _ in range(STATIONS)]
        self.rng.shuffle(self.shelf)
        self.rng.shuffle(self.long_out)
        del self.long_out[LONG_OUT:]

    def id(self) -> str:
        """Return the id of a new fact."""
        if self.ordered:
            return f"{millis(SystemClock().now()):012x}{self.said % 4096:03x}{new_id()[15:]}"
        return new_id()

    def body(self, fact: str) -> dict[str, Any]:
        """Return what happens next."""
        kind = self.rng.random()
        if kind < 0.7 or not self.out:
            item = self.shelf.pop()
            self.out.append(item)
            self.unreported.append((fact, item))
            card = f"C{self.rng.randrange(PATRONS)}"
            return {"schema": "checkout/1", "visit": new_id(), "card": card, "item": item}
        if kind < 0.9:
            from_old = self.long_out and self.rng.random() < 1 / 3
            held = self.long_out if from_old else self.out
            return {"schema": "checkin/1", "item": held.pop(self.rng.randrange(len(held)))}
        request, item = self.unreported.pop()
        return {"schema": "tag-written/1", "request": request, "item": item, "afi": 0xC2}

    def facts(self, count: int) -> list[tuple[str, bytes]]:
        """Return the next facts, stations in turn: (station, payload)."""
        made, now = [], SystemClock().now().isoformat()
        for _ in range(count):
            place, fact = self.said % STATIONS, self.id()
            stream, seq, prev = self.streams[place]
            body = self.body(fact) | {"at": now, "clock": "synced", "boot": "b", "mono": self.said}
            entry = {"kind": "entry", "stream": stream, "link": "l", "to": self.boot, "seq": seq + 1}
            made.append(
                (f"k{place}", json.dumps(entry | {"id": fact, "prev_id": prev, "body": body}).encode())
            )
            self.streams[place] = (stream, seq + 1, fact)
            self.said += 1
        return made


@dataclass
class Sized:
    """One ledger, open, with a morning of its own."""

    path: Path
    loans: int
    ledger: Ledger
    morning: Morning

    @classmethod
    def open(cls, path: Path, loans: int) -> "Sized":
        ledger = Ledger.open(f"sqlite:///{path}", policy=POLICY)
        shelf, out = (
            [
                item
                for (item,) in ledger.hot.connection.execute(
                    f"SELECT item FROM item WHERE loan IS {which} ORDER BY item"
                )
            ]
            for which in ("NULL", "NOT NULL")
        )
        return cls(path, loans, ledger, Morning(ledger.boot, random.Random(7), shelf=shelf, long_out=out))

    async def round(self, facts: int, *, ordered: bool = False) -> dict[str, float]:
        """Take facts through a desk; return what one of them costs."""
        self.morning.ordered = ordered
        desk = Desk(self.ledger, OwnLedger(POLICY), POLICY, SystemClock(), b"k" * 32)
        running = asyncio.create_task(desk.run())
        try:
            began = time.perf_counter()
            await desk.upkeep()
            upkeep = time.perf_counter() - began
            await self.take(desk, self.morning.facts(facts // 2))
            given = self.morning.facts(facts)
            wall, cpu, written = time.perf_counter(), time.process_time(), disk()
            refused = await self.take(desk, given)
            wall, cpu, written = time.perf_counter() - wall, time.process_time() - cpu, disk() - written
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert not refused, f"{refused} were refused"
        return {
            "cpu_us": cpu / facts * 1e6, "wall_us": wall / facts * 1e6, "written_kb": written / facts / 1024,
            "upkeep_ms": upkeep * 1e3,
        }  # fmt: skip

    async def take(self, desk: Desk, given: Sequence[tuple[str, bytes]]) -> int:
        """Submit facts, a thousand under way; return how many were not granted or not applied."""
        refused = 0
        for begin in range(0, len(given), UNDER_WAY):
            done = []
            for station, payload in given[begin : begin + UNDER_WAY]:
                message = read_upward(payload)
                assert message is not None
                done.append(desk.enqueue(FromStation(station, message)))
            for result in await asyncio.gather(*done):
                refused += result.answer is not None and result.answer.outcome != "granted"
            while not desk.effects.empty():
                desk.effects.get_nowait()
        return refused

    def close(self) -> None:
        self.ledger.close()


def disk() -> int:
    """Return the bytes that this process has written."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("wchar"):
            return int(line.split()[1])
    raise ValueError("/proc/self/io tells no wchar")


def trees(path: Path) -> dict[str, float]:
    """Return the megabytes of the largest tables and indexes of a ledger."""
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("PRAGMA page_size").fetchone()
        found = db.execute("SELECT name, pageno FROM dbstat WHERE aggregate = 1 ORDER BY 2 DESC").fetchmany(
            14
        )
        return {name: round(pages * page / 1e6, 1) for name, pages in found}


def summary(found: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return the middle of all rounds for each size, and each size's costs over the first one's."""
    told = {}
    for kind, rounds in found.items():
        first = next(base for name, base in found.items() if ("ordered" in name) == ("ordered" in kind))
        figures = {name: round(statistics.median(one[name] for one in rounds), 2) for name in rounds[0]}
        for name in ("cpu_us", "wall_us"):
            ratios = [one[name] / base[name] for one, base in zip(rounds, first, strict=True)]
            figures[f"{name} ÷ smallest"] = round(statistics.median(ratios), 2)
        told[kind] = figures
    return told


def opened(folder: Path, sizes: Sequence[int]) -> list[Sized]:
    """Open a ledger of each size in a folder; fill those that are not there yet."""
    for loans in sizes:
        path, began = folder / f"{loans}.db", time.perf_counter()
        if not path.exists():
            fill(path, loans, millis(SystemClock().now()))
            took = time.perf_counter() - began
            say(f"{loans} loans: {path.stat().st_size / 1e9:.2f} GB, made in {took:.0f} s")
    return [Sized.open(folder / f"{loans}.db", loans) for loans in sizes]


async def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Fill, and let all ledgers work in turn."""
    with tempfile.TemporaryDirectory(prefix="bench-sizes-", dir=args.dir) as name:
        sized = opened(args.keep or Path(name), args.loans)
        found: dict[str, list[dict[str, float]]] = {}
        for number in range(args.rounds):
            for ordered in (False, True)[: 1 + args.ordered]:
                for one in sized:
                    figures = await one.round(args.facts, ordered=ordered)
                    kind = f"{one.loans} loans{', ordered ids' if ordered else ''}"
                    found.setdefault(kind, []).append(figures)
                    shown = ", ".join(f"{name} {value:.1f}" for name, value in figures.items())
                    say(f"round {number + 1} of {args.rounds}, {kind}: {shown}")
        for one in sized:
            one.close()
        faults = check(sized[0].path).faults
        assert not faults, faults
        told = summary(found)
        if args.trees:
            told["trees, MB"] = trees(sized[-1].path)
    return told | {"rounds": args.rounds, "facts": args.facts}


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--loans", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000])
    parser.add_argument("--facts", type=int, default=5000, help="facts in a round (5000)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", type=Path, help="folder on the disk that is measured")
    parser.add_argument("--keep", type=Path, help="folder whose ledgers are used, and left there")
    parser.add_argument(
        "--ordered", action="store_true", help="as many facts with ids in the order of time too"
    )
    parser.add_argument(
        "--trees", action="store_true", help="the size of each table and index of the last ledger too"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    if args.facts * args.rounds * (1 + args.ordered) * 1.5 * 0.7 > ITEMS * 0.9:
        parser.error("so many facts lend more items than the shelf has")
    found = asyncio.run(measure(args))
    print(
        json.dumps(found) if args.json else "\n".join(f"{name:28} {value}" for name, value in found.items())
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
