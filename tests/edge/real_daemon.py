"""A gate or a bin as its own process, started by the command, against a real broker and a pad over TCP."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from real.broker import RealBroker

from broker_config.render import ports

WRAPPER = """
import json, sys
from turnleaf.cli import main
try:
    code = main(sys.argv[2:])
finally:
    open(sys.argv[1], "w").write(json.dumps(sorted(sys.modules)))
sys.exit(code)
"""
"""Runs the command as it is, and writes down at its end which modules it had loaded."""


class Daemon:
    """One daemon's process. Settings go in as nested dictionaries."""

    def __init__(self, kind: str, name: str, folder: Path, broker: RealBroker, pad_port: int) -> None:
        self.kind = kind
        self.name = name
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.state_dir = folder / f"{name}-state"
        self.ready_s = 0.0
        self._modules = folder / f"{name}.modules.json"
        self._config = folder / f"{name}.toml"
        self._process: asyncio.subprocess.Process | None = None
        self._lines: list[str] = []
        self._reader: asyncio.Task[None] | None = None
        home = broker.folder / "identities" / name
        if not home.exists():
            broker.enrol(name)
        self.key = bytes.fromhex((home / "items.key").read_text().strip())
        self._settings: dict[str, Any] = {
            "name": name,
            "state_dir": str(self.state_dir),
            "heartbeat_s": 2,
            "sample_s": 1,
            "broker": {
                "host": "127.0.0.1",
                "port": ports(broker.folder).stations,
                "ca": str(home / "ca.pem"),
                "cert": str(home / "cert.pem"),
                "key": str(home / "key.pem"),
            },
            "pad": {"host": "127.0.0.1", "port": pad_port, "poll_ms": 40},
        }
        if kind == "gate":
            self._settings |= {"items_key": str(home / "items.key"), "passage_gap_ms": 300}

    async def start(self, **more: Any) -> "Daemon":
        """Start and wait until it says that it is ready; measures how long that took."""
        self._config.write_text(_toml(self._settings | more))
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WRAPPER, str(self._modules)),
            *(self.kind, "run", "--config", str(self._config)),
            stderr=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        ready = asyncio.Event()
        self._reader = asyncio.create_task(self._read(ready))
        async with asyncio.timeout(30):
            await ready.wait()
        self.ready_s = loop.time() - began
        return self

    async def _read(self, ready: asyncio.Event) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._lines.append(line.decode().rstrip())
            if self._lines[-1].endswith("is ready"):
                ready.set()

    def measure(self) -> tuple[float, float]:
        """Return resident and anonymous (its own, not library pages) memory of the process now, in MB (10^6 bytes)."""
        assert self._process is not None
        rollup = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text()
        kb = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines() if line.endswith("kB")}
        rss_mb, own_mb = kb["Rss"] * 1024 / 1e6, kb["Anonymous"] * 1024 / 1e6
        print(f"{self.name}: RSS {rss_mb:.1f} MB, own {own_mb:.1f} MB, ready after {self.ready_s:.2f} s")
        return rss_mb, own_mb

    async def end(self) -> int:
        """SIGTERM, and the exit code."""
        return await self._signal(signal.SIGTERM)

    async def kill(self) -> int:
        """SIGKILL, anywhere."""
        return await self._signal(signal.SIGKILL)

    async def ended(self) -> int:
        """Wait until it has ended by itself, and return its exit code."""
        return await self._signal(None)

    async def _signal(self, number: int | None) -> int:
        if self._process is None or self._reader is None:
            return 0
        if number is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)
        async with asyncio.timeout(20):
            code = await self._process.wait()
            await self._reader
        self._process = None
        return code

    @property
    def log(self) -> str:
        """What it said on standard error."""
        return "\n".join(self._lines)

    def modules(self) -> set[str]:
        """Return what the process had loaded when it ended."""
        return set(json.loads(self._modules.read_text()))


def _toml(settings: dict[str, Any], table: str = "") -> str:
    lines = [f"[{table}]"] if table else []
    lines += [f"{name} = {json.dumps(v)}" for name, v in settings.items() if not isinstance(v, dict)]
    for name, value in settings.items():
        if isinstance(value, dict):
            lines.append(_toml(value, f"{table}.{name}" if table else name))
    return "\n".join(lines)
