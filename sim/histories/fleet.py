"""A history of many: two hundred stations that were alone for a day, and come back in one moment."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from sim.histories.edge_disk import EdgeDisk
from sim.histories.ending import Ending
from sim.histories.house import House
from sim.processes import Daemon
from sim.stage import HOST
from wire.clock import FakeClock, Stamper, SystemClock
from wire.edge.edge import open_store
from wire.edge.store import EdgeStore
from wire.ids import new_id
from wire.messages.base import stamped
from wire.messages.facts import Checkin, Passage, Secured

STATIONS = {f"bin-{n}": "bin" for n in range(101, 201)} | {f"gate-{n}": "gate" for n in range(101, 201)}
DAY = timedelta(hours=10)
RETURNS, WALKS = 20, 40
"""What one bin takes back, and how many leave through one gate: forty facts of each station."""
PLAYERS = 2
AFI_SECURED = 0x07
PATIENCE_S, LOOK_S = 90.0, 0.2


@asynccontextmanager
async def enrolled(house: House) -> AsyncIterator[None]:
    """Two hundred stations more have certificates and stand in the registry."""
    house.elsewhere = dict(STATIONS)
    house.listens = False  # who reads along would cost as much as central
    yield


async def replays(house: House, ending: Ending) -> None:
    """Every station has a day on its disk; all start at once."""
    item, person = house.library[0].item, house.people[1]
    facts = sum(await asyncio.to_thread(_days, house))
    before = _heard(ending)
    players = [_player(house, number) for number in range(PLAYERS)]
    try:
        async with house.visit("kiosk-1", person):
            await asyncio.gather(*(player.start() for player in players))
            house.world.lay(item, "kiosk-1")
            await house.lent(item)
            await house.edge("kiosk-1").settled(house, item)
        ending.see("the loan meanwhile", house.edge("kiosk-1").phase(item), "done")
        everything = before + facts
        await house.until(
            lambda: _heard(ending) >= everything, "everybody's day", within_s=PATIENCE_S, look_s=LOOK_S
        )
        await house.arrived()
    finally:
        await asyncio.gather(*(player.stop() for player in players))
    house.lost_disks += [_disk(house.folder, name).as_disk(name) for name in STATIONS]
    ending.see("facts of the fleet", facts, len(STATIONS) * (WALKS + 1))
    ending.item("the item", item, loan=f"open of {person.patron}", tag="unsecured")
    ending.account()


def _heard(ending: Ending) -> int:
    return int(ending.ask("SELECT count(*) FROM journal")[0][0])


def _disk(folder: Path, name: str) -> EdgeDisk:
    return EdgeDisk(folder / "fleet" / name / "edge.db")


def _days(house: House) -> list[int]:
    """Write every station's day on its disk; return how many entries each has."""
    now = SystemClock().now()
    items = [book.item for book in house.library[1:]]
    written = []
    for number, (name, kind) in enumerate(STATIONS.items()):
        clock = FakeClock(now - DAY)
        stamper = Stamper(clock, new_id())
        path = _disk(house.folder, name).path
        path.parent.mkdir(parents=True)
        store, _ = open_store(path, stamper=stamper, synchronous="OFF")
        for visit in range(RETURNS if kind == "bin" else WALKS):
            clock.advance(DAY.total_seconds() / (WALKS + 1))
            _happened(store, stamper, kind, items[(number * 7 + visit) % len(items)])
        written.append(store.held.last)
        store.close()
    return written


def _happened(store: EdgeStore, stamper: Stamper, kind: str, item: str) -> None:
    when = stamped(stamper.stamp())
    if kind == "gate":
        store.record((Passage(verdict="pass", direction="out", **when),))
        return
    (checkin,) = store.record((Checkin(item=item, via="bin", **when),))
    store.record((Secured(checkin=checkin, item=item, outcome="verified", afi=AFI_SECURED, **when),))


def _player(house: House, number: int) -> Daemon:
    """Return the process that plays every `PLAYERS`th station."""
    config = house.folder / f"player-{number}.json"
    names = list(STATIONS)[number::PLAYERS]
    told = {
        "host": HOST,
        "port": house.broker.ports.stations,
        "identities": str(house.folder / "broker" / "identities"),
        "disks": str(house.folder / "fleet"),
        "stations": {name: STATIONS[name] for name in names},
    }
    config.write_text(json.dumps(told))
    module = "sim.histories.fleet_player"
    return Daemon(f"player-{number}", (str(config),), house.folder / f"player-{number}.log", module=module)
