"""A kiosk, a gate or a bin as its own process, as the command starts it, between simulated devices and a real broker.

Nothing but the station's own process is watched: its syncs can be counted (`count_syncs.c`, preloaded), its
disk made slow and its wall clock set (`sim.chaos.shim`), its memory, open files and files' sizes read. Patrons
show their card to a scanner, so no PC/SC daemon is needed, and press the page's buttons without a browser.
"""

import asyncio
import os
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "kiosk"))

from lending_central import LendingCentral
from real.broker import RealBroker

from sim.devices.gate_pad import INNER, OUTER, GatePad
from sim.devices.scanner import SerialScannerDevice
from sim.devices.tags import SimTag
from sim.hands import Finger
from sim.processes import Daemon
from sim.toml_text import toml_text
from wire.errors import DeviceError
from wire.messages.asks import AskAccount

ROOT = Path(__file__).parents[2]
OWNER, CARD = "DE-290", "29000000000017"
SECURED, UNSECURED = 0x07, 0xC2
MISSED_AFTER = 5
"""Inventories after which what was taken away is surely missed: three that miss it, and two to think of it."""
COUNTER = ROOT / "tests" / "bench" / "count_syncs.c"


class Syncs:
    """Counts fsync and fdatasync of whoever gets `environment`."""

    def __init__(self, folder: Path) -> None:
        self._library, self._count = folder / "count_syncs.so", folder / "syncs"
        command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(self._library), str(COUNTER), "-ldl"]
        subprocess.run(command, check=True)
        self._count.write_bytes(struct.pack("=q", 0))
        self.environment = {"LD_PRELOAD": str(self._library), "COUNT_SYNCS": str(self._count)}

    def __call__(self) -> int:
        """Syncs so far."""
        return int(struct.unpack("=q", self._count.read_bytes())[0])


@dataclass(frozen=True)
class Look:
    """What the machine says of a process now; megabytes are 10^6 bytes."""

    rss_mb: float
    own_mb: float
    pss_mb: float
    files: int
    threads: int
    cpu_s: float


def count(folder: Path) -> int:
    """Return how many entries a folder has."""
    return sum(1 for _ in folder.iterdir())


def look(pid: int) -> Look:
    """Look at a process."""
    proc = Path(f"/proc/{pid}")
    lines = (proc / "smaps_rollup").read_text().splitlines()
    kb = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
    rss, own, pss = (kb[name] * 1024 / 1e6 for name in ("Rss", "Anonymous", "Pss"))
    ticks = (proc / "stat").read_text().rsplit(")", 1)[1].split()
    cpu_s = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
    return Look(rss, own, pss, count(proc / "fd"), count(proc / "task"), cpu_s)


