"""What a station at rest does: it is woken for its pad and for little else, and asks its disk for nothing."""

import asyncio
import threading
from pathlib import Path

import pytest
from lone_station import lone_station
from real.broker import RealBroker

from wire.clock import Stamper, SystemClock
from wire.edge import Edge
from wire.loops import beat, to_next_beat
from wire.streams.station import Fresh, Talk, Tick

REST_S = 6.0
WOKEN = {"bin": 27.0, "gate": 36.0, "kiosk": 33.0}
"""Times a second at most. 8.2 inventories with two each are 16.4, and a gate asks for its inputs 8.2 times, too.
Before looks of one period had their moment in common, a bin was woken 34 times, a gate 42, a kiosk 49."""


def waits(pid: int) -> int:
    """Return how often the threads of a process have waited for something, so far."""
    lines = [
        line
        for task in Path(f"/proc/{pid}/task").iterdir()
        for line in (task / "status").read_text().splitlines()
        if line.startswith("voluntary_ctxt_switches")
    ]
    return sum(int(line.split()[1]) for line in lines)


@pytest.mark.broker
@pytest.mark.parametrize("kind", WOKEN)
async def test_a_station_at_rest_is_woken_for_its_pad_and_little_else(
    tmp_path: Path, real_broker: RealBroker, kind: str
) -> None:
    async with lone_station(kind, tmp_path / kind, real_broker, sample_s=1) as station:
        await station.central.until(lambda: station.central.samples.get(f"{kind}-1/station"))
        await asyncio.sleep(1.0)
        began, before = asyncio.get_running_loop().time(), waits(station.daemon.pid)
        await asyncio.sleep(REST_S)
        took = asyncio.get_running_loop().time() - began
        woken = (waits(station.daemon.pid) - before) / took

    assert woken <= WOKEN[kind]


async def test_a_step_that_finds_nothing_due_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    edge = await Edge.open(tmp_path / "edge.db", stamper=Stamper(SystemClock(), "boot"))
    busy = threading.Event()
    writing = asyncio.create_task(edge.run(lambda _: busy.wait(20)))
    await asyncio.sleep(0.05)
    try:
        async with asyncio.timeout(5):
            talk = Talk(link="l", central="C", hello_at=100.0, moved_at=100.0)
            stepped = await edge.advance(talk, Tick(100.5, Fresh("a", "b", "c")))
            waiting = await edge.waiting(talk)
            done_before = writing.done()
    finally:
        busy.set()
        await writing
        await edge.close()

    assert (stepped, waiting, done_before) == ((talk, []), [], False)


async def test_loops_of_one_period_are_woken_together() -> None:
    loop = asyncio.get_running_loop()
    woken: list[float] = []

    async def look(after_s: float) -> None:
        await asyncio.sleep(after_s)
        await beat(0.5)
        woken.append(loop.time())

    await beat(0.5)  # so that all three looks fall into one half second
    began = loop.time()
    await asyncio.gather(*(look(share * to_next_beat(began, 0.5)) for share in (0.0, 0.3, 0.7)))

    assert max(woken) - min(woken) < 0.1
    assert abs(woken[0] % 0.5) < 0.1


@pytest.mark.parametrize(
    ("now", "every_s", "left"),
    [(10.0, 1.0, 1.0), (10.25, 1.0, 0.75), (10.9999, 1.0, 1.0001), (7.3, 0.2, 0.1)],
)
def test_the_next_beat_is_never_at_once(now: float, every_s: float, left: float) -> None:
    assert to_next_beat(now, every_s) == pytest.approx(left)
