"""Weeks of central in minutes: the real process, a real broker, four stations, and days with leaping time.

A day has eight hours in which patrons are greeted and borrow at two kiosks, tags are reported written, items
leave through the gate and come back to the bin three days later, people are counted and everything is measured.
Once a day a gate sounds and a station says something that nobody understands; at night one kiosk is simply
switched off. In the morning an operator acknowledges what stands.
"""

import asyncio
import json
import sqlite3
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "edge"))

from alarm_desk import NAME, AlarmDesk, alarm_desk
from leaping import Leap, LeapingClock
from lone_station import ROOT, SECURED, UNSECURED, look
from played_station import PlayedStation, played
from real.broker import RealBroker

from broker_config.render import ports
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.ledger.seed import Registry, load
from sim.processes import Daemon
from sim.toml_text import toml_text
from wire.clock import SystemClock

KEEP_DAYS = 7
"""Of item changes, of who had what, of what nobody could decode, of measurements; the defaults are 30, 0, 30, 90."""
HOURS = 8
LENT_DAYS = 3
STATIONS = {"kiosk-1": "kiosk", "kiosk-2": "kiosk", "gate-1": "gate", "bin-1": "bin"}
PATRONS = 50
ITEMS = 400
HOUR_S, DAY_S = 3600.0, 86400.0


@dataclass(frozen=True)
class Mark:
    """How central stood at some moment; counts are rows of its ledger and of its telemetry file."""

    day: float
    facts: int
    rss_mb: float
    own_mb: float
    files: int
    threads: int
    ledger_kb: int
    log_kb: int
    journal: int
    answer: int
    loan: int
    alarm: int
    change: int
    named: int
    """Loans that ended and whose patron is still known."""
    bodies: int
    """Dead letters that still have their body."""
    points: int
    telemetry_kb: int
    cpu_s: float


ROWS = {
    "journal": "SELECT count(*) FROM journal",
    "answer": "SELECT count(*) FROM answer",
    "loan": "SELECT count(*) FROM loan",
    "alarm": "SELECT count(*) FROM alarm",
    "change": "SELECT count(*) FROM change",
    "named": "SELECT count(*) FROM loan WHERE patron IS NOT NULL AND ended IS NOT NULL",
    "bodies": "SELECT count(*) FROM dead_letter WHERE body IS NOT NULL",
}


