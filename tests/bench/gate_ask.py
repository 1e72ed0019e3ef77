"""How many alarms a gate spares at its own patience, by how slow the library system is.

    python -m tests.bench.gate_ask --json

Items that were lent elsewhere are carried out through the chain of `tests/kiosk/test_gate_ask_library.py`, five
in an arm, with a library system that takes its time for each question.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "kiosk"))

import test_gate_ask_library as chain
from pysip2 import models, routes

from kiosk.daemon_gate import GateDaemon

IN_HAND = 5


def slow(ils: chain.Ils, seconds: float) -> None:
    """Make the library system take so long for each question about an item."""
    prompt: Callable[..., Any] = ils.server._handlers["17"].handler  # the one that answers at once
    del ils.server._handlers["17"]

    @ils.server.route(routes.ITEM_INFORMATION)
    async def item_information(asked: models.ItemInformationRequest, context: object) -> Any:
        await asyncio.sleep(seconds)
        return prompt(asked, context)


async def carry(count: int, seconds: float) -> dict[str, float]:
    """Carry items out and return how many sounded, and how long answers took, ms."""
    took: list[float] = []
    put = GateDaemon._ask

    async def timed(self: GateDaemon, item: str) -> bool | None:
        began = time.perf_counter()
        said = await put(self, item)
        took.append((time.perf_counter() - began) * 1000)
        return said

    GateDaemon._ask = timed  # type: ignore[method-assign]  # a stop-watch around it
    ils = chain.Ils()
    slow(ils, seconds)
    items = [chain.item(number) for number in range(count)]
    try:
        with tempfile.TemporaryDirectory() as folder:
            async with ils.server.start() as port, chain.library(Path(folder), port, ask_ms=250) as door:
                await ils.lend(port, items)
                for at in range(0, count, IN_HAND):
                    await door.carry(items[at : at + IN_HAND])
                sounded = list(door.verdicts().values()).count("alarm")
    finally:
        GateDaemon._ask = put  # type: ignore[method-assign]  # as it was
    took.sort()
    middle, late = took[len(took) // 2], took[len(took) * 99 // 100]
    return {
        "ils_ms": seconds * 1000,
        "items": count,
        "alarms": sounded,
        "p50_ms": round(middle, 1),
        "p99_ms": round(late, 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else "")
    parser.add_argument("--items", type=int, default=200, help="items carried out each time (200)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    args = parser.parse_args()
    for ms in (0, 30, 80, 150, 400):
        said = asyncio.run(carry(args.items, ms / 1000))
        print(json.dumps(said) if args.json else "  ".join(f"{k} {v}" for k, v in said.items()), flush=True)


if __name__ == "__main__":
    main()
