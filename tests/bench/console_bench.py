"""What a console costs: 5,000 stations, 500 updates a second, at the three sizes of a terminal.

    python tests/bench/console_bench.py [--stations 5000] [--rate 500] [--seconds 8] [--json]

CPU is of the whole process (one core = 100 %) and holds the generator, which hands over payloads that were
encoded before the clock started. The loop's lag is how late a 5 ms timer wakes. *still* is the same console
with nothing arriving; *rows move* has several stations change their sign between any two looks.
Headless: no terminal is written to, but every line is rendered.
"""

import argparse
import asyncio
import json
import random
import resource
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from monitor.app import Console
from monitor.feed import Connection, MemoryFeed
from monitor.fleet import Arrived
from wire.clock import SystemClock
from wire.messages.states import CentralStatus, FleetEntry, Glyph
from wire.topics import topic

AT = datetime.now(UTC)
GLYPHS: tuple[tuple[Glyph, str], ...] = (("ok", "fine"), ("look", "returns only"), ("act", "pad lost"))
SIZES = ((80, 24), (120, 40), (200, 60))


@dataclass
class Cost:
    """One case."""

    case: str
    cpu_percent: float
    lag_p99_ms: float
    lag_max_ms: float
    look_max_ms: float
    updates: int


def payloads(stations: int, rng: random.Random) -> list[list[Arrived]]:
    """Return eight things to say of each station: the numbers change, the first may have another sign."""
    made = []
    for number in range(stations):
        name, branch = f"kiosk-{number}", f"branch-{number % 40}"
        where = topic("fleet", branch=branch, station=name)
        of_station = []
        for turn in range(8):
            glyph, word = rng.choices(GLYPHS, (96, 3, 1))[0] if turn == 0 else GLYPHS[0]
            entry = FleetEntry(
                station=name, branch=branch, kind="kiosk", name=f"Kiosk {number}", glyph=glyph, word=word,
                since=AT, at=AT, loans_today=turn * 10 + number % 7, returns_today=turn,
                values={"pad.response_ms": 10.0 + turn, "pad.read_rate": 0.99, "printer.paper_percent": 80.0},
            )  # fmt: skip
            of_station.append(Arrived(where, entry.encode(), AT))
        made.append(of_station)
    return made


async def _lag(lags: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        await asyncio.sleep(0.005)
        lags.append((loop.time() - began - 0.005) * 1000)


async def case(
    name: str,
    made: list[list[Arrived]],
    rate: int,
    seconds: float,
    size: tuple[int, int],
    rng: random.Random,
    *,
    restless: bool = False,
) -> Cost:
    """Run one console for a while and return what it cost; `restless`: signs change, rows move."""
    feed = MemoryFeed(Connection("connected", AT))
    central = CentralStatus.model_validate({"state": "online", "boot": "b", "at": AT, "version": "1"})
    feed.inbox.put(Arrived(topic("central"), central.encode()))
    for of_station in made:
        feed.inbox.put(of_station[0 if restless else 1])
    feed.inbox.settle()
    app = Console(feed, SystemClock())
    looks: list[float] = []
    tick = app.tick

    def timed() -> None:
        began = time.perf_counter()
        tick()
        looks.append((time.perf_counter() - began) * 1000)

    app.tick = timed  # type: ignore[method-assign]  # measured from outside
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert len(app.fleet.stations) == len(made)
        await asyncio.sleep(0.5)
        lags: list[float] = []
        looks.clear()
        meter = asyncio.create_task(_lag(lags))
        loop = asyncio.get_running_loop()
        began, cpu, sent = loop.time(), time.process_time(), 0
        while (passed := loop.time() - began) < seconds:
            for _ in range(int(rate * passed) - sent):
                feed.inbox.put(rng.choice(rng.choice(made)[0 if restless else 1 :]))
                sent += 1
            await asyncio.sleep(0.1)
        cpu = time.process_time() - cpu
        passed = loop.time() - began
        meter.cancel()
    lags.sort()
    return Cost(
        name,
        round(100 * cpu / passed, 1),
        round(lags[int(len(lags) * 0.99)], 1),
        round(lags[-1], 1),
        round(max(looks), 1),
        sent,
    )


async def run(stations: int, rate: int, seconds: float) -> list[Cost]:
    """Return the cost of each case."""
    rng = random.Random(7)
    made = payloads(stations, rng)
    costs = [await case(f"{stations} stations, still, 120×40", made, 0, seconds, (120, 40), rng)]
    for size in SIZES:
        name = f"{stations} stations, {rate}/s, {size[0]}×{size[1]}"
        costs.append(await case(name, made, rate, seconds, size, rng))
    name = f"{stations} stations, {rate}/s, rows move, 120×40"
    costs.append(await case(name, made, rate, seconds, (120, 40), rng, restless=True))
    few = made[:100]
    costs.append(await case(f"100 stations, {rate}/s, 120×40", few, rate, seconds, (120, 40), rng))
    return costs


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stations", type=int, default=5000)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    costs = asyncio.run(run(args.stations, args.rate, args.seconds))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if args.json:
        sys.stdout.write(json.dumps({"cases": [asdict(one) for one in costs], "rss_mb": memory}) + "\n")
        return 0
    sys.stdout.write(f"{'case':<42} {'CPU %':>6} {'lag p99':>8} {'lag max':>8} {'look max':>9}   ms\n")
    for one in costs:
        sys.stdout.write(
            f"{one.case:<42} {one.cpu_percent:>6} {one.lag_p99_ms:>8} {one.lag_max_ms:>8} {one.look_max_ms:>9}\n"
        )
    sys.stdout.write(f"memory at most {memory} MB, payloads of the generator included\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
