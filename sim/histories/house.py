"""The library in which a history takes place: the stage, with cables that can be cut and wrong clocks.

Everything is a process of its own as in production; what is played here are the far ends of the devices, the
people, and the accident. It waits for what it needs to see (a row on a disk, an AFI on a tag), never for a
time.
"""

import asyncio
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from broker_config import pki
from broker_config.render import free_ports, render
from sim.catalogue import Person
from sim.chaos.cables import Cable
from sim.chaos.judge import Disk
from sim.chaos.shim import Shim, build
from sim.chaos.stations import confirmed
from sim.histories.edge_disk import EdgeDisk
from sim.histories.eyes import Shown, look
from sim.onlooker import Message
from sim.processes import Daemon
from sim.sip2_ils import Ils
from sim.stage import HOST, OBSERVER, OPERATOR, Progress, Stage
from sim.toml_text import toml_text
from sim.world import SECURED, UNSECURED
from wire.clock import FakeClock, SystemClock, new_stamper
from wire.edge.edge import open_store
from wire.errors import ConfigError, DeviceError
from wire.messages.base import stamped
from wire.messages.facts import Checkin, Secured

PATIENCE_S = 40.0
"""How long is waited for anything; a history in which it does not come ends there, and says so."""
LOOK_S = 0.03
OLD = timedelta(days=30)
"""How long ago the library made its certificates: a station whose clock is days behind still gets in."""


IN_A_VISIT = ("reading", "barred", "lending", "returning", "goodbye")
"""Screens of a kiosk that somebody stands at."""


class Stuck(DeviceError):
    """Something that a history waits for did not come."""


