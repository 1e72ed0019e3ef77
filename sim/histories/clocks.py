"""A history of clocks: one ahead, one behind, and a station that has none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

from sim.histories.ending import Ending
from sim.histories.house import House
from wire.clock import SystemClock

DAY_S = 86_400
LOAN_DAYS = 28
ZONE = ZoneInfo("Europe/Berlin")
"""As the stage's policy and registry have them."""


@asynccontextmanager
async def wrong(house: House) -> AsyncIterator[None]:
    """Set the clocks; the bin's machine has none and believes in the day on which its disk was made."""
    house.wrong_clocks = {"kiosk-1": DAY_S, "kiosk-2": -DAY_S, "bin-1": -12 * DAY_S}
    house.station_more = {"bin-1": {"clock_synced": False}}
    yield


async def wrong_by_a_day(house: House, ending: Ending) -> None:
    """A loan here, a return there, the same item again; then all alone; then a life that nobody heard."""
    moved, alone, at_kiosk, unheard = (book.item for book in house.library[:4])
    ahead, behind, next_one = house.people[1:4]
    await house.borrow("kiosk-1", ahead, moved, alone)
    await house.borrow("kiosk-2", behind, at_kiosk)
    await house.arrived()
    await house.drop("bin-1", moved)
    await house.arrived()
    await house.borrow("kiosk-2", next_one, moved)
    await house.borrow("kiosk-1", ahead, unheard)
    await house.arrived()
    today = SystemClock().now().astimezone(ZONE).date()
    for cable in house.cables.values():
        cable.set("half-open")
    await asyncio.gather(house.give_back("kiosk-1", at_kiosk), house.give_back("kiosk-2", alone))
    await house.daemons["bin-1"].stop()
    await house.daemons["bin-1"].start()
    await house.drop("bin-1", unheard)
    await house.daemons["bin-1"].kill()
    for cable in house.cables.values():
        cable.set("cut")
        cable.set("open")
    await house.daemons["bin-1"].start()
    await house.arrived()
    ending.item("lent, returned, lent", moved, loan=f"open of {next_one.patron}", tag="unsecured")
    ending.item("lent ahead, returned behind, alone", alone, loan="none", tag="secured")
    ending.item("lent behind, returned ahead, alone", at_kiosk, loan="none", tag="secured")
    ending.item("returned unheard", unheard, loan=f"open of {ahead.patron}", tag="secured")
    ending.see("its case", _case_of(ending, unheard), "time-in-doubt")
    wrong_due = ending.ask("SELECT count(*) FROM loan WHERE due <> ?", str(today + timedelta(days=LOAN_DAYS)))
    ending.see("loans with a wrong due date", wrong_due[0][0], 0)
    ending.see("facts dated more than a minute before or after they were heard", _misdated(ending), 0)
    ending.account("clock-doubt at bin-1", "time-in-doubt at bin-1")


def _case_of(ending: Ending, item: str) -> str:
    found = ending.ask('SELECT kind FROM "case" WHERE item = ? AND closed IS NULL', item)
    return ", ".join(sorted(row[0] for row in found)) or "none"


def _misdated(ending: Ending) -> int:
    return int(ending.ask("SELECT count(*) FROM journal WHERE abs(received - at) > 60000")[0][0])
