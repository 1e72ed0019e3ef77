"""Both stores keep the same promises; the InfluxDB one is tried on a real server."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from influx import Influx, running_influx

from central.telemetry.influx_store import InfluxStore
from central.telemetry.lines import body
from central.telemetry.port import Point, Series, StoreAway, StoreRefused, TelemetryStore
from central.telemetry.sqlite_store import SqliteStore


def moment(seconds: float = 0) -> datetime:
    from wire.clock import SystemClock

    day = SystemClock().now() - timedelta(days=1)
    return day.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(seconds=seconds)


def point(seconds: float, station: str = "kiosk-1", part: str = "pad", **values: float) -> Point:
    return Point("main", station, part, moment(seconds), values or {"response_ms": float(seconds)})


def wanted(points: int = 200, *, station: str = "kiosk-1", name: str = "response_ms") -> Series:
    return Series(station, "pad", name, moment(), moment(100), points)


@asynccontextmanager
async def store_of(kind: str, folder: Path) -> AsyncIterator[TelemetryStore]:
    if kind == "sqlite":
        store: TelemetryStore = SqliteStore(folder / "telemetry.db")
        yield store
        await store.close()
        return
    async with running_influx(folder) as server:
        store = InfluxStore(server.settings())
        yield store
        await store.close()


BOTH = pytest.mark.parametrize("kind", ["sqlite", pytest.param("influx", marks=pytest.mark.influx)])


@BOTH
async def test_what_was_written_can_be_read_repeated_and_drawn_smaller(kind: str, tmp_path: Path) -> None:
    async with store_of(kind, tmp_path) as store:
        batch = [point(second) for second in range(100)]
        done = await store.write(batch)
        await store.write(batch[:10])
        await store.write([point(5, station="kiosk-2", response_ms=999.0), point(5, noise_dbm=-70.5)])

        every = await store.series(wanted(100))
        few = await store.series(wanted(10))

        assert (done.stored, done.rejected) == (100, 0)
        assert [(moment(second), float(second)) for second in range(100)] == every
        assert [(moment(start), start + 4.5) for start in range(0, 100, 10)] == few
        assert [(moment(5), -70.5)] == await store.series(wanted(100, name="noise_dbm"))
        assert await store.series(wanted(station="kiosk-9")) == []
        assert await store.count() == 102


@BOTH
async def test_awkward_names_are_names_and_what_is_no_number_is_left_out(kind: str, tmp_path: Path) -> None:
    async with store_of(kind, tmp_path) as store:
        name = "a b,c=d\"e'f"
        awkward = Point(
            "main", "kiosk-1", "pad", moment(1), {name: 1.5, "nan": float("nan"), "inf": float("inf")}
        )
        done = await store.write([awkward, Point("main", "kiosk-1", "pad", moment(2), {"x": float("nan")})])

        assert [(moment(1), 1.5)] == await store.series(wanted(100, name=name))
        assert await store.count() == 1
        assert done.rejected == 0


async def test_of_two_values_of_one_moment_the_later_one_stays(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "t.db")
    await store.write([point(1, x=9.0), point(2, x=5.0), point(1, x=float("nan"), y=2.0), point(1, x=3.0)])
    found = await store.series(wanted(100, name="x"))
    await store.close()

    assert found == [(moment(1), 3.0), (moment(2), 5.0)]


async def test_the_embedded_store_forgets_what_is_older_than_its_retention(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "t.db", retention=timedelta(days=2))
    old = Point("main", "kiosk-1", "pad", moment() - timedelta(days=3), {"x": 1.0})
    await store.write([old])
    await store.write([point(1)])
    await store.close()

    again = SqliteStore(tmp_path / "t.db", retention=timedelta(days=2))
    await again.write([point(2)])
    left = await again.series(Series("kiosk-1", "pad", "x", moment() - timedelta(days=9), moment(), 10))
    kept = await again.series(wanted(100))
    await again.close()

    assert left == []
    assert [value for _, value in kept] == [1.0, 2.0]


@given(
    st.dictionaries(st.text(min_size=1, max_size=12), st.floats(allow_nan=True), max_size=4),
    st.text(max_size=10),
)
def test_a_line_is_one_line_whatever_the_names_hold(values: dict[str, float], part: str) -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    plain = Point("main", "kiosk-2", "pad", at, {"x": 1.5})
    text = body([plain, Point("main", "kiosk-1", part, at, values), plain])

    built, last = (
        text.split("\n")[1:-1],
        f"turnleaf,branch=main,part=pad,station=kiosk-2 x=1.5 {at.timestamp():.0f}000",
    )
    assert len(built) == any(math.isfinite(value) for value in values.values())
    assert all(one.startswith("turnleaf,branch=main") and one.endswith(" 1777593600000") for one in built)
    assert text.startswith(last)
    assert text.endswith(last)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_a_number_of_a_line_reads_back_as_itself(values: list[float]) -> None:
    names = {f"v{number}": value for number, value in enumerate(values)}
    text = body([Point("main", "kiosk-1", "pad", datetime(2026, 5, 1, tzinfo=UTC), names)])

    fields = dict(one.split("=") for one in text.split(" ")[1].split(","))
    assert {name: float(value) for name, value in fields.items()} == names


# --- the real server's moods (facts: 400 and 422 may have stored a part, 401/403/404 are settings)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Influx]:
    async with running_influx(tmp_path) as running:
        yield running


@pytest.mark.influx
async def test_one_bad_line_costs_itself_alone(server: Influx) -> None:
    server.write_raw(
        f'turnleaf,branch=main,part=pad,station=kiosk-1 word="text" {int(moment().timestamp() * 1000)}'
    )
    batch = [point(second) for second in range(50)]
    bad = Point("main", "kiosk-1", "pad", moment(20.5), {"word": 1.0})
    store = InfluxStore(server.settings())

    done = await store.write([*batch[:20], bad, *batch[20:]])

    assert (done.stored, done.rejected) == (50, 1)
    assert "word" in done.reason
    assert [float(second) for second in range(50)] == [value for _, value in await store.series(wanted(100))]
    await store.close()


@pytest.mark.influx
@pytest.mark.parametrize("wrong", [{"token": "admin:wrong"}, {"bucket": "nowhere"}])
async def test_wrong_settings_are_told_to_the_operator(server: Influx, wrong: dict[str, str]) -> None:
    store = InfluxStore(server.settings(**wrong))

    with pytest.raises(StoreRefused) as told:
        await store.write([point(1)])

    assert "central.toml" in told.value.do
    assert "wrong" not in str(told.value)
    await store.close()


@pytest.mark.influx
async def test_a_killed_server_is_away_and_comes_back_with_all_it_acknowledged(server: Influx) -> None:
    store = InfluxStore(server.settings())
    await store.write([point(second) for second in range(30)])
    server.kill()

    with pytest.raises(StoreAway):
        await store.write([point(50)])
    with pytest.raises(StoreAway):
        await store.series(wanted())
    await server.start()
    await store.write([point(50)])

    assert [*range(30), 50] == [value for _, value in await store.series(wanted(100))]
    await store.close()


@pytest.mark.influx
async def test_what_is_older_than_the_retention_is_given_up_in_one_go(server: Influx) -> None:
    store = InfluxStore(server.settings())
    long_ago = [
        Point("main", "kiosk-1", "pad", moment(second) - timedelta(days=400), {"response_ms": 1.0})
        for second in range(500)
    ]
    asked = 0
    write = store._writer.write

    def counting(*args: object, **more: object) -> object:
        nonlocal asked
        asked += 1
        return write(*args, **more)

    store._writer.write = counting
    done = await store.write([point(1), *long_ago, point(2)])

    assert (done.stored, done.rejected, asked) == (2, 500, 1)
    assert await store.count() == 2
    await store.close()
