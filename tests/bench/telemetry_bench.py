"""Telemetry: what reaches a store a second, and what a point costs, in turn with what others do.

    python -m tests.bench.telemetry_bench [--points 200000] [--rounds 5] [--only influx|embedded] [--dir FOLDER] [--json]

Into one real InfluxDB (as in `sim.influx`), round by round: a bare HTTP sender of ready lines, five thousand a
request on one connection; our writer, from `put` to the store's answer, lines made in the measured time; and
influxdb-client's batching writer, given ready `Point` objects, and given ours, of which it makes its own. All send
the same stations, parts and values, each at moments of its own. `cpu_us` is the processor time of this process
for a point, all its threads counted, the server's not. Beside them the embedded store. Ratios are taken in each
round; the middle one counts. Nothing is counted that the store does not have in the end.
"""

import argparse
import asyncio
import gc
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from central.telemetry.influx_store import InfluxStore
from central.telemetry.lines import MEASUREMENT, body
from central.telemetry.port import Point, TelemetryStore
from central.telemetry.sqlite_store import SqliteStore
from central.telemetry.writer import BATCH, Spool, TelemetryWriter
from sim.influx import Influx, NoInflux, influxd
from tests.bench.site import cpu_of
from wire.clock import SystemClock

STATIONS = 200
PARTS = ("pad", "receipt-printer", "station")
AHEAD = 15 * BATCH
"""Points that wait in the writer at most while the bench hands more over."""

Sender = Callable[[Sequence[Point]], Awaitable[None]]


def points(count: int, start: datetime) -> list[Point]:
    """Return samples of a fleet in the order in which they come: station by station, part by part, tick by tick."""
    made: list[Point] = []
    tick = 0
    while len(made) < count:
        at = start + timedelta(seconds=10 * tick)
        for number in range(STATIONS):
            at += timedelta(milliseconds=37)
            for part in PARTS:
                values = {
                    "response_ms": 3.0 + (number + tick) % 7 / 10,
                    "temperature_c": 31.5 + tick % 40 / 8,
                }
                made.append(Point("main", f"kiosk-{number}", part, at, values))
        tick += 1
    return made[:count]


