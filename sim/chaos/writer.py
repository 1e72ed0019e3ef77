"""A station's process that works without rest: outbox, uplink and link are real, only its patrons are played.

`python -m sim.chaos.writer CONFIG.json`. It lends and takes back items whose tags lie in a folder
(`sim.chaos.things`) and notes each fact right after its commit. It keeps the order that a kiosk keeps:
request, answer, tag, report; checkin, tag, report. While its disk refuses a write it tries again, because a
tag that was written must be told.
"""

import asyncio
import logging
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from kiosk.config_station import StationSettings
from kiosk.station import Station
from sim.chaos.things import Account, Tags
from wire.errors import DeviceError
from wire.logs import setup
from wire.messages.base import stamped
from wire.messages.facts import Checkout, Passage
from wire.messages.states import StationKind
from wire.service_manager import notify_ready
from wire.settings import Settings, load

log = logging.getLogger("turnleaf.sim.chaos.writer")
T = TypeVar("T")
AFI_LENT, AFI_SECURED = 0xC2, 0x07
AGAIN_S = 0.2


class WriterSettings(Settings):
    """What one writer does."""

    settings: Path
    """TOML file of the station."""
    kind: StationKind
    tags: Path
    account: Path
    stop: Path
    """While this file exists, nothing new is begun."""
    items: tuple[str, ...]
    cards: tuple[str, ...]
    seed: int
    pause_s: float
    """Mean seconds between two patrons."""


class Writer:
    """One station at work."""

    def __init__(self, station: Station, wish: WriterSettings) -> None:
        self._station = station
        self._wish = wish
        self._tags = Tags(wish.tags)
        self._account = Account(wish.account)
        self._rng = random.Random(f"{wish.seed} {station.stamper.boot}")

    async def work(self) -> None:
        """Serve one patron after the other until cancelled."""
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / self._wish.pause_s))
            if self._wish.stop.exists():
                continue
            try:
                await self._patron()
            except DeviceError as error:
                log.warning("not now: %s", error.seen)

    async def _patron(self) -> None:
        if self._wish.kind == "gate":
            await self._walk()
            return
        item = self._rng.choice(self._wish.items)
        with self._tags.at(item) as here:
            if not here:
                return
            if self._tags.side(item) == "unsecured":
                await self._take_back(item)
            elif self._wish.kind == "kiosk" and self._station.lending:
                await self._lend(item)

    async def _walk(self) -> None:
        body = Passage(verdict="pass", direction="out", **stamped(self._station.stamp()))
        (fact,) = await self._station.commit(self._station.edge.record(body))
        self._account.made(fact, body.schema_name)

    async def _lend(self, item: str) -> None:
        station = self._station
        while not station.answers.empty():
            station.answers.get_nowait()
        card = self._rng.choice(self._wish.cards)
        body = Checkout(visit="visit", card=card, item=item, **stamped(station.stamp()))
        request = await station.commit(station.edge.request(body))
        self._account.made(request, body.schema_name)
        try:
            async with asyncio.timeout(self._rng.uniform(0.3, 5.0)):
                phase = await self._answer(request)
        except TimeoutError:
            await self._until_written(lambda: station.edge.withdraw(request, "timeout"))
            return
        if phase == "writing":
            self._tags.write(item, "unsecured", request)
            await self._until_written(lambda: station.edge.tag_written(request, item, AFI_LENT))

    async def _answer(self, request: str) -> str:
        while True:
            answer, phase = await self._station.answers.get()
            if answer.request == request:
                return phase

    async def _take_back(self, item: str) -> None:
        checkin = await self._station.commit(self._station.edge.checkin(item, "kiosk"))
        self._account.made(checkin, "checkin/1")
        self._tags.write(item, "secured", checkin)
        await self._until_written(lambda: self._station.edge.secured(checkin, item, "verified", AFI_SECURED))

    async def _until_written(self, write: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await self._station.commit(write())
            except DeviceError as error:
                log.warning("written again: %s", error.seen)
                await asyncio.sleep(AGAIN_S)


async def run(wish: WriterSettings) -> None:
    """Be this station until SIGTERM."""
    settings = load(wish.settings, StationSettings)
    async with Station.open(settings, wish.kind) as station, asyncio.TaskGroup() as tasks:
        living = tasks.create_task(station.run())
        working = tasks.create_task(Writer(station, wish).work())

        def end() -> None:
            working.cancel()
            living.cancel()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
        notify_ready()


def main(config: Path) -> int:
    """Run one writer as its file says."""
    setup("warning")
    try:
        asyncio.run(run(WriterSettings.model_validate_json(config.read_bytes())))
    except DeviceError as error:
        log.error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
