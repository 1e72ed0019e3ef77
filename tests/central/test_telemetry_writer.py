"""Measurements outlive a store that is away, and what is lost is counted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from influx import running_influx

from central.telemetry import writer as module
from central.telemetry.influx_store import InfluxStore
from central.telemetry.port import FakeStore, Point, StoreAway, Stored, StoreRefused
from central.telemetry.writer import Spool, TelemetryWriter

START = datetime(2026, 5, 1, 9, tzinfo=UTC)


def point(number: int, start: datetime = START) -> Point:
    return Point("main", "kiosk-1", "pad", start + timedelta(seconds=number), {"response_ms": float(number)})


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.01)
    monkeypatch.setattr(module, "RETRY_S", 0.02)


@contextlib.asynccontextmanager
async def running(writer: TelemetryWriter) -> AsyncIterator[None]:
    task = asyncio.create_task(writer.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool], timeout: float = 30) -> None:
    async with asyncio.timeout(timeout):
        while not true():
            await asyncio.sleep(0.005)


async def test_points_arrive_in_batches_and_are_counted(tmp_path: Path) -> None:
    store = FakeStore()
    writer = TelemetryWriter(store, Spool(tmp_path))
    async with running(writer):
        for number in range(12_000):
            writer.put(point(number))
        await until(lambda: len(store.points) == 12_000)

    assert (writer.tally.taken, writer.tally.stored, writer.tally.lost) == (12_000, 12_000, 0)


class Lanes(FakeStore):
    """A store that answers when it is told to; the first batch it does not take."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.asked = self.inside = self.most = 0

    async def write(self, points: Sequence[Point]) -> Stored:
        first, self.asked, self.inside = not self.asked, self.asked + 1, self.inside + 1
        self.most = max(self.most, self.inside)
        try:
            await self.go.wait()
            if first:
                raise StoreAway("not this one")
            return await super().write(points)
        finally:
            self.inside -= 1


async def test_two_batches_are_under_way_and_the_fault_of_one_loses_neither(tmp_path: Path) -> None:
    store = Lanes()
    writer = TelemetryWriter(store, Spool(tmp_path))
    async with running(writer):
        for number in range(4 * module.BATCH):
            writer.put(point(number))
        await until(lambda: store.inside == module.LANES)
        store.go.set()
        await until(lambda: writer.tally.stored == 4 * module.BATCH and writer.trouble is None)

    assert store.most == module.LANES
    assert len(store.points) == len({one.at for one in store.points}) == 4 * module.BATCH
    assert (writer.tally.spooled, writer.trouble) == (3 * module.BATCH, None)


async def test_a_central_that_ends_with_batches_under_way_keeps_them_on_disk(tmp_path: Path) -> None:
    writer = TelemetryWriter(store := Lanes(), Spool(tmp_path))
    async with running(writer):
        for number in range(3 * module.BATCH):
            writer.put(point(number))
        await until(lambda: store.inside == module.LANES)

    assert (writer.tally.spooled, writer.tally.lost) == (3 * module.BATCH, 0)


@pytest.mark.parametrize("trouble", [StoreAway("no answer"), StoreRefused("401")])
async def test_what_comes_while_the_store_is_away_waits_on_disk_and_follows(
    tmp_path: Path, trouble: StoreAway | StoreRefused
) -> None:
    store = FakeStore(away=trouble)
    writer = TelemetryWriter(store, Spool(tmp_path))
    async with running(writer):
        for number in range(100):
            writer.put(point(number))
        await until(lambda: writer.tally.spooled == 100)
        assert writer.trouble is trouble
        store.away = None
        await until(lambda: len(store.points) == 100)

    assert {one.at for one in store.points} == {point(number).at for number in range(100)}
    assert writer.trouble is None
    assert list(tmp_path.iterdir()) == []


async def test_a_central_that_ends_while_the_store_is_away_loses_nothing(tmp_path: Path) -> None:
    first = TelemetryWriter(FakeStore(away=StoreAway("gone")), Spool(tmp_path))
    async with running(first):
        for number in range(10):
            first.put(point(number))
        await until(lambda: first.trouble is not None)
        first.put(point(10))
    store = FakeStore()
    async with running(TelemetryWriter(store, Spool(tmp_path))):
        await until(lambda: len(store.points) == 11)

    assert sorted(one.values["response_ms"] for one in store.points) == [float(n) for n in range(11)]


async def test_a_full_spool_gives_up_the_oldest_and_counts_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit_bytes=3000)
    lost = sum(spool.put([point(10 * batch + number) for number in range(10)]) for batch in range(10))

    left = []
    while len(spool):
        left += [int(one.values["response_ms"]) for one in spool.first()]
        spool.drop()
    assert left == list(range(lost, 100))
    assert lost > 0


async def test_a_spool_file_cut_short_by_a_power_loss_stops_nothing(tmp_path: Path) -> None:
    Spool(tmp_path).put([point(1)])
    (tmp_path / "000000000001.json").write_text('[["main", "kio')
    Spool(tmp_path).put([point(2)])
    store = FakeStore()
    async with running(TelemetryWriter(store, Spool(tmp_path))):
        await until(lambda: len(store.points) == 1)

    assert store.points[0].values["response_ms"] == 2.0


async def test_too_many_points_at_once_give_up_the_oldest(tmp_path: Path) -> None:
    writer = TelemetryWriter(FakeStore(), Spool(tmp_path))
    for number in range(module.HELD + 5):
        writer.put(point(number))

    assert writer.tally.lost == 5


@pytest.mark.influx
async def test_influxdb_killed_while_writing_has_every_point_in_the_end(tmp_path: Path) -> None:
    from wire.clock import SystemClock

    start = SystemClock().now() - timedelta(hours=1)
    async with running_influx(tmp_path) as server:
        store = InfluxStore(server.settings())
        writer = TelemetryWriter(store, Spool(tmp_path / "spool"))
        async with running(writer):
            for number in range(500):
                writer.put(point(number, start))
            await until(lambda: writer.tally.stored == 500)
            server.kill()
            for number in range(500, 1500):
                writer.put(point(number, start))
            await until(lambda: writer.tally.spooled == 1000)
            await server.start()
            await until(lambda: writer.tally.stored == 1500)
        await store.close()

        assert server.query('SELECT count("response_ms") FROM turnleaf')[0][1] == 1500
        assert writer.tally.lost == 0
