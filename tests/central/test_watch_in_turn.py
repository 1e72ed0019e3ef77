"""Central looks at its fleet a few stations at a time: a fact that comes meanwhile does not wait for all."""

import asyncio
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from central.alarms.rules import Thresholds
from central.fleet import StationView
from central.ledger.ledger import BranchRow, StationRow
from central.watch import AT_ONCE, Watch
from wire.clock import FakeClock
from wire.link import Outgoing

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
BRANCH = BranchRow("main", "Main library", "Europe/Copenhagen")
STATIONS = [StationRow(f"k{n:03d}", "main", "kiosk", f"Kiosk {n}") for n in range(20 * AT_ONCE)]


class Said:
    """A link that keeps what it was given."""

    def __init__(self) -> None:
        self.last: dict[str, bytes] = {}

    def post(self, out: Outgoing) -> bool:
        self.last[out.topic] = out.payload
        return True


async def saved(*_: object) -> None:
    """Save nothing: nobody reads alarms here."""


def watching(link: Said, clock: FakeClock) -> Watch:
    watch = Watch(
        link,  # type: ignore[arg-type]  # of a link only `post` is used here
        clock, "boot", Thresholds(), gate_alarm_stands_s=60,
        save=saved, point=lambda _: None, heard=lambda *_: None,
    )  # fmt: skip
    watch.registry([BRANCH], STATIONS)
    return watch


class Counting(dict[str, StationView]):
    """Stations, and how many were looked at."""

    looks = 0

    def get(self, *asked: Any) -> Any:
        self.looks += 1
        return super().get(*asked)


async def test_others_have_their_time_after_every_few_stations() -> None:
    link = Said()
    watch = watching(link, FakeClock(NOW))
    watch.views = views = Counting(watch.views)
    look, looked = asyncio.create_task(watch.turn()), [0]
    while not look.done():
        await asyncio.sleep(0)
        looked.append(views.looks)

    assert max(after - before for before, after in pairwise(looked)) <= AT_ONCE
    assert views.looks == 2 * len(STATIONS)  # once to judge them, once to say them
    assert sum("/fleet/" in where for where in link.last) == len(STATIONS)


async def test_a_station_that_leaves_the_registry_while_it_is_looked_at_is_not_said_again() -> None:
    link = Said()
    watch = watching(link, FakeClock(NOW))
    look = asyncio.create_task(watch.turn())
    while not any("/fleet/" in where for where in link.last):
        await asyncio.sleep(0)
    watch.registry([BRANCH], STATIONS[:-1])
    await look

    left = STATIONS[-1].station
    assert [payload for where, payload in link.last.items() if where.endswith(left)] == [b""]
