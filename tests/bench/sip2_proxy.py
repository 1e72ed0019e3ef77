"""What the inline proxy adds to a question: `python -m tests.bench.sip2_proxy --json`.

A kiosk asks 11, one after the other, on one connection: straight to a server that has its reply ready, through
`turnleaf sip2 proxy`, and through `turnleaf sip2 record`. Each end is a process of its own; rounds alternate, so
that a busy machine is busy for all of them. Goal: less than a millisecond in the middle.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from central.sip2.codec import encode
from central.sip2.messages_items import Checkout, CheckoutResponse

AT = datetime(2026, 11, 21, 9, 30)  # noqa: DTZ001 - SIP2 tells local times
ASK = encode(Checkout(at=AT, patron="29000001234567", item="30000007654321"), sequence="1")
REPLY = encode(CheckoutResponse(ok=True, at=AT, item="30000007654321", title="A title"), sequence="1")
ROUNDS, GOAL_MS = 10, 1.0


async def serve() -> None:
    """Be the library system; ends with standard input."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r"):
                writer.write(REPLY)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def ask(port: int, count: int) -> list[float]:
    """Return how long each question took, ms."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for _ in range(count):
        began = time.perf_counter()
        writer.write(ASK)
        await reader.readuntil(b"\r")
        took.append((time.perf_counter() - began) * 1000)
    writer.close()
    return took


async def start(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def between(verb: str, system: int, *more: str) -> tuple[asyncio.subprocess.Process, int]:
    """Start the command before the library system; returns it and where it listens."""
    process = await start(
        "turnleaf", "sip2", verb, "--listen", "127.0.0.1:0", "--ils", f"127.0.0.1:{system}", *more
    )
    assert process.stderr is not None
    ready = (await process.stderr.readline()).decode()
    return process, int(ready.split(" ->")[0].rpartition(":")[2])


async def measure(count: int) -> dict[str, float | bool]:
    """Return the middle and the 99th of a hundred of each way, ms."""
    server = await start("tests.bench.sip2_proxy", "--serve")
    assert server.stdout is not None
    system = int(await server.stdout.readline())
    with tempfile.TemporaryDirectory() as folder:
        proxy, through_proxy = await between("proxy", system)
        record, through_record = await between("record", system, "--out", str(Path(folder) / "talk.jsonl"))
        ways = {"direct": system, "proxy": through_proxy, "record": through_record}
        took: dict[str, list[float]] = {name: [] for name in ways}
        try:
            for _ in range(ROUNDS):
                for name, port in ways.items():
                    took[name] += await ask(port, count // ROUNDS)
        finally:
            for process in (proxy, record):
                process.send_signal(signal.SIGTERM)
                await process.communicate()
            await server.communicate(b"")
    said: dict[str, float | bool] = {}
    for name, times in took.items():
        times.sort()
        said[f"{name}_p50_ms"] = round(times[len(times) // 2], 3)
        said[f"{name}_p99_ms"] = round(times[len(times) * 99 // 100], 3)
    said["proxy_adds_ms"] = round(float(said["proxy_p50_ms"]) - float(said["direct_p50_ms"]), 3)
    said["goal"] = float(said["proxy_adds_ms"]) < GOAL_MS
    return said


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else "")
    parser.add_argument("--serve", action="store_true", help="be the library system")
    parser.add_argument("--count", type=int, default=5000, help="questions each way (5000)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args()
    if args.serve:
        asyncio.run(serve())
        return
    said = asyncio.run(measure(args.count))
    print(json.dumps(said) if args.json else "\n".join(f"{name:<16} {value}" for name, value in said.items()))


if __name__ == "__main__":
    main()
