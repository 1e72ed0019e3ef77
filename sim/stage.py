"""A small library put on its feet: broker, card reader daemon, ledger, central, stations, their devices.

Everything is the real component in a process of its own, on free loopback ports, in one folder; only the
far ends of the device cables are played here (`sim.world`). Whoever holds the stage may stop, kill and
start each part.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from broker_config import pki
from broker_config.render import free_ports, render
from broker_config.supervise import Broker
from sim.catalogue import OWNER, Book, Person, books, people, seed
from sim.devices.pcscd import Pcscd
from sim.devices.printer import EscposPrinter
from sim.hands import Finger
from sim.onlooker import Onlooker
from sim.own_folder import make_new
from sim.patrons import Desk
from sim.processes import Daemon
from sim.toml_text import toml_text
from sim.world import PASSAGE_GAP_MS, World
from wire.errors import ConfigError

NEWCOMER = "kiosk-1"
WITH_PRINTER = "kiosk-2"
STATIONS = {"kiosk-1": "kiosk", "kiosk-2": "kiosk", "gate-1": "gate", "gate-2": "gate", "bin-1": "bin"}
OPERATOR, OBSERVER = "technician", "onlooker"
HOST = "127.0.0.1"

POLICY = """\
# The demo library lends everything for four weeks.
[defaults]
loan_days = 28
renewals = 2
limit = 60
"""

Progress = Callable[[str], None]


@dataclass
class Stage:
    """One simulated library in `folder`."""

    folder: Path
    seed: int = 1
    telemetry: dict[str, Any] | None = None
    """The [telemetry] table of central.toml; None takes the embedded store."""
    stations: dict[str, str] = field(default_factory=lambda: dict(STATIONS))
    elsewhere: dict[str, str] = field(default_factory=dict)
    """More stations (name -> kind) that are enrolled and registered, and that somebody else plays."""
    central_more: dict[str, Any] = field(default_factory=dict)
    """Further settings of central.toml."""
    world: World = field(init=False)
    broker: Broker = field(init=False)
    pcscd: Pcscd = field(init=False)
    onlooker: Onlooker = field(init=False)
    daemons: dict[str, Daemon] = field(default_factory=dict)
    printers: dict[str, EscposPrinter] = field(default_factory=dict)
    """The receipt printer of each station that has one."""

    def __post_init__(self) -> None:
        self.folder = self.folder.absolute()
        self.library: tuple[Book, ...] = books()
        self.people: tuple[Person, ...] = people()
        self.world = World(self.library, self.people, seed=self.seed)
        self.broker = Broker(self.folder / "broker")
        self.pcscd = Pcscd(self.folder / "pcscd")

    @property
    def ledger_path(self) -> Path:
        """The ledger's file."""
        return self.folder / "ledger.db"

    @property
    def telemetry_path(self) -> Path:
        """The file of the embedded telemetry store."""
        return self.folder / "telemetry.db"

    def identity(self, name: str) -> Path:
        """Return the folder with a certificate."""
        return self.folder / "broker" / "identities" / name

    async def start(self, say: Progress = lambda _: None) -> None:
        """Build and start everything; `say` gets one line per step. Raises ConfigError."""
        make_new(self.folder)
        say("certificate authority, certificates, access list")
        self._certificates()
        await self.broker.start()
        listen = self.broker.ports
        say(f"broker: Mosquitto with TLS, stations on port {listen.stations}, others on {listen.operators}")
        await self.pcscd.start()
        say("card readers: pcscd with two virtual readers")
        self._pads()
        await self.world.start()
        for printer in self.printers.values():
            await printer.start()
        pads, gates = len(self.world.pads), len(self.world.gates)
        say(f"devices: {pads} pads and {gates} gates that speak FEIG, {len(self.library)} tags")
        self.onlooker = Onlooker(HOST, listen.operators, self.identity(OBSERVER))
        await self._central(say)
        await self._stations(say)

    def _certificates(self) -> None:
        folder = self.folder / "broker"
        pki.init(folder, ["localhost", HOST])
        pki.enrol(folder, "central", "central")
        for station in (*self.stations, *self.elsewhere):
            pki.enrol(folder, station)
        pki.enrol(folder, OPERATOR, "operator")
        pki.enrol(folder, OBSERVER, "observer")
        render(folder, free_ports())

    def _pads(self) -> None:
        for station, kind in self.stations.items():
            if kind == "gate":
                self.world.add_gate(station)
            else:
                self.world.add_pad(station)
        if WITH_PRINTER in self.stations:
            self.printers[WITH_PRINTER] = EscposPrinter()

    async def _central(self, say: Progress) -> None:
        (self.folder / "policy.toml").write_text(POLICY)
        registry = self.folder / "registry.json"
        registry.write_text(json.dumps(seed(self.stations | self.elsewhere), ensure_ascii=False))
        await self.command("ledger", "load", str(registry), "--db", f"sqlite:///{self.ledger_path}")
        telemetry = self.telemetry or {"kind": "sqlite", "path": str(self.telemetry_path)}
        config = self.folder / "central.toml"
        config.write_text(
            toml_text(
                {
                    "ledger": f"sqlite:///{self.ledger_path}",
                    "policy": "policy.toml",
                    "items_key": "broker/identities/central/items.key",
                    "spool": "spool",
                    "status_s": 10,
                    "broker": self._broker_table("central", self.broker.ports.operators),
                    "telemetry": telemetry,
                    "operators": {OPERATOR: "operate", OBSERVER: "look"},
                }
                | self.central_more
            )
        )
        central = self._daemon("central", ("central", "run", "--config", str(config)))
        await central.start()
        say(f"central service: ledger {self.ledger_path.name}, {len(self.library)} items")

    async def _stations(self, say: Progress) -> None:
        cards = iter(range(2))
        for station, kind in self.stations.items():
            slot = next(cards) if kind == "kiosk" else 0
            config = self.folder / f"{station}.toml"
            config.write_text(toml_text(self._settings(station, kind, slot)))
            self._daemon(station, (kind, "run", "--config", str(config)), self.pcscd.environment)
        await asyncio.gather(*(self.daemons[station].start() for station in self.stations))
        say("stations: " + ", ".join(self.stations))

    def _daemon(self, name: str, command: tuple[str, ...], env: dict[str, str] | None = None) -> Daemon:
        daemon = Daemon(name, command, self.folder / f"{name}.log", env)
        self.daemons[name] = daemon
        return daemon

    def _broker_table(self, identity: str, port: int) -> dict[str, Any]:
        home = f"broker/identities/{identity}"
        return {
            "host": HOST,
            "port": port,
            "ca": f"{home}/ca.pem",
            "cert": f"{home}/cert.pem",
            "key": f"{home}/key.pem",
        }

    def _settings(self, station: str, kind: str, slot: int) -> dict[str, Any]:
        """Return the settings of a station, as somebody would write them."""
        pads = self.world.gates if kind == "gate" else self.world.pads
        settings: dict[str, Any] = {
            "kind": kind,
            "name": station,
            "state_dir": station,
            "heartbeat_s": 3,
            "sample_s": 2,
            "broker": self._broker_table(station, self.broker.ports.stations),
            "pad": {
                "host": HOST,
                "port": pads[station].port,
                "poll_ms": 60 if kind == "gate" else 100,
                "timeout_s": 0.5,
                "owners": [OWNER],
            },
        }
        if kind == "kiosk":
            settings["card"] = {"reader": f"{slot:02d}"}
            settings["page"] = {"port": 0}
            if station in self.printers:
                settings["printer"] = {"host": HOST, "port": self.printers[station].port, "every_s": 2}
            if station != NEWCOMER:
                settings["timeouts"] = {"idle_s": 5, "warning_s": 5, "goodbye_s": 1}
        elif kind == "gate":
            settings["items_key"] = f"broker/identities/{station}/items.key"
            settings["count"] = {"every_s": 5, "people": 5}
            settings["passage_gap_ms"] = PASSAGE_GAP_MS
            settings["lamp"] = {"seconds": 3}
        return settings

    def desk(self, station: str) -> Desk:
        """Return a kiosk as a patron finds it."""
        kiosks = [name for name, kind in self.stations.items() if kind == "kiosk"]
        port = self.pcscd.port(kiosks.index(station))
        return Desk(station, port, lambda: Finger(self.daemons[station].address()))

    async def command(self, *words: str) -> str:
        """Run one `turnleaf` command to its end and return what it printed; raises ConfigError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "turnleaf",
            *words,
            env=os.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode:
            raise ConfigError(f"turnleaf {' '.join(words)} failed: {err.decode(errors='replace').strip()}")
        return out.decode()

    async def stop(self) -> None:
        """End every child, stations first, and leave no process."""
        stations = [daemon for name, daemon in self.daemons.items() if name != "central"]
        await asyncio.gather(*(daemon.stop() for daemon in stations))
        if "central" in self.daemons:
            await self.daemons["central"].stop()
        await self.world.stop()
        for printer in self.printers.values():
            await printer.stop()
        await self.pcscd.stop()
        await self.broker.stop()
