"""Weeks of a station: what it keeps on its disk and open in its process does not grow with what it has done.

The same over a month, with memory: `python tests/bench/edge_bench.py --month`.
"""

from pathlib import Path

import pytest
from month import KEEP_DAYS, PEOPLE, Mark, live, mark, swift
from real.broker import RealBroker

pytestmark = [pytest.mark.broker, pytest.mark.slow]

DAYS = 21.0
FACTS = {"bin": 2, "gate": 1 + 1 / PEOPLE, "kiosk": 8}
"""Rows that one return in a bin makes; that somebody who leaves through a gate makes, with a share of a count;
that a kiosk's patron with two items makes, and who brings them back."""


@pytest.mark.parametrize(("kind", "visits"), [("bin", 63), ("gate", 42), ("kiosk", 12)])
async def test_in_three_weeks_neither_rows_nor_open_files_grow(
    tmp_path: Path, real_broker: RealBroker, kind: str, visits: int
) -> None:
    marks: list[Mark] = []
    a_week = FACTS[kind] * visits * (KEEP_DAYS + 2) / DAYS
    async with swift(kind, tmp_path / kind, real_broker) as (station, leap):
        await live(station, leap, days=DAYS, visits=visits, marks=3, tell=marks.append)
        await station.until(lambda: mark(station, leap, visits).rows <= a_week)
        made = station.central.rows[next(iter(station.central.rows))].upto
        last = mark(station, leap, visits)

    assert made > FACTS[kind] * visits
    assert last.visit_rows <= a_week
    assert {(one.files, one.threads) for one in marks[1:]} == {(last.files, last.threads)}
    assert last.log_kb < 1024
