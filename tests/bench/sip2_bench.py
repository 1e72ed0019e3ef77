"""The SIP2 server against a bare echo, and against an echo with one durable commit a request.

    python -m tests.bench.sip2_bench [--rounds 5] [--dir FOLDER] [--json]

Servers, each a process of its own: `turnleaf sip2 serve` on a ledger of 20,000 items; an echo by asyncio's
streams; one by a bare asyncio protocol, which is the least that Python can do; and that with an INSERT and a
commit (SQLite, WAL, synchronous FULL) for each request. The asking is `turnleaf sip2 bench`, a process of its
own, with the same frames for all.
Rounds alternate, so that a busy machine is busy for all; a ratio is taken in each round, and the middle one
counts. Processor time a request is told of both ends: it says which of them is the bottleneck, also on a
machine that others use.

Goals: 63 and 17 at 0.3 of the echo, 11 and 09 at half of echo and commit. Writes FOLDER/sip2-TIME.json.
"""

import argparse
import asyncio
import json
import os
import signal
import sqlite3
import statistics
import sys
import tempfile
from datetime import UTC
from pathlib import Path
from typing import Any

from central.ledger import pins
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.ledger.seed import Registry, load
from wire.clock import SystemClock

ROOT = Path(__file__).parents[2]
ITEMS, PATRONS, CONNECTIONS = 20_000, 2_000, 200
PASSWORD = "a-password-of-the-bench"
COUNTS = {1: 1500, CONNECTIONS: 6000}
"""Connections -> questions in a round."""
FLOORS = {"63": ("streams", "protocol"), "17": ("streams", "protocol"), "11,09": ("commit",)}
"""Messages -> the servers they are set against; the goal holds for the first."""
GOALS = {"63": 0.3, "17": 0.3, "11,09": 0.5}


# --- the two floors


class Echo(asyncio.Protocol):
    """Sends back what it gets, after `before`."""

    def __init__(self, before: Any = None) -> None:
        self.before = before
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.before is not None:
            self.before(data)
        self.transport.write(data)


async def by_streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Echo as the documentation of asyncio does, a message at a time."""
    try:
        while True:
            writer.write(await reader.readuntil(b"\r"))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        writer.close()


async def floor(path: str) -> None:
    """Be a floor: `streams`, `protocol`, or with a path one durable commit a request."""
    before = None
    if path == "streams":
        server: Any = await asyncio.start_server(by_streams, "127.0.0.1", 0, backlog=512)
        await tell(server)
    if path != "protocol":
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE said (n INTEGER PRIMARY KEY, frame BLOB)")

        def before(data: bytes) -> None:
            db.execute("BEGIN")
            db.execute("INSERT INTO said (frame) VALUES (?)", (data,))
            db.execute("COMMIT")

    server = await asyncio.get_running_loop().create_server(lambda: Echo(before), "127.0.0.1", 0, backlog=512)
    await tell(server)


async def tell(server: Any) -> None:
    """Say where it listens, and live."""
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.Event().wait()


# --- ours


def library(folder: Path) -> Path:
    """Make a ledger and a central.toml."""
    registry = {
        "branches": [{"branch": "main", "name": "Main", "zone": "Europe/Copenhagen"}],
        "patrons": [
            {"patron": f"p{n}", "card": f"C{n}", "class": "adult", "home": "main", "name": f"Patron {n}"}
            for n in range(PATRONS)
        ],
        "items": [
            {"item": f"i{n}", "title": f"Title {n}", "class": "book", "branch": "main"} for n in range(ITEMS)
        ],
    }
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    load(ledger.hot, Registry.model_validate(registry), millis(SystemClock().now()))
    ledger.close()
    (folder / "policy.toml").write_text("")
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "password").chmod(0o600)
    file = folder / "central.toml"
    lines = [
        f'ledger = "sqlite:///{folder / "ledger.db"}"', 'policy = "policy.toml"', 'items_key = "none"',
        'spool = "spool"', "[broker]", 'host = "127.0.0.1"', "port = 1", 'ca = "no"', 'cert = "no"',
        'key = "no"', "[log]", 'level = "warning"', "[telemetry]", 'kind = "sqlite"', 'path = "telemetry.db"', "[sip2_server]", "port = 0",
        "[[sip2_server.accounts]]", 'user = "bench"', f'secret = "{pins.seal(PASSWORD)}"', 'branch = "main"',
    ]  # fmt: skip
    file.write_text("\n".join(lines) + "\n")
    return file


class Server:
    """One of the three."""

    def __init__(self, name: str, *words: str) -> None:
        self.name, self.words = name, words
        self.port = 0
        self.process: Any = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *self.words, stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        self.port = json.loads(await self.process.stdout.readline())["port"]

    async def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        await self.process.wait()

    def cpu_s(self) -> float:
        """Return the processor time so far, of all its threads."""
        told = Path(f"/proc/{self.process.pid}/schedstat")
        threads = told.parent.glob("task/*/schedstat")
        return sum(int(one.read_text().split()[0]) for one in threads) / 1e9


async def ask(server: Server, folder: Path, messages: str, connections: int) -> dict[str, Any]:
    """Measure one server once."""
    words = [
        "turnleaf", "sip2", "bench", f"127.0.0.1:{server.port}", "--messages", messages, "--json",
        "--connections", str(connections), "--count", str(COUNTS[connections]), "--patron", "C{n}",
        "--item", "i{n}", "--change",
    ]  # fmt: skip
    if server.name == "ours":
        words += ["--user", "bench", "--password-file", str(folder / "password")]
    used = server.cpu_s()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    said, _ = await process.communicate()
    found: dict[str, Any] = json.loads(said)
    if server.name == "ours" and found["others"]:
        raise RuntimeError(f"{found['others']} questions were not answered well")
    return found | {"server_cpu_us": (server.cpu_s() - used) / found["answers"] * 1e6}


async def measure(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each kind of question and number of connections."""
    with tempfile.TemporaryDirectory(prefix="sip2-", dir=args.dir) as name:
        folder = Path(name)
        servers = [
            Server("ours", "turnleaf", "sip2", "serve", "--config", str(library(folder)), "--json"),
            Server("streams", "tests.bench.sip2_bench", "--floor", "streams"),
            Server("protocol", "tests.bench.sip2_bench", "--floor", "protocol"),
            Server("commit", "tests.bench.sip2_bench", "--floor", str(folder / "floor.db")),
        ]
        try:
            for server in servers:
                await server.start()
            return [
                await row(servers, folder, messages, connections, args.rounds)
                for messages in FLOORS
                for connections in COUNTS
            ]
        finally:
            for server in servers:
                if server.process is not None:
                    await server.stop()