class LoneStation:
    """One station, its devices and a central that grants; use `lone_station`."""

    def __init__(self, kind: str, folder: Path, broker: RealBroker, more: Mapping[str, Any]) -> None:
        self.kind, self.name, self.folder = kind, f"{kind}-1", folder
        self.pad, self.scanner = GatePad(), SerialScannerDevice()
        link = broker.link("central", subscriptions=["turnleaf/v1/up/#"])
        key = (broker.folder / "identities" / "central" / "items.key").read_text()
        self.central = LendingCentral(link, bytes.fromhex(key))
        self.state_dir = folder / "state"
        self.ready_s = 0.0
        self._broker, self._more = broker, more
        self.daemon: Daemon

    def _settings(self) -> dict[str, Any]:
        port = self._broker.settings(self.name).port
        home = self._broker.folder / "identities" / self.name
        files = {part: str(home / f"{part}.pem") for part in ("ca", "cert", "key")}
        settings: dict[str, Any] = {
            "name": self.name,
            "state_dir": str(self.state_dir),
            "broker": {"host": "127.0.0.1", "port": port, **files},
            "pad": {"host": "127.0.0.1", "port": self.pad.port, "owners": [OWNER]},
        }
        if self.kind == "kiosk":
            settings |= {
                "card": {"fitted": False},
                "scanner": {"kind": "serial", "path": self.scanner.path},
                "page": {"port": 0},
                "timeouts": {"goodbye_s": 1},
            }
        if self.kind == "gate":
            settings["items_key"] = str(home / "items.key")
        for name, value in self._more.items():
            settings[name] = settings.get(name, {}) | value if isinstance(value, dict) else value
        return settings

    async def start(self, environment: Mapping[str, str], program: str = "turnleaf") -> None:
        """Start and wait until it is open; `program` is the module to run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        await self.pad.start()
        config = self.folder / f"{self.name}.toml"
        config.write_text(toml_text(self._settings()))
        words = (self.kind, "run", "--config", str(config))
        self.daemon = Daemon(self.name, words, self.folder / "log", dict(environment), program)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self.daemon.start()
        self.ready_s = loop.time() - began
        await self.central.until(lambda: self.central.state(self.name, "work").get("service") == "open")

    @property
    def look(self) -> Look:
        """What the machine says of it now."""
        return look(self.daemon.pid)

    def book(self, number: int, *, afi: int = SECURED) -> SimTag:
        """Return an item's tag."""
        return SimTag.for_item(f"E0040150{number:08X}", self.item(number), OWNER, afi=afi)

    def item(self, number: int) -> str:
        """Return an item's id."""
        return f"3{number:07}"

    async def until(self, wanted: Any, timeout: float = 20) -> Any:
        """Wait until `wanted()` is true, and return it."""
        async with asyncio.timeout(timeout):
            while not (found := wanted()):
                await asyncio.sleep(0.002)
        return found

    async def card(self) -> None:
        """A patron shows the card, again while the last visit's goodbye stands, and is greeted."""
        before = self.greeted
        async with asyncio.timeout(20):
            while self.greeted == before:
                self.scanner.scan(CARD)
                with suppress(TimeoutError):
                    await self.central.until(lambda: self.greeted > before, timeout=1.0)

    @property
    def greeted(self) -> int:
        """How often central was asked for a patron's account."""
        return sum(isinstance(one, AskAccount) for one in self.central.asks)

    async def written(self, books: list[SimTag], afi: int) -> None:
        """Wait until the tags of these items say so."""
        await self.until(lambda: all(one.afi == afi for one in books))

    async def told(self, kind: str, number: int) -> None:
        """Wait until central has taken so many facts of a kind."""
        await self.central.until(lambda: len(self.central.bodies(kind)) >= number)

    async def walk_out(self, book: SimTag) -> None:
        """Walk out through the gate with an item, as slowly as the gate looks."""
        self.pad.place(book)
        for inputs in (INNER, INNER | OUTER, OUTER):
            await self._seen(inputs)
        self.take([book])
        await self._seen(0)

    async def _seen(self, inputs: int) -> None:
        """Let these lines stand until the gate has looked twice: once from its beginning to its end."""
        self.pad.inputs = inputs
        looks = self.pad.inputs_asked + 2
        await self.until(lambda: self.pad.inputs_asked >= looks)

    def take(self, books: list[SimTag]) -> None:
        """Take items off the pad."""
        for one in books:
            self.pad.remove(one.uid)

    async def missed(self) -> None:
        """Wait until what was taken off the pad has surely been missed."""
        looks = self.pad.inventories + MISSED_AFTER
        await self.until(lambda: self.pad.inventories >= looks)

    async def press(self, button: str) -> None:
        """Press a button of the page."""
        await Finger(self.daemon.ready_line.split()[1]).press(button)

    async def press_until(self, button: str, wanted: Callable[[], bool]) -> None:
        """Press a button, again while it is not offered or does nothing, until `wanted()`."""
        async with asyncio.timeout(20):
            while not wanted():
                with suppress(DeviceError):
                    await self.press(button)
                with suppress(TimeoutError):
                    await self.until(wanted, timeout=0.2)

    async def confirmed(self) -> None:
        """Wait until central has all that was committed."""
        work = lambda: self.central.state(self.name, "work")  # noqa: E731
        await self.central.until(lambda: work().get("outbox_open") == 0)


@asynccontextmanager
async def lone_station(
    kind: str,
    folder: Path,
    broker: RealBroker,
    environment: Mapping[str, str] | None = None,
    *,
    program: str = "turnleaf",
    **more: Any,
) -> AsyncIterator[LoneStation]:
    """Run one; `more` are settings, tables are merged."""
    station = LoneStation(kind, folder, broker, more)
    working = asyncio.create_task(station.central.run())
    try:
        await station.start(environment or {}, program)
        yield station
    finally:
        if hasattr(station, "daemon"):
            await station.daemon.stop()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await station.pad.stop()
        station.scanner.unplug()
