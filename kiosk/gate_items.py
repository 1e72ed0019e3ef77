"""Keeps a gate's copy of the items in step with central: joins `kiosk.items_copy` to a station."""

import asyncio
import logging

from kiosk.config_gate import GateSettings
from kiosk.gate import Known
from kiosk.items_copy import (
    Copy,
    CopyEffect,
    Forget,
    ItemsView,
    Result,
    WantChanges,
    WantSnapshot,
    carry_out,
    changes_came,
    connected,
    load,
    page_came,
    tick,
)
from kiosk.station import Station
from wire.errors import ConfigError
from wire.ids import item_hash, new_id
from wire.loops import to_next_beat
from wire.messages.asks import AskChanges, AskSnapshot, ItemChanges, ItemsPage

log = logging.getLogger("turnleaf.kiosk.items")

TICK_S = 1.0
POLLS_PER_AGE = 4
"""Central is asked for news this often within the age at which the copy would be too old."""


class GateItems:
    """The copy of one gate: answers `known` at once, and follows central in `run`."""

    def __init__(self, station: Station, settings: GateSettings, key: bytes, copy: Copy) -> None:
        self._station = station
        self._max_age_s = float(settings.policy.copy_max_age_s)
        self._key = key
        self._copy = copy
        self._view = ItemsView(settings.edge_db)
        self._inbox: asyncio.Queue[ItemsPage | ItemChanges] = asyncio.Queue()
        self._was_online = False
        station.states.items_n = copy.n
        station.on_items(self._inbox.put_nowait)

    @classmethod
    async def open(cls, station: Station, settings: GateSettings) -> "GateItems":
        """Load what the copy was; raises ConfigError when the key cannot be used."""
        key = read_key(settings)
        return cls(station, settings, key, await station.edge.run(load))

    def known(self, item: str) -> Known:
        """Return what the copy says of an item, in microseconds; `unknown` when the copy is too old."""
        if not self._copy.is_fresh(self._station.stamper.clock.now(), self._max_age_s):
            return "unknown"
        known = self._view.state(item_hash(self._key, item))
        return "unsettled" if known == "available" and not self._station.branch_in_step else known

    @property
    def n(self) -> int | None:
        """The change number up to which nothing is missing; None: no complete copy."""
        return self._copy.n

    def age_s(self) -> float | None:
        """Return seconds since central last said that nothing newer exists; None when there is no copy."""
        return self._copy.age_s(self._station.stamper.clock.now())

    async def forget(self) -> None:
        """Drop the copy and take a fresh one (command `resync`); until then the tag alone decides."""
        await self._follow((Copy(), (Forget(),)))

    async def run(self) -> None:
        """Follow central until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(to_next_beat(loop.time(), TICK_S)):
                    message = await self._inbox.get()
            except TimeoutError:
                await self._tick()
            else:
                await self._take(message)

    def close(self) -> None:
        """Let the file go."""
        self._view.close()

    async def _tick(self) -> None:
        online = self._station.connected and self._station.central_online
        if online and not self._was_online:
            self._copy = connected(self._copy)
        self._was_online = online
        if online:
            poll_s = min(60.0, self._max_age_s / POLLS_PER_AGE)
            await self._follow(tick(self._copy, self._mono(), new_id(), poll_s=poll_s))

    async def _take(self, message: ItemsPage | ItemChanges) -> None:
        now = self._station.stamper.clock.now()
        if isinstance(message, ItemsPage):
            result = page_came(self._copy, message, now, self._mono())
        else:
            result = changes_came(self._copy, message, now, self._mono(), new_id())
        try:
            await self._follow(result)
        except ValueError as error:
            log.error("a page of items is not understood and left out: %s", error)

    async def _follow(self, result: Result) -> None:
        copy, effects = result
        kept = (copy.n, copy.central, copy.fresh_at) != (
            self._copy.n,
            self._copy.central,
            self._copy.fresh_at,
        )
        if kept or any(not isinstance(one, WantChanges | WantSnapshot) for one in effects):
            await self._station.edge.run(lambda db: carry_out(db, effects, copy))
        if copy.n != self._copy.n:
            log.info("items: the copy stands at change %s", copy.n)
        self._copy = copy
        self._station.states.items_n = copy.n
        for effect in effects:
            self._want(effect)

    def _want(self, effect: CopyEffect) -> None:
        match effect:
            case WantSnapshot(ask=ask):
                self._station.tell(AskSnapshot(ask=ask))
            case WantChanges(after=after):
                self._station.tell(AskChanges(ask=new_id(), after=after))
            case _:
                pass

    def _mono(self) -> float:
        return self._station.stamper.clock.mono() / 1000


def read_key(settings: GateSettings) -> bytes:
    """Return the key of the item hashes; raises ConfigError naming the mend."""
    path = settings.items_key
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: no key of item hashes: {error}",
            why="Without it the gate cannot find an item in its copy.",
            do="Enrol the station (`turnleaf broker enrol`) and set items_key to the file it wrote.",
        ) from error
    if not 16 <= len(key) <= 64:
        raise ConfigError(
            f"{path}: a key of {len(key)} bytes; it has 16 to 64", do="Take the file that enrolment wrote."
        )
    return key
