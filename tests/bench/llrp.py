"""What a thousand tag reads a second cost the gate: `python -m tests.bench.llrp --json`.

The simulated reader runs in its own process; measured is the processor time of this one, the driver's.
Goal: 15 % of one core.
"""

import argparse
import asyncio
import json
import sys
import time
from contextlib import aclosing

from firmware_bridge.llrp.reader import LlrpReader
from firmware_bridge.ports import UhfTagSeen
from sim.devices.llrp_reader import FieldTag, SimLlrpReader

TAGS, RATE = 5, 200.0
GOAL = 0.15


async def serve() -> None:
    """Be the reader: 5 tags before one antenna, each read 200 times a second (bursts of 5); ends with standard input."""
    async with SimLlrpReader(antennas=1, rate=RATE) as reader:
        reader.field = {1: tuple(FieldTag((0x3000ABCDEF << 56 | n).to_bytes(12)) for n in range(TAGS))}
        print(reader.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def measure(seconds: float) -> dict[str, float | bool]:
    """Read for so long and return rates and the share of one core."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.llrp", "--serve",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        count, began, used = 0, 0.0, 0.0
        async with aclosing(LlrpReader("127.0.0.1", port).events()) as events:
            async for event in events:
                if not isinstance(event, UhfTagSeen):
                    continue
                if not began:
                    began, used = time.perf_counter(), time.process_time()
                count += 1
                if time.perf_counter() - began > seconds:
                    break
            wall, used = time.perf_counter() - began, time.process_time() - used
    finally:
        process.kill()
        await process.wait()
    share = used / wall
    return {
        "reads_per_s": round(count / wall, 1),
        "core_share": round(share, 4),
        "us_per_read": round(used / count * 1e6, 1),
        "goal": GOAL,
        "met": share <= GOAL,
    }


def main() -> int:
    """Run; exit 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(serve())
        return 0
    found = asyncio.run(measure(args.seconds))
    print(json.dumps(found) if args.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0 if found["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
