"""Weeks of a station in minutes: visits, returns, passages one after the other, with time leaping between."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from pathlib import Path

from leaping import Leap
from lone_station import ROOT, SECURED, UNSECURED, LoneStation, lone_station
from real.broker import RealBroker

from sim.chaos.stations import confirmed

KEEP_DAYS = 7
"""How long these stations keep confirmed rows; the setting's default is 45 days."""
PASSED_S = 3.0
"""After which a passage is over: the field was empty for longer than `passage_gap_ms`."""
STOLEN = 5
"""Each so-manieth passage is one with an item that nobody lent."""
PEOPLE = 5
"""After so many people a gate tells how many went."""
HOLDINGS = 60
"""Items that go through the gate again and again."""


@dataclass(frozen=True)
class Mark:
    """How a station stood at some moment of its month."""

    day: float
    visits: int
    rss_mb: float
    own_mb: float
    files: int
    threads: int
    rows: int
    visit_rows: int
    edge_db_kb: int
    log_kb: int
    cpu_s: float


def mark(station: LoneStation, leap: Leap, visits: int) -> Mark:
    """Look at a station."""
    seen, db = station.look, station.state_dir / "edge.db"
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as file:
        rows, visit_rows = file.execute(
            "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM visit)"
        ).fetchone()
    return Mark(
        day=round(leap.seconds / 86400, 2),
        visits=visits,
        rss_mb=round(seen.rss_mb, 1),
        own_mb=round(seen.own_mb, 1),
        files=seen.files,
        threads=seen.threads,
        rows=rows,
        visit_rows=visit_rows,
        edge_db_kb=db.stat().st_size >> 10,
        log_kb=db.with_name("edge.db-wal").stat().st_size >> 10,
        cpu_s=round(seen.cpu_s, 1),
    )


async def visit(kiosk: LoneStation, number: int) -> None:
    """A patron borrows two items; somebody brings them back."""
    books = [kiosk.book(2 * number), kiosk.book(2 * number + 1)]
    await kiosk.card()
    for one in books:
        kiosk.pad.place(one)
    await kiosk.written(books, UNSECURED)
    await kiosk.told("tag-written/1", 2 * number + 2)
    kiosk.take(books)
    await kiosk.press("finish")
    await kiosk.missed()


async def bring_back(kiosk: LoneStation, number: int) -> None:
    """The items of a visit come back to the kiosk."""
    books = [kiosk.book(2 * number, afi=UNSECURED), kiosk.book(2 * number + 1, afi=UNSECURED)]
    for one in books:
        kiosk.pad.place(one)
    await kiosk.press_until("return", lambda: all(one.afi == SECURED for one in books))
    await kiosk.told("secured/1", 2 * number + 2)
    kiosk.take(books)
    await kiosk.press("finish")
    await kiosk.missed()


async def drop(bin_1: LoneStation, number: int) -> None:
    """An item falls into the bin."""
    book = bin_1.book(number, afi=UNSECURED)
    bin_1.pad.place(book)
    await bin_1.written([book], SECURED)
    await bin_1.told("secured/1", number + 1)
    bin_1.take([book])
    await bin_1.missed()


async def carry_out(gate: LoneStation, leap: Leap, number: int) -> None:
    """Somebody leaves with an item that was lent and is let pass, or was not and sets the lamp off."""
    stolen = number % STOLEN == STOLEN - 1
    book = gate.book(number % HOLDINGS, afi=SECURED if stolen else UNSECURED)
    gate.central.set_item(gate.item(number % HOLDINGS), "available" if stolen else "loan")
    known = len(gate.central.log)
    await gate.central.until(lambda: gate.central.state(gate.name, "work").get("items_n") == known)
    alarms = gate.pad.lamp_orders
    await gate.walk_out(book)
    leap.forward(PASSED_S)
    await gate.told("passage/1", number + 1)
    told = gate.central.bodies("passage/1")[-1]
    seen = told["verdict"], told["direction"], told["silent"], gate.pad.lamp_orders - alarms
    assert seen == (("alarm", "out", 0, 1) if stolen else ("pass", "out", 1, 0)), told


@asynccontextmanager
async def swift(kind: str, folder: Path, broker: RealBroker) -> AsyncIterator[tuple[LoneStation, Leap]]:
    """Run a station whose time leaps when told."""
    folder.mkdir(parents=True, exist_ok=True)
    leap = Leap(folder / "leap")
    environment = {
        "TURNLEAF_LEAP": str(folder / "leap"),
        "PYTHONPATH": f"{ROOT / 'tests' / 'edge'}:{ROOT}",
    }
    more = {"pad": {"poll_ms": 20}, "outbox": {"keep_days": KEEP_DAYS}}
    if kind == "bin":
        more |= {"capacity": 10**6, "full_at": 10**6}
    if kind == "gate":
        more |= {"count": {"people": PEOPLE}}
    async with lone_station(kind, folder, broker, environment, program="swift_station", **more) as one:
        yield one, leap


async def leap_over(station: LoneStation, leap: Leap, seconds: float) -> None:
    """Let time go by once central has all; an entry that is open for hours would stop the lending."""
    await station.until(lambda: confirmed(station.state_dir / "edge.db"))
    leap.forward(seconds)


async def live(
    station: LoneStation, leap: Leap, *, days: float, visits: int, marks: int, tell: Callable[[Mark], None]
) -> None:
    """Let a station live through so many days with so many visits; tell of it `marks` times after the start."""
    tell(mark(station, leap, 0))
    for number in range(visits):
        if station.kind == "kiosk":
            await visit(station, number)
            await leap_over(station, leap, days * 43200 / visits)
            await bring_back(station, number)
            await leap_over(station, leap, days * 43200 / visits)
        elif station.kind == "gate":
            await carry_out(station, leap, number)
            await leap_over(station, leap, days * 86400 / visits - PASSED_S)
        else:
            await drop(station, number)
            await leap_over(station, leap, days * 86400 / visits)
        if (number + 1) % max(1, visits // marks) == 0 or number + 1 == visits:
            await station.confirmed()
            tell(mark(station, leap, number + 1))


def as_row(one: Mark) -> dict[str, float]:
    """Return a mark as plain numbers."""
    return asdict(one)