def moments(count: int) -> Iterator[datetime]:
    """Return where one sender after the other begins, so that nobody writes over the points of another."""
    span = timedelta(seconds=10 * (count // (STATIONS * len(PARTS)) + 2))
    at = SystemClock().now() - timedelta(days=25)
    while True:
        at += span
        yield at


async def bare(server: Influx, ready: Sequence[bytes]) -> None:
    """Send ready bodies on one connection, one after the other."""
    wanted = server.settings()
    where = urllib.parse.urlencode({"org": wanted.org, "bucket": wanted.bucket, "precision": "ms"})
    headers = {"Authorization": f"Token {wanted.token}"}

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for text in ready:
            connection.request("POST", f"/api/v2/write?{where}", text, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 204, answer.status
        connection.close()

    await asyncio.to_thread(send)


async def through_writer(store: TelemetryStore, batch: Sequence[Point], folder: Path) -> None:
    """Hand points to our writer as central does; return when the store has them all."""
    writer = TelemetryWriter(store, Spool(folder / "spool"))
    running = asyncio.create_task(writer.run())
    try:
        for number, point in enumerate(batch, 1):
            writer.put(point)
            if number % 500 == 0:
                while number - writer.tally.stored > AHEAD:
                    await asyncio.sleep(0.005)
        while writer.tally.stored < len(batch):
            await asyncio.sleep(0.005)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (writer.tally.spooled, writer.tally.lost, writer.tally.rejected) == (0, 0, 0), writer.tally


async def client_batching(server: Influx, given: Sequence[Any]) -> None:
    """Let influxdb-client's batching writer send: its own Points ready, or ours made into its own on the way."""
    from influxdb_client.client.influxdb_client import InfluxDBClient
    from influxdb_client.client.write_api import WriteOptions

    wanted = server.settings()

    def send() -> None:
        with (
            InfluxDBClient(url=server.url, token=wanted.token, org=wanted.org) as client,
            client.write_api(write_options=WriteOptions(batch_size=BATCH, flush_interval=60_000)) as api,
        ):
            for one in given:
                api.write(wanted.bucket, wanted.org, of_client(one) if isinstance(one, Point) else one)

    await asyncio.to_thread(send)


def of_client(point: Point) -> Any:
    """Return the client's own Point of one of ours."""
    from influxdb_client.client.write.point import Point as Theirs
    from influxdb_client.domain.write_precision import WritePrecision

    made = (
        Theirs(MEASUREMENT).tag("branch", point.branch).tag("station", point.station).tag("part", point.part)
    )
    for name, value in point.values.items():
        made.field(name, value)
    return made.time(point.at, WritePrecision.MS)  # type: ignore[arg-type]  # the client's constants are text


async def at_rest(pid: int) -> None:
    """Wait until the server has put away what came before: it goes on for a while after its last answer."""
    for _ in range(20):
        before = cpu_of(pid)
        await asyncio.sleep(0.5)
        if cpu_of(pid) - before < 0.05:
            return


async def timed(count: int, work: Awaitable[None], server: Influx | None = None) -> dict[str, float]:
    """Return points a second and microseconds of processor for a point, and the server's beside them."""
    pid = server.process.pid if server is not None and server.process is not None else os.getpid()
    if server is not None:
        await at_rest(pid)
    theirs = cpu_of(pid)
    gc.collect()
    gc.freeze()
    wall, cpu = time.perf_counter(), time.process_time()
    await work
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    gc.unfreeze()
    found = {"points_per_s": count / wall, "cpu_us": cpu / count * 1e6}
    return found | ({"server_cpu_us": (cpu_of(pid) - theirs) / count * 1e6} if server is not None else {})


async def influx(folder: Path, count: int, rounds: int) -> list[dict[str, Any]]:
    """Measure all senders into one server, in turn."""
    server = Influx(await asyncio.to_thread(influxd), folder / "influx", retention_days=60)
    await server.start()
    found, starts, sent, few = [], moments(count), 0, count // 5
    try:
        for number in range(rounds + 1):  # the first round is for the caches: it is not counted
            store = InfluxStore(server.settings())
            one: dict[str, Any] = {}
            given = points(count, next(starts))
            ready = [body(given[at : at + BATCH]).encode() for at in range(0, count, BATCH)]
            one["bare"] = await timed(count, bare(server, ready), server)
            given = points(count, next(starts))
            one["ours"] = await timed(count, through_writer(store, given, folder), server)
            theirs = [of_client(point) for point in points(few, next(starts))]
            one["client, its own points ready"] = await timed(few, client_batching(server, theirs), server)
            given = points(few, next(starts))
            one["client, points made on the way"] = await timed(few, client_batching(server, given), server)
            await store.close()
            sent += 2 * count + 2 * few
            if number:
                found.append(one)
            say(f"InfluxDB, round {number} of {rounds}: " + ", ".join(shown(name, one[name]) for name in one))
        there = server.query(f"SELECT count(response_ms) FROM {MEASUREMENT}")[0][1]
        assert there == sent, (there, sent)
    finally:
        await asyncio.to_thread(server.stop)
    return found


async def embedded(folder: Path, count: int, rounds: int) -> list[dict[str, Any]]:
    """Measure the embedded store: two values a point, and one."""
    found = []
    for number in range(rounds):
        one: dict[str, Any] = {}
        for name, keep in (("two values", 2), ("one value", 1)):
            path = folder / f"telemetry-{number}-{keep}.db"
            given = [
                Point(p.branch, p.station, p.part, p.at, dict(list(p.values.items())[:keep]))
                for p in points(count, next(moments(count)))
            ]
            store = SqliteStore(path)
            one[name] = await timed(count, through_writer(store, given, folder))
            assert await store.count() == count * keep
            await store.close()
            path.unlink()
        found.append(one)
        say(f"embedded, round {number + 1} of {rounds}: " + ", ".join(shown(name, one[name]) for name in one))
    return found


def middle(found: Sequence[dict[str, Any]], name: str, figure: str) -> float:
    return statistics.median(one[name][figure] for one in found)


def summary(into_influx: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the middle of all rounds, and the ratios of the goals."""
    told: dict[str, Any] = {}
    for found in (into_influx, own):
        for name in found[0] if found else ():
            told[name] = {
                figure: round(middle(found, name, figure), 2) for figure in ("points_per_s", "cpu_us")
            }
    if into_influx:
        theirs = "client, its own points ready", "client, points made on the way"
        told["rate, ours ÷ bare (goal 0.8)"] = round(
            statistics.median(
                one["ours"]["points_per_s"] / one["bare"]["points_per_s"] for one in into_influx
            ),
            2,
        )
        for name in theirs:
            told[f"cpu, ours ÷ {name} (goal 0.25)"] = round(
                statistics.median(one["ours"]["cpu_us"] / one[name]["cpu_us"] for one in into_influx), 3
            )
    return told


def shown(name: str, one: dict[str, float]) -> str:
    return f"{name} {one['points_per_s']:,.0f}/s {one['cpu_us']:.2f} µs ({one.get('server_cpu_us', 0):.1f})"


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


async def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run what is asked for."""
    with tempfile.TemporaryDirectory(prefix="bench-telemetry-", dir=args.dir) as name:
        folder = Path(name)
        into = await influx(folder, args.points, args.rounds) if args.only != "embedded" else []
        own = await embedded(folder, args.points, args.rounds) if args.only != "influx" else []
    return summary(into, own) | {"rounds": args.rounds, "points": args.points}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=200_000, help="points a sender and round (200000)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("influx", "embedded"))
    parser.add_argument("--dir", type=Path, help="folder on the disk that is measured")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    args.points = -(-args.points // (2 * BATCH)) * 2 * BATCH
    try:
        found = asyncio.run(measure(args))
    except NoInflux as error:
        say(f"{error}")
        return 3
    print(
        json.dumps(found) if args.json else "\n".join(f"{name:48} {value}" for name, value in found.items())
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