@dataclass
class House(Stage):
    """A small library; `station_more` are further settings of single stations."""

    station_more: dict[str, dict[str, Any]] = field(default_factory=dict)
    wrong_clocks: dict[str, int] = field(default_factory=dict)
    """Seconds by which the clock of a station is wrong from the start."""
    cables: dict[str, Cable] = field(default_factory=dict)
    """From each station to the broker."""
    pad_cables: dict[str, Cable] = field(default_factory=dict)
    shims: dict[str, Shim] = field(default_factory=dict)
    lost_disks: list[Disk] = field(default_factory=list)
    """Disks of stations that are gone, with what they held."""

    said: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(Station, kind of message on its topic of facts, or the end of another topic), heard at the broker."""
    work: dict[str, str] = field(default_factory=dict)
    """What each station says last of how far it is open, and why."""

    listens: bool = True
    """Whether the onlooker reads along at the broker."""
    ils: Ils | None = None
    """The library's own system, where central asks one."""

    def edge(self, station: str) -> EdgeDisk:
        """Return a station's disk."""
        return EdgeDisk(self.folder / station / "edge.db")

    # --- how it is put on its feet

    async def start(self, say: Progress = lambda _: None) -> None:
        """Build and start everything; raises ConfigError."""
        await super().start(say)
        self.onlooker.listeners.append(self._hear)
        await self.at_rest()

    async def watch(self) -> None:
        """Let the onlooker read along, if it is to, until cancelled."""
        if self.listens:
            await self.onlooker.run()

    def _hear(self, message: Message) -> None:
        if message.levels[0] != "up":
            return
        _, station, *rest = message.levels
        body = message.body()
        self.said[station, str(body.get("kind")) if rest == ["fact"] else "/".join(rest)] += 1
        if rest == ["state", "work"]:
            reason = body.get("reason")
            self.work[station] = str(body.get("service")) + (f": {reason}" if reason else "")

    def _certificates(self) -> None:
        folder = self.folder / "broker"
        then = FakeClock(SystemClock().now() - OLD)
        pki.init(folder, ["localhost", HOST], clock=then)
        pki.enrol(folder, "central", "central", clock=then)
        for station in (*self.stations, *self.elsewhere):
            pki.enrol(folder, station, clock=then)
        pki.enrol(folder, OPERATOR, "operator", clock=then)
        pki.enrol(folder, OBSERVER, "observer", clock=then)
        render(folder, free_ports())

    async def _stations(self, say: Progress) -> None:
        for name in self.stations:
            self.cables[name] = Cable(HOST, self.broker.ports.stations)
            pads = self.world.gates if self.stations[name] == "gate" else self.world.pads
            self.pad_cables[name] = Cable(HOST, pads[name].port)
            await self.cables[name].start()
            await self.pad_cables[name].start()
        if self.wrong_clocks:
            library = await asyncio.to_thread(build, self.folder)
            for name, seconds in self.wrong_clocks.items():
                self.shims[name] = Shim(library, self.folder / f"{name}.faults")
                self.shims[name].clock(seconds)
        await super()._stations(say)

    def _daemon(self, name: str, command: tuple[str, ...], env: dict[str, str] | None = None) -> Daemon:
        shim = self.shims.get(name)
        return super()._daemon(name, command, (env or {}) | (shim.environment if shim else {}))

    def _settings(self, station: str, kind: str, slot: int) -> dict[str, Any]:
        settings = super()._settings(station, kind, slot)
        settings["broker"]["port"] = self.cables[station].port
        settings["pad"]["port"] = self.pad_cables[station].port
        if kind == "kiosk":
            settings["timeouts"] = {"answer_s": 20, "idle_s": 60, "warning_s": 5, "goodbye_s": 1}
        for table, values in self.station_more.get(station, {}).items():
            both = isinstance(values, dict) and isinstance(settings.get(table), dict)
            settings[table] = settings[table] | values if both else values
        return settings

    async def stop(self) -> None:
        """End every process, also those that stand still."""
        for daemon in self.daemons.values():
            daemon.pause(False)
        await super().stop()
        for cable in (*self.cables.values(), *self.pad_cables.values()):
            await cable.stop()

    # --- waiting

    async def until(
        self, true: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S, look_s: float = LOOK_S
    ) -> None:
        """Wait until something is so; raises Stuck."""
        try:
            async with asyncio.timeout(within_s):
                while not true():
                    await asyncio.sleep(look_s)
        except TimeoutError:
            raise Stuck(f"waited {within_s:.0f} s in vain: {what}") from None

    async def lent(self, *items: str) -> None:
        """Wait until the tags of items say that they are on loan."""
        await self.until(lambda: all(self.world.lent(item) for item in items), "tags unsecured")

    async def secured(self, *items: str) -> None:
        """Wait until the tags of items are secured."""
        await self.until(lambda: not any(self.world.lent(item) for item in items), "tags secured")

    async def at_rest(self, *stations: str) -> None:
        """Wait until central has all that stands on the disks (of all stations, or of those named)."""
        disks = {name: self.edge(name).path for name in stations or tuple(self.stations)}
        await self.until(lambda: all(map(confirmed, disks.values())), f"everything of {', '.join(disks)}")

    def journal(self) -> frozenset[str]:
        """Return the ids of all facts in the ledger's file."""
        try:
            with closing(sqlite3.connect(f"file:{self.ledger_path}?mode=ro", uri=True, timeout=5)) as db:
                return frozenset(row[0] for row in db.execute("SELECT fact_id FROM journal"))
        except sqlite3.Error:
            return frozenset()

    async def arrived(self, *stations: str) -> None:
        """Wait until the ledger has all that stands on the disks, whatever the stations believe."""
        names = stations or tuple(self.stations)
        await self.until(
            lambda: all(self.journal() >= set(self.edge(name).ids()) for name in names),
            f"everything of {', '.join(names)} in the ledger",
        )

    # --- people

    @asynccontextmanager
    async def visit(self, kiosk: str, person: Person) -> AsyncIterator[None]:
        """Somebody's card lies on a kiosk's reader, and it has greeted; at the end the kiosk rests again."""
        card, over = self.world.cards[person.card], self.visits_over(kiosk)
        await self.greeted(kiosk, person)
        try:
            yield
        finally:
            await self.leave(kiosk)
            await card.eject()
        await self.free(kiosk, over)

    async def greeted(self, kiosk: str, person: Person) -> None:
        """Lay a card on the reader and wait until the kiosk greets its owner."""
        await self.world.cards[person.card].insert(self.desk(kiosk).card_port, timeout_s=PATIENCE_S)
        await self.shown(kiosk, lambda shown: shown.name == "lending" and person.name in shown.headline)

    async def shown(self, kiosk: str, wanted: Callable[[Shown], bool]) -> Shown:
        """Wait until the screen of a kiosk is as wanted; raises Stuck with what it shows instead."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        while not wanted(shown := await self.screen(kiosk)):
            if loop.time() > until:
                raise Stuck(f"waited {PATIENCE_S:.0f} s in vain: the screen of {kiosk} says {shown.words}")
            await asyncio.sleep(LOOK_S)
        return shown

    async def screen(self, kiosk: str) -> Shown:
        """Return what the screen of a kiosk shows."""
        return await look(self.daemons[kiosk].address())

    async def seen_by(self, kiosk: str) -> None:
        """Wait until a kiosk has told twice more of its pad: whatever lies there, it has long seen."""
        wanted = self.said[kiosk, "sample/pad"] + 2
        await self.until(lambda: self.said[kiosk, "sample/pad"] >= wanted, "samples of the pad")

    async def leave(self, kiosk: str) -> None:
        """Press *finish* and take everything from the pad."""
        with suppress(DeviceError, ConfigError):
            await self.desk(kiosk).finger().press("finish")
        for item, place in self.world.place.items():
            if place == kiosk:
                self.world.take(item)

    async def free(self, kiosk: str, visits_over: int) -> None:
        """Wait until a visit more than `visits_over` has ended, and the kiosk waits for the next patron."""
        await self.until(lambda: self.visits_over(kiosk) > visits_over, f"a visit at {kiosk} over")
        await self.shown(kiosk, lambda shown: shown.name not in IN_A_VISIT)

    def visits_over(self, kiosk: str) -> int:
        """Count the visits that have ended at a kiosk, as its log has them."""
        return (self.folder / f"{kiosk}.log").read_text(errors="replace").count("the visit is over")

    async def borrow(self, kiosk: str, person: Person, *items: str) -> None:
        """Somebody borrows items, and leaves when their tags say so."""
        async with self.visit(kiosk, person):
            for item in items:
                self.world.lay(item, kiosk)
            await self.lent(*items)
            await self.edge(kiosk).settled(self, *items)

    async def give_back(self, kiosk: str, *items: str) -> None:
        """Somebody returns items at a kiosk."""
        over = self.visits_over(kiosk)
        for item in items:
            self.world.lay(item, kiosk)
        async with self.desk(kiosk).finger().insisting("return"):
            await self.secured(*items)
        disk = self.edge(kiosk)
        await self.until(lambda: all(disk.last_of(item) == "secured/1" for item in items), "return recorded")
        await self.leave(kiosk)
        await self.free(kiosk, over)

    async def drop(self, bin_: str, item: str) -> None:
        """Somebody drops an item into a bin; it lies there until it is written down."""
        self.world.lay(item, bin_)
        await self.secured(item)
        await self.until(lambda: self.edge(bin_).last_of(item) == "secured/1", "return written down")
        self.world.take(item, "shelf")

    # --- accidents

    def die_when_written(self, station: str) -> None:
        """SIGKILL a station in the instant in which the next tag on its pad was written, before it knows."""
        pad = self.world.pads[station]
        note = pad.on_write

        def written(tag: Any) -> None:
            note(tag)
            pad.on_write = note
            os.kill(self.daemons[station].pid, signal.SIGKILL)

        pad.on_write = written

    def copy_of(self, station: str, disk: str) -> None:
        """Copy a station's disk as it is, with its log; nobody may be writing."""
        with closing(sqlite3.connect(self.edge(station).path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        target = self.folder / disk / "edge.db"
        target.parent.mkdir()
        target.write_bytes(self.edge(station).path.read_bytes())

    async def twin(self, station: str, disk: str) -> Daemon:
        """Return a second station of the same name and certificate, on another disk and a pad of its own."""
        pad = self.world.add_pad(disk)
        await pad.start()
        settings = self._settings(station, self.stations[station], 0)
        settings["state_dir"] = disk
        settings["pad"]["port"] = pad.port
        config = self.folder / f"{disk}.toml"
        config.write_text(toml_text(settings))
        return self._daemon(disk, (self.stations[station], "run", "--config", str(config)))

    def fill(self, station: str, returns: tuple[str, ...]) -> None:
        """Put an outage's returns on the disk of a station that does not run: two entries each."""
        stamper = new_stamper()
        store, _ = open_store(self.edge(station).path, stamper=stamper)
        for item in returns:
            when = stamped(stamper.stamp())
            (checkin,) = store.record((Checkin(item=item, via="kiosk", **when),))
            store.record((Secured(checkin=checkin, item=item, outcome="verified", afi=SECURED, **when),))
        store.close()

    def throw_away(self, station: str, *, told: bool = False) -> None:
        """A station's disk is gone; what it held stays known. `told`: a case must tell what it took along."""
        self.lost_disks.append(self.edge(station).as_disk(station, told=told))
        for file in (self.folder / station).glob("edge.db*"):
            file.unlink()

    def disks(self) -> tuple[Disk, ...]:
        """Return every disk that was, with the ids of what it held, in order."""
        return (*self.lost_disks, *(self.edge(name).as_disk(name) for name in self.stations))

    def tag_of(self, item: str) -> str:
        """Return what an item's tag says: `unsecured`, `secured`, or its AFI."""
        words = {SECURED: "secured", UNSECURED: "unsecured"}
        return words.get(self.world.tags[item].afi, f"AFI {self.world.tags[item].afi:02X}")

    def log_of(self, name: str) -> str:
        """Return a daemon's log."""
        return Path(self.folder / f"{name}.log").read_text(errors="replace")
