"""Durable facts a second through the desk alone: 70 % checkouts, 20 % checkins, 10 % tag reports.

    python tests/bench/desk_bench.py [--facts 30000] [--stations 64] [--outstanding 1000] [--dir FOLDER] [--json]

Every payload is decoded in the measured time, has its own id and its place in one of many streams; the
policy decides each checkout. The ledger is a file in FOLDER, in WAL with synchronous FULL; `commits` are
counted, each is a sync. `cpu_us_per_fact` is the whole process's, and says more than the rate does on a
machine that others use too.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from pathlib import Path

from central.authority import OwnLedger
from central.desk import Desk
from central.foreground import tune
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.ledger.seed import Registry, load
from central.results import FromStation, read_upward
from circulation.policy import Policy
from wire.clock import SystemClock
from wire.ids import fact_id, new_id

ITEMS, PATRONS = 20_000, 2_000


def registry(stations: int) -> Registry:
    """Return a library of some size."""
    return Registry.model_validate(
        {
            "branches": [{"branch": "main", "name": "Main", "zone": "Europe/Copenhagen"}],
            "stations": [{"station": f"k{n}", "branch": "main", "kind": "kiosk"} for n in range(stations)],
            "patrons": [
                {"patron": f"p{n}", "card": f"C{n}", "class": "adult", "home": "main"} for n in range(PATRONS)
            ],
            "items": [
                {"item": f"i{n}", "title": f"Title {n}", "class": "book", "branch": "main"}
                for n in range(ITEMS)
            ],
        }
    )


def script(boot: str, facts: int, stations: int, seed: int) -> list[tuple[str, bytes]]:
    """Return the payloads of a morning, stations in turn; a checkin returns what is out."""
    rng = random.Random(seed)
    streams = [[new_id(), 0, ""] for _ in range(stations)]
    shelf, out, unreported = [f"i{n}" for n in range(ITEMS)], [], []
    made = []
    rng.shuffle(shelf)
    now = SystemClock().now().isoformat()
    for number in range(facts):
        place = number % stations
        stream, seq, prev = streams[place]
        fact, kind = fact_id(SystemClock().now()), rng.random()
        stamp = {"at": now, "clock": "synced", "boot": "b", "mono": number}
        if kind < 0.7 or not out:
            if not shelf:
                shelf, out = out, []
            item = shelf.pop()
            body = {
                "schema": "checkout/1",
                "visit": new_id(),
                "card": f"C{rng.randrange(PATRONS)}",
                "item": item,
            }
            out.append(item)
            unreported.append((fact, item))
        elif kind < 0.9:
            item = out.pop(rng.randrange(len(out)))
            body = {"schema": "checkin/1", "item": item}
            shelf.insert(0, item)
        else:
            request, item = unreported.pop()
            body = {"schema": "tag-written/1", "request": request, "item": item, "afi": 0xC2}
        message = {
            "kind": "entry",
            "stream": stream,
            "link": "l",
            "to": boot,
            "seq": seq + 1,
            "id": fact,
            "prev_id": prev,
            "body": body | stamp,
        }
        streams[place] = [stream, seq + 1, fact]
        made.append((f"k{place}", json.dumps(message).encode()))
    return made


async def measure(folder: Path, facts: int, stations: int, outstanding: int) -> dict[str, object]:
    """Run one script through a fresh ledger."""
    policy = Policy.model_validate({"defaults": {"limit": 10_000}})
    ledger = Ledger.open(f"sqlite:///{folder / 'bench.db'}", policy=policy)
    load(ledger.hot, registry(stations), millis(SystemClock().now()))
    desk = Desk(ledger, OwnLedger(policy), policy, SystemClock(), b"k" * 32)
    tune()
    made = script(ledger.boot, facts, stations, seed=7)
    running = asyncio.create_task(desk.run())
    await desk.upkeep()
    commits = 0
    hot_commit = ledger.hot.commit

    def counted() -> None:
        nonlocal commits
        commits += 1
        hot_commit()

    ledger.hot.commit = counted  # type: ignore[method-assign]  # counts transactions
    started, cpu = time.perf_counter(), time.process_time()
    granted = 0
    for begin in range(0, len(made), outstanding):
        done = []
        for station, payload in made[begin : begin + outstanding]:
            message = read_upward(payload)
            assert message is not None
            done.append(desk.enqueue(FromStation(station, message)))
        for result in await asyncio.gather(*done):
            granted += result.answer is not None and result.answer.outcome == "granted"
        while not desk.effects.empty():
            desk.effects.get_nowait()
    took, used = time.perf_counter() - started, time.process_time() - cpu
    moved = ledger.hot.connection.execute("SELECT sum(upto) FROM stream").fetchone()[0]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    ledger.close()
    assert moved == facts, (moved, facts)
    return {
        "facts": facts,
        "facts_per_s": round(facts / took),
        "cpu_us_per_fact": round(used / facts * 1e6, 1),
        "granted": granted,
        "commits": commits,
        "group": round(facts / commits),
    }


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=30_000)
    parser.add_argument("--stations", type=int, default=64)
    parser.add_argument("--outstanding", type=int, default=1000)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        figures = asyncio.run(measure(Path(folder), args.facts, args.stations, args.outstanding))
    print(json.dumps(figures) if args.json else "\n".join(f"{k:18} {v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
