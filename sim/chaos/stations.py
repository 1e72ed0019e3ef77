"""One station of a run: its process, its cable, its disk, and what may happen to them."""

import asyncio
import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sim.chaos.cables import Cable
from sim.chaos.judge import Disk
from sim.chaos.shim import Shim
from sim.chaos.things import Account
from sim.processes import Daemon
from sim.toml_text import toml_text
from wire.errors import ConfigError

HOST = "127.0.0.1"
PAUSE_S = {"kiosk": 0.25, "bin": 0.4, "gate": 0.3}
DRAIN_S = 60.0
LONGEST_VISIT_S = 6.0
"""A patron that is being served when nothing new is to be begun is gone after this."""
SPOILT = 600
"""Bytes of a page that are overwritten when a disk is damaged."""


class Post:
    """One station, and what became of its disks."""

    def __init__(self, folder: Path, name: str, kind: str, port: int, library: Path) -> None:
        self.name = name
        self._folder = folder
        self._kind = kind
        self.cable = Cable(HOST, port)
        self.shim = Shim(library, folder / f"{name}.faults")
        self._rng = random.Random(name)
        self._damaged = False
        self._known: set[str] = set()
        """Ids that stood on a disk that was damaged or thrown away."""
        self._clones: list[tuple[Path, frozenset[str]]] = []
        self._wish: dict[str, object] = {}
        self.daemon: Daemon
        self._cloning = 0
        self.held = 0
        """While this is not 0, nobody starts the station again."""

    @property
    def edge_db(self) -> Path:
        """The outbox."""
        return self._folder / self.name / "edge.db"

    @property
    def thrown_away(self) -> int:
        """How many disks of this station are gone."""
        return len(self._clones)

    @property
    def cloned(self) -> bool:
        """Whether a disk runs that is about to go."""
        return self._cloning > 0

    @property
    def starts(self) -> int:
        """How often it was started."""
        return self.daemon.starts

    async def start(self, items: tuple[str, ...], cards: tuple[str, ...], seed: int) -> None:
        """Write its settings and start it."""
        await self.cable.start()
        self._wish = {
            "kind": self._kind,
            "tags": str(self._folder / "tags"),
            "items": items,
            "cards": cards,
            "seed": seed,
            "pause_s": PAUSE_S[self._kind],
        }
        self.daemon = self._made(self.name)
        await self.daemon.start()

    def _made(self, disk: str) -> Daemon:
        """Return the process that works on one disk under this station's name."""
        identity = f"broker/identities/{self.name}"
        settings = {
            "name": self.name,
            "state_dir": disk,
            "heartbeat_s": 2,
            "sample_s": 5,
            "broker": {
                "host": HOST,
                "port": self.cable.port,
                **{part: f"{identity}/{part}.pem" for part in ("ca", "cert", "key")},
            },
        }
        toml = self._folder / f"{disk}.toml"
        toml.write_text(toml_text(settings))
        stop = self._folder / ("stop" if disk == self.name else f"{disk}.stop")
        wish = {
            **self._wish,
            "stop": str(stop),
            "settings": str(toml),
            "account": str(self._folder / f"{disk}.account"),
        }
        config = self._folder / f"{disk}.json"
        config.write_text(json.dumps(wish))
        return Daemon(
            disk, (str(config),), self._folder / f"{disk}.log", self.shim.environment, "sim.chaos.writer"
        )

    async def stop(self) -> None:
        """End it."""
        self.held += 1
        await self.daemon.stop()
        await self.cable.stop()

    def at_rest(self) -> bool:
        """Say whether it lives and central has all it made."""
        return bool(self.daemon.pid) and not self.held and confirmed(self.edge_db)

    def disks(self) -> tuple[Disk, ...]:
        """Return what each of its disks committed."""
        account = Account(self._folder / f"{self.name}.account")
        own = Disk(
            self.name, tuple(account.facts()), frozenset(self._known | ids(self.edge_db)), self._damaged
        )
        return (own, *(Disk(self.name, tuple(Account(path).facts()), held) for path, held in self._clones))

    # --- what may happen to it

    async def kill(self, for_s: float) -> None:
        """SIGKILL; it comes back."""
        await self.daemon.kill()

    async def damage(self, for_s: float) -> None:
        """Bytes of the disk change while it is off."""
        self.held += 1
        try:
            await self.daemon.kill()
            self._known |= ids(self.edge_db)
            with closing(sqlite3.connect(self.edge_db)) as db:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what is written stands in the file itself
            data = bytearray(self.edge_db.read_bytes())
            pages = len(data) // 4096
            if pages > 1:
                at = 4096 * self._rng.randrange(1, pages) + self._rng.randrange(4096 - SPOILT)
                data[at : at + SPOILT] = self._rng.randbytes(SPOILT)
                self.edge_db.write_bytes(bytes(data))
                self._damaged = True
        finally:
            self.held -= 1

    async def clone(self, for_s: float) -> None:
        """The disk is copied, both copies run under one name, then the copy delivers all it has and goes."""
        self.held += 1
        self._cloning += 1
        number = len(self._clones) + 1
        disk = f"{self.name}-clone-{number}"
        await self.daemon.kill()
        try:
            shutil.copytree(self._folder / self.name, self._folder / disk)
            clone = self._made(disk)
            await asyncio.gather(revive(self.daemon), revive(clone))
            await asyncio.sleep(for_s)
            await self.daemon.kill()
            (self._folder / f"{disk}.stop").touch()
            await self._drained(clone, self._folder / disk / "edge.db")
            await clone.kill()
            self._clones.append((self._folder / f"{disk}.account", ids(self._folder / disk / "edge.db")))
        finally:
            self._cloning -= 1
            self.held -= 1

    async def _drained(self, daemon: Daemon, edge_db: Path) -> None:
        """Wait until central has all that stands on a disk; whoever works on it may die meanwhile."""
        loop = asyncio.get_running_loop()
        until, calm_since = loop.time() + DRAIN_S, loop.time()
        while loop.time() < until and loop.time() - calm_since < LONGEST_VISIT_S:
            if not daemon.pid:
                await revive(daemon)
            await asyncio.sleep(0.3)
            if not confirmed(edge_db):
                calm_since = loop.time()


async def revive(daemon: Daemon) -> None:
    """Start a daemon; one that cannot start just now (a full disk, say) is tried again by whoever watches."""
    try:
        await daemon.start()
    except ConfigError:
        await daemon.kill()


def confirmed(edge_db: Path) -> bool:
    """Say whether central has everything that stands on a station's disk."""
    try:
        with closing(sqlite3.connect(f"file:{edge_db}?mode=ro", uri=True, timeout=1)) as db:
            upto, last = db.execute("SELECT confirmed, (SELECT max(seq) FROM outbox) FROM stream").fetchone()
            return bool(upto == last)
    except (sqlite3.Error, TypeError):
        return False


def ids(edge_db: Path) -> frozenset[str]:
    """Return the ids in an outbox, as far as they can be read."""
    found: set[str] = set()
    try:
        with closing(sqlite3.connect(f"file:{edge_db}?mode=ro", uri=True, timeout=2)) as db:
            found.update(row[0] for row in db.execute("SELECT id FROM outbox"))
    except sqlite3.Error:
        pass
    return frozenset(found)