def ask(path: Path, query: str) -> int:
    """Return one number of a database that somebody works on."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
        return int(db.execute(query).fetchone()[0])


@dataclass
class Library:
    """Central, its stations, and time."""

    folder: Path
    daemon: Daemon
    leap: Leap
    stations: dict[str, PlayedStation]
    desk: AlarmDesk
    lent: deque[tuple[int, str]] = field(default_factory=deque)
    """What is out, by day and item, the longest first."""
    loans: int = 0

    @property
    def facts(self) -> int:
        """Entries of all stations so far."""
        return sum(one.told for one in self.stations.values())

    def mark(self) -> Mark:
        """Look at central."""
        seen = look(self.daemon.pid)
        ledger, telemetry = self.folder / "ledger.db", self.folder / "telemetry.db"
        log = ledger.with_name("ledger.db-wal")
        return Mark(
            day=round(self.leap.seconds / DAY_S, 2),
            facts=self.facts,
            rss_mb=round(seen.rss_mb, 1),
            own_mb=round(seen.own_mb, 1),
            files=seen.files,
            threads=seen.threads,
            ledger_kb=ledger.stat().st_size >> 10,
            log_kb=log.stat().st_size >> 10 if log.exists() else 0,
            points=ask(telemetry, "SELECT count(*) FROM point"),
            telemetry_kb=sum(one.stat().st_size for one in self.folder.glob("telemetry.db*")) >> 10,
            cpu_s=round(seen.cpu_s, 1),
            **{name: ask(ledger, query) for name, query in ROWS.items()},
        )

    async def morning(self) -> None:
        """All stations are switched on; an operator sees to what stands."""
        for station in self.stations.values():
            await station.status()
        async with asyncio.timeout(60):
            while self.desk.alarms:
                await self.desk.acknowledge_all()
                self.leap.forward(5.0)
                await self.desk.until_news()

    async def hour(self, today: int, loans: int) -> None:
        """An hour goes by: so many loans, and what comes back."""
        self.leap.forward(HOUR_S)
        for station in self.stations.values():
            await station.status()
            await station.sample("station", load=0.4, memory_mb=48.0)
        for _ in range(loans):
            await self._borrow(today)
        while self.lent and self.lent[0][0] <= today - LENT_DAYS:
            if loans == 0:
                break
            loans -= 1
            await self._bring_back(self.lent.popleft()[1])
        gate = self.stations["gate-1"]
        await gate.tell("count/1", since=gate.stamp()["at"], entered=2 * loans, left=loans)
        await self.settled()

    async def _borrow(self, today: int) -> None:
        """A patron borrows an item and leaves with it."""
        number = self.loans
        self.loans += 1
        kiosk, card, item = (
            self.stations[f"kiosk-{1 + number % 2}"],
            f"card-{number % PATRONS}",
            _item(number),
        )
        await kiosk.ask_account(card)
        request = await kiosk.tell("checkout/1", visit=f"v{number}", card=card, item=item)
        await kiosk.tell("tag-written/1", request=request, item=item, afi=UNSECURED)
        await kiosk.settled()
        await self.stations["gate-1"].tell("passage/1", direction="out", verdict="pass", silent=1)
        self.lent.append((today, item))

    async def _bring_back(self, item: str) -> None:
        """An item falls into the bin."""
        bin_1 = self.stations["bin-1"]
        checkin = await bin_1.tell("checkin/1", item=item, via="bin")
        await bin_1.tell("secured/1", checkin=checkin, item=item, outcome="verified", afi=SECURED)

    async def _trouble(self) -> None:
        """Somebody leaves with an item that nobody lent; a station says what nobody understands."""
        gate = self.stations["gate-1"]
        stolen = {"item": _item(ITEMS - 1), "secured": True, "verdict": "alarm"}
        await gate.tell("passage/1", direction="out", verdict="alarm", items=[stolen])
        await gate.tell("sneeze/1", loud=True)
        await self.settled()
        await self.desk.until(lambda: "gate-alarm" in self.desk.rules())

    async def settled(self) -> None:
        """Wait until central has all."""
        for station in self.stations.values():
            await station.settled()

    async def day(self, today: int, loans: int) -> None:
        """Live through one day and its night."""
        began = self.leap.seconds
        await self.morning()
        for hour in range(HOURS):
            await self.hour(today, loans // HOURS + (hour < loans % HOURS))
            if hour == HOURS // 2:
                await self._trouble()
        for name, station in self.stations.items():
            if name != "kiosk-2":
                await station.status("left")
        self.leap.forward(DAY_S - (self.leap.seconds - began))
        await self.desk.until(lambda: "station-lost" in self.desk.rules())


def _item(number: int) -> str:
    return f"item-{number % ITEMS:04d}"


def _settings(folder: Path, broker: RealBroker) -> Path:
    home = broker.folder / "identities" / "central"
    files = {part: str(home / f"{part}.pem") for part in ("ca", "cert", "key")}
    retention = dict.fromkeys(("loan_days", "dead_letter_days", "change_days"), KEEP_DAYS)
    (folder / "policy.toml").write_text(toml_text({"defaults": {"limit": 1000}, "retention": retention}))
    settings: dict[str, Any] = {
        "ledger": f"sqlite:///{folder / 'ledger.db'}",
        "policy": "policy.toml",
        "items_key": str(home / "items.key"),
        "spool": "spool",
        "broker": {"host": "127.0.0.1", "port": ports(broker.folder).operators, **files},
        "telemetry": {"kind": "sqlite", "path": "telemetry.db", "retention_days": KEEP_DAYS},
        "operators": {NAME: "operate"},
    }
    config = folder / "central.toml"
    config.write_text(toml_text(settings))
    return config


def _seed(folder: Path) -> None:
    registry: dict[str, Any] = {
        "branches": [{"branch": "main", "name": "Main library", "zone": "Europe/Copenhagen"}],
        "stations": [{"station": name, "branch": "main", "kind": kind} for name, kind in STATIONS.items()],
        "patrons": [
            {"patron": f"p{n}", "card": f"card-{n}", "class": "adult", "home": "main"} for n in range(PATRONS)
        ],
        "items": [
            {"item": _item(n), "title": "A book", "class": "book", "branch": "main"} for n in range(ITEMS)
        ],
    }
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    load(ledger.hot, Registry.model_validate_json(json.dumps(registry)), millis(SystemClock().now()))
    ledger.close()


@asynccontextmanager
async def swift_library(
    folder: Path, broker: RealBroker, pages_kb: int | None = None
) -> AsyncIterator[Library]:
    """Run central with its stations; its time leaps when told. `pages_kb`: of each of the ledger's caches."""
    folder.mkdir(parents=True)
    broker.enrol("central")
    leap = Leap(folder / "leap")
    clock = LeapingClock(folder / "leap")
    _seed(folder)
    environment = {
        "TURNLEAF_LEAP": str(folder / "leap"),
        "PYTHONPATH": f"{ROOT / 'tests' / 'central'}:{ROOT}",
    }
    if pages_kb is not None:
        environment["TURNLEAF_PAGES_KB"] = str(pages_kb)
    config = str(_settings(folder, broker))
    daemon = Daemon("central", (config,), folder / "central.log", environment, "swift_central")
    await daemon.start()
    try:
        async with AsyncExitStack() as stack:
            desk = await stack.enter_async_context(alarm_desk(broker, clock))
            stations = {
                name: await stack.enter_async_context(played(broker, name, kind, clock))
                for name, kind in STATIONS.items()
            }
            yield Library(folder, daemon, leap, stations, desk)
    finally:
        await daemon.stop()


async def live(library: Library, *, days: int, loans: int, tell: Callable[[Mark], None]) -> None:
    """Let central live through so many days with so many loans each; tell of it after each day."""
    for today in range(days):
        await library.day(today, loans)
        tell(library.mark())
    refused = [one for station in library.stations.values() for one in station.refused]
    assert not refused, refused[0]