async def row(
    servers: list[Server], folder: Path, messages: str, connections: int, rounds: int
) -> dict[str, Any]:
    """Measure one kind of question over so many connections, all servers in turn."""
    by_name = {server.name: server for server in servers}
    names = (*FLOORS[messages], "ours")
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            seen[name].append(await ask(by_name[name], folder, messages, connections))
    ratios = {
        name: [one["per_s"] / other["per_s"] for one, other in zip(seen["ours"], seen[name], strict=True)]
        for name in FLOORS[messages]
    }
    found = {
        "messages": messages, "connections": connections, "goal": GOALS[messages],
        "ratio": {name: round(statistics.median(those), 3) for name, those in ratios.items()},
        "ratios": {name: [round(one, 3) for one in those] for name, those in ratios.items()},
        "servers": {name: middle(messages, rows) for name, rows in seen.items()},
    }  # fmt: skip
    print(f"  {messages} over {connections}: {found['ratio']}", file=sys.stderr, flush=True)
    return found


def middle(messages: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the middle of the rounds."""
    said = {
        name: round(statistics.median(one[name] for one in rows), 2)
        for name in ("per_s", "server_cpu_us", "asker_cpu_us", "asker_share")
    }
    times = {
        code: {
            part: round(statistics.median(one["ms"][code][part] for one in rows), 2)
            for part in ("p50", "p99")
        }
        for code in messages.split(",")
    }
    return said | {"ms": times}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows for people."""
    lines = [
        "| asked | connections | ours/s ÷ floor/s | goal | ours p50, p99 | first floor p50, p99"
        " | processor µs a request: ours, first floor, the asking |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        first = next(iter(one["ratio"]))
        ours, theirs = one["servers"]["ours"], one["servers"][first]
        times = [
            "; ".join(f"{part['p50']:.2f}, {part['p99']:.2f} ms" for part in side["ms"].values())
            for side in (ours, theirs)
        ]
        ratios = ", ".join(f"**{ratio:.2f}** ({NAMES[name]})" for name, ratio in one["ratio"].items())
        lines.append(
            f"| {one['messages']} | {one['connections']} | {ratios} | {one['goal']} | {times[0]} | {times[1]}"
            f" | {ours['server_cpu_us']:.0f}, {theirs['server_cpu_us']:.0f}, {ours['asker_cpu_us']:.0f} |"
        )
    return "\n".join(lines)


NAMES = {"streams": "echo", "protocol": "echo without streams", "commit": "echo + commit"}


def main() -> int:
    """Measure, write the JSON, show the table; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--dir", default=str(ROOT / "bench-results"), help="folder on the disk that is measured"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--floor", help="be one: streams, protocol, or the path of a database")
    args = parser.parse_args()
    if args.floor is not None:
        asyncio.run(floor(args.floor))
        return 0
    Path(args.dir).mkdir(parents=True, exist_ok=True)
    now = SystemClock().now().astimezone(UTC)
    rows = asyncio.run(measure(args))
    found = {
        "at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "rows": rows,
    }
    path = Path(args.dir) / f"sip2-{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(found, indent=1))
    print(json.dumps(found) if args.json else table(rows))
    return 0 if all(next(iter(one["ratio"].values())) >= one["goal"] for one in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
