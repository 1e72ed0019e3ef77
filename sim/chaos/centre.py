"""The central service of a run: its process, cable, disk and ledger, and what may happen to them."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

from sim.chaos.cables import Cable
from sim.chaos.shim import Shim
from sim.chaos.stations import HOST, revive
from sim.processes import Daemon
from sim.toml_text import toml_text
from wire.errors import ConfigError


class Centre:
    """Central, and the ledger it works on."""

    def __init__(self, folder: Path, port: int, library: Path) -> None:
        self._folder = folder
        self.ledger = folder / "ledger.db"
        self.cable = Cable(HOST, port)
        self.shim = Shim(library, folder / "central.faults")
        self.daemon: Daemon
        self.held = 0
        """While this is not 0, nobody starts central again."""
        self._before = 0

    @property
    def starts(self) -> int:
        """How often a central was started."""
        return self._before + self.daemon.starts

    async def start(self, stations: dict[str, str], items: tuple[str, ...], cards: tuple[str, ...]) -> None:
        """Write its settings, make its ledger and start it; raises ConfigError."""
        await self.cable.start()
        registry = self._folder / "registry.json"
        registry.write_text(json.dumps(_registry(stations, items, cards)))
        (self._folder / "policy.toml").write_text("[defaults]\nlimit = 1000\nrenewals = 1000\n")
        identity = "broker/identities/central"
        settings = {
            "ledger": f"sqlite:///{self.ledger}",
            "policy": "policy.toml",
            "items_key": f"{identity}/items.key",
            "spool": "spool",
            "status_s": 5,
            "broker": {
                "host": HOST,
                "port": self.cable.port,
                **{part: f"{identity}/{part}.pem" for part in ("ca", "cert", "key")},
            },
            "telemetry": {"kind": "sqlite", "path": str(self._folder / "telemetry.db")},
        }
        (self._folder / "central.toml").write_text(toml_text(settings))
        await self._command("load", str(registry))
        self.daemon = self._made()
        await self.daemon.start()

    def _made(self) -> Daemon:
        config = str(self._folder / "central.toml")
        return Daemon(
            "central",
            ("central", "run", "--config", config),
            self._folder / "central.log",
            self.shim.environment,
        )

    async def _command(self, *words: str) -> None:
        """Run `turnleaf ledger ...` on this ledger."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "turnleaf", "ledger", *words, "--db", f"sqlite:///{self.ledger}"),
            stdout=asyncio.subprocess.DEVNULL,
        )
        if await process.wait():
            raise ConfigError(f"turnleaf ledger {words[0]} failed", do=f"Look into {self._folder}.")

    async def stop(self) -> None:
        """End it."""
        self.held += 1
        if hasattr(self, "daemon"):
            self.daemon.pause(False)
            await self.daemon.stop()
        await self.cable.stop()

    # --- what may happen to it

    async def kill(self) -> None:
        """SIGKILL; it comes back."""
        await self.daemon.kill()

    async def pause(self, for_s: float) -> None:
        """It stands still for a while and does not know."""
        self.daemon.pause(True)
        await asyncio.sleep(for_s)
        self.daemon.pause(False)

    async def two(self, for_s: float) -> None:
        """Central stands still, somebody removes its lock and starts another; then the first wakes up."""
        first = self.daemon
        first.pause(True)
        self.ledger.with_name(self.ledger.name + "-lock").unlink(missing_ok=True)
        self.daemon = self._made()
        self._before += first.starts
        await revive(self.daemon)
        await asyncio.sleep(for_s / 2)
        first.pause(False)
        await asyncio.sleep(for_s / 2)
        await first.kill()

    async def restore(self, for_s: float, thrown_away: Callable[[], int | None]) -> None:
        """The ledger is lost, and put back from a copy made some seconds ago.

        Not when a disk that brought facts since then was thrown away (None: one is about to be): nobody could
        bring those again.
        """
        copies = self._folder / f"copies-{self.starts}"
        gone = thrown_away()
        await self._command("backup", str(copies))
        await asyncio.sleep(for_s)
        self.held += 1
        try:
            if gone is not None and thrown_away() == gone:
                await self.daemon.kill()
                await self._command("restore", str(copies))
        finally:
            self.held -= 1


def _registry(stations: dict[str, str], items: tuple[str, ...], cards: tuple[str, ...]) -> dict[str, object]:
    return {
        "branches": [{"branch": "main", "name": "Main library", "zone": "Europe/Copenhagen"}],
        "stations": [{"station": name, "branch": "main", "kind": kind} for name, kind in stations.items()],
        "patrons": [
            {"patron": f"of-{card}", "card": card, "class": "adult", "home": "main"} for card in cards
        ],
        "items": [{"item": item, "title": "A book", "class": "book", "branch": "main"} for item in items],
    }
