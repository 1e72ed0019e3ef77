"""Weeks of central: open files, threads and whatever it does not keep for ever do not grow with what it has done.

The same over a month, with memory: `python tests/bench/edge_bench.py --month --kinds central`.
"""

from pathlib import Path

import pytest
from central_month import HOURS, KEEP_DAYS, STATIONS, Mark, live, swift_library
from real.broker import RealBroker

pytestmark = [pytest.mark.broker, pytest.mark.slow]

DAYS, LOANS = 21, 8
WEEK = KEEP_DAYS + 2
"""Days of which something may be there: those of the retention, today, and one until it is looked at again."""
POINTS = len(STATIONS) * HOURS * 2


async def test_in_three_weeks_only_history_grows(tmp_path: Path, real_broker: RealBroker) -> None:
    marks: list[Mark] = []
    async with swift_library(tmp_path / "central", real_broker) as library:
        await live(library, days=DAYS, loans=LOANS, tell=marks.append)
    late, last = marks[WEEK:], marks[-1]

    assert (last.loan, last.answer) == (DAYS * LOANS, DAYS * LOANS)
    assert last.journal == last.facts
    assert {(one.files, one.threads) for one in late} == {(last.files, last.threads)}
    for kept, a_day in (("change", 2 * LOANS), ("named", LOANS), ("bodies", 1), ("points", POINTS)):
        rows = [getattr(one, kept) for one in late]
        assert (KEEP_DAYS - 1) * a_day <= min(rows), (kept, rows)
        assert max(rows) <= WEEK * a_day, (kept, rows)
