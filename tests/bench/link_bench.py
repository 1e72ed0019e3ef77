"""How long a question and its answer take over the real link: kiosk -> Mosquitto -> central and back, TLS.

    python tests/bench/link_bench.py [--client paho|fast] [--exchanges 1000] [--messages 5000] [--json]

An exchange is two messages at QoS 1 (four packets each way). Nagle's algorithm anywhere on the way shows
as 40 ms. Also: messages a second one way with every message acknowledged by its owner, CPU and memory.
"""

import argparse
import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from real.broker import RealBroker, running

from wire.link import Inbound, Outgoing
from wire.mqtt_fast import FastConnection
from wire.mqtt_link import paho
from wire.topics import topic

CLIENTS = {"paho": paho, "fast": FastConnection}
FACT, RESUME = topic("fact", station="kiosk-1"), topic("resume", station="kiosk-1")


async def exchanges(broker: RealBroker, count: int) -> list[float]:
    """Return the milliseconds of each exchange, one at a time."""
    central = broker.link("central", subscriptions=[FACT])
    kiosk = broker.link("kiosk-1", subscriptions=[RESUME])
    arrived = asyncio.Event()

    async def answer() -> None:
        async for event in central.events():
            if isinstance(event, Inbound):
                central.post(Outgoing(RESUME, event.payload))
                event.ack()

    async def receive() -> None:
        async for event in kiosk.events():
            if isinstance(event, Inbound):
                event.ack()
                arrived.set()

    took = []
    readers = [asyncio.create_task(answer()), asyncio.create_task(receive())]
    async with running(central, read=False), running(kiosk, read=False):
        while not (kiosk.post(Outgoing(FACT, b"warm")) and await _within(arrived, 0.2)):
            await asyncio.sleep(0.02)
        for number in range(count):
            arrived.clear()
            began = time.perf_counter()
            kiosk.post(Outgoing(FACT, b"%0300d" % number))
            await arrived.wait()
            took.append((time.perf_counter() - began) * 1000)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return took


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def throughput(broker: RealBroker, count: int) -> tuple[float, float]:
    """Return messages a second one way, and CPU microseconds a message of both links together."""
    central = broker.link("central", subscriptions=[FACT])
    kiosk = broker.link("kiosk-1")
    done = asyncio.Event()

    async def receive() -> None:
        seen = 0
        async for event in central.events():
            if isinstance(event, Inbound):
                event.ack()
                seen += 1
                if seen == count:
                    done.set()

    async with running(central, read=False), running(kiosk) as _:
        reader = asyncio.create_task(receive())
        while central.trouble is not None or central._connection is None or not central._connection.live:
            await asyncio.sleep(0.01)
        cpu, began = time.process_time(), time.perf_counter()
        for number in range(count):
            while not kiosk.post(Outgoing(FACT, b"%0300d" % number)):
                await asyncio.sleep(0.001)
            if number % 100 == 0:
                await asyncio.sleep(0)
        await done.wait()
        took, used = time.perf_counter() - began, time.process_time() - cpu
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
    return count / took, used / count * 1e6


async def measure(args: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        broker = RealBroker(Path(folder) / "broker")
        broker.connection = CLIENTS[args.client]
        await broker.start()
        try:
            took = sorted(await exchanges(broker, args.exchanges))
            rate, cpu = await throughput(broker, args.messages)
        finally:
            await broker.stop()
    return {
        "exchanges": len(took),
        "p50_ms": round(statistics.median(took), 3),
        "p99_ms": round(took[int(len(took) * 0.99)], 3),
        "max_ms": round(took[-1], 3),
        "messages_per_s": round(rate),
        "cpu_us_per_message": round(cpu, 1),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--client", choices=CLIENTS, default="paho")
    parser.add_argument("--exchanges", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures = asyncio.run(measure(args))
    print(
        json.dumps(figures)
        if args.json
        else "\n".join(f"{name:>20} {value}" for name, value in figures.items())
    )
    return 0 if figures["p50_ms"] < 2 else 1


if __name__ == "__main__":
    sys.exit(main())
