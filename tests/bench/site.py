"""Where the bench takes place: two brokers (TLS as in production, and bare TCP), a fleet's identities, C helpers."""

import asyncio
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5

from broker_config import pki
from broker_config.render import free_ports, mosquitto_binary, render
from broker_config.supervise import Broker
from sim.processes import Daemon
from sim.toml_text import toml_text
from tests.bench import fact_plan
from wire.errors import ConfigError, TurnleafError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HOST = "127.0.0.1"


INSTALL = "apt-get install gcc libmosquitto-dev (make env does it)"


class Missing(TurnleafError):
    """Something that the bench is built with is not on this machine."""

    exit_code = 3


@dataclass(frozen=True)
class Programs:
    """The C helpers, built by the bench."""

    limit: Path
    stations: Path
    syncs: Path


def build(folder: Path) -> Programs:
    """Compile the C helpers; raises Missing."""
    made = Programs(folder / "broker_limit", folder / "stations", folder / "count_syncs.so")
    for command in (
        ["cc", "-O2", "-o", str(made.limit), str(HERE / "broker_limit.c"), "-lmosquitto"],
        ["cc", "-O2", "-o", str(made.stations), str(HERE / "stations.c"), "-lmosquitto", "-ldl"],
        ["cc", "-O2", "-shared", "-fPIC", "-o", str(made.syncs), str(HERE / "count_syncs.c"), "-ldl"],
    ):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise Missing("there is no C compiler", do=INSTALL) from error
        if done.returncode:
            raise Missing(f"cannot compile: {done.stderr.strip()}", do=INSTALL)
    return made


class PlainBroker:
    """Mosquitto with the production's queues and settings, without TLS, certificates and ACL."""

    def __init__(self, folder: Path, like: Path) -> None:
        self._folder = folder
        self._like = like
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    async def start(self) -> None:
        self._folder.mkdir()
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = free.getsockname()[1]
        production = self._like.read_text().split("# Stations:")[0]
        lines = [
            line
            for line in production.splitlines()
            if not line.startswith(("acl_file", "persistence", "allow"))
        ]
        conf = self._folder / "mosquitto.conf"
        conf.write_text("\n".join([*lines, "allow_anonymous true", f"listener {self.port} {HOST}", ""]))
        with (self._folder / "broker.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                mosquitto_binary(), "-c", str(conf), stdout=log, stderr=log
            )
        async with asyncio.timeout(10):
            while True:
                try:
                    socket.create_connection((HOST, self.port)).close()
                    return
                except OSError:
                    await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()


@dataclass
class Site:
    """Both brokers and all identities."""

    folder: Path
    programs: Programs
    stations: list[str]
    tls: Broker = field(init=False)
    plain: PlainBroker = field(init=False)

    async def start(self) -> None:
        home = self.folder / "broker"
        pki.init(home, ["localhost", HOST])
        pki.enrol(home, "central", "central")
        for name in self.stations:
            await asyncio.to_thread(pki.enrol, home, name)
        conf = render(home, free_ports())
        self.tls, self.plain = Broker(home), PlainBroker(self.folder / "plain", conf)
        await self.tls.start()
        await self.plain.start()

    async def stop(self) -> None:
        await self.tls.stop()
        await self.plain.stop()

    @property
    def central_home(self) -> Path:
        return self.folder / "broker" / "identities" / "central"

    def port(self, kind: str, listener: str) -> int:
        return int(getattr(self.tls.ports, listener)) if kind == "tls" else self.plain.port

    def broker_cpu(self, kind: str) -> float:
        return cpu_of((self.tls.pid or 0) if kind == "tls" else self.plain.pid)

    def limit(self, kind: str, count: int) -> dict[str, float]:
        """Return the broker's own limit: C to C, QoS 1, on the listener that central uses.

        `limit` in messages/s, `limit_cpu_us` the broker's processor time for one of them.
        """
        files = [str(self.central_home / f"{name}.pem") for name in ("ca", "cert", "key")]
        if kind == "plain":
            files = ["-", "-", "-"]
        command = [
            str(self.programs.limit), "localhost" if kind == "tls" else HOST, str(self.port(kind, "operators")), *files,
            "turnleaf/v1/central/status", str(count), "420", "500",
        ]  # fmt: skip
        before = self.broker_cpu(kind)
        rate = float(run(command))
        return {"limit": rate, "limit_cpu_us": (self.broker_cpu(kind) - before) / count * 1e6}

    def say(
        self, kind: str, plan: Path, rate: float, count: Callable[[], dict[str, float]] = dict
    ) -> dict[str, Any]:
        """Let the stations of a plan speak; returns what they found, and by how much `count` has grown since
        all were connected."""
        identities = str(self.folder / "broker" / "identities") if kind == "tls" else "-"
        command = [str(self.programs.stations), str(plan), HOST, str(self.port(kind, "stations"))]
        with subprocess.Popen(
            [*command, identities, str(rate)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            before = count()
            said = process.stdout.read()
        if process.returncode:
            raise ConfigError("the stations failed", do="Their last words stand above.")
        grown = {name: value - before[name] for name, value in count().items()}
        return {**json.loads(said), **grown}


@dataclass
class Round:
    """A central on a fresh ledger on a real disk."""

    site: Site
    folder: Path
    kind: str
    stations: list[str]
    facts: int
    central: Daemon = field(init=False)

    async def lay_out(self) -> None:
        """Make the folder with ledger, plan and settings; entering does it too, where it was not done."""
        self.folder.mkdir()
        (self.folder / "policy.toml").write_text("[defaults]\nloan_days = 28\nlimit = 1000000\n")
        registry = self.folder / "registry.json"
        registry.write_text(json.dumps(fact_plan.registry(self.stations, self.facts)))
        url = f"sqlite:///{self.folder}/ledger.db"
        load = [sys.executable, "-m", "turnleaf", "ledger", "load", str(registry), "--db", url]
        await asyncio.to_thread(run, load)
        fact_plan.write(self.folder / "plan", self.stations, self.facts)
        home = self.site.central_home
        settings = {
            "ledger": url, "policy": "policy.toml", "items_key": str(home / "items.key"), "spool": "spool",
            "broker": {
                "host": HOST, "port": self.site.port(self.kind, "operators"),
                "ca": str(home / "ca.pem"), "cert": str(home / "cert.pem"), "key": str(home / "key.pem"),
            },
            "telemetry": {"kind": "sqlite", "path": "telemetry.db"},
        }  # fmt: skip
        (self.folder / "central.toml").write_text(toml_text(settings))

    async def __aenter__(self) -> "Round":
        if not self.folder.exists():
            await self.lay_out()
        config = self.folder / "central.toml"
        env = {"LD_PRELOAD": str(self.site.programs.syncs), "COUNT_SYNCS": str(self.folder / "syncs")}
        log = self.folder / "central.log"
        if self.kind == "tls":
            self.central = Daemon("central", ("central", "run", "--config", str(config)), log, env)
        else:
            words = ("--config", str(config))
            self.central = Daemon("central", words, log, env, module="tests.bench.without_tls")
        await self.central.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.central.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def say(self, rate: float) -> dict[str, Any]:
        """Let the stations speak; returns their figures, and central's and the broker's beside them."""
        plan = self.folder / "plan"
        found = await asyncio.to_thread(self.site.say, self.kind, plan, rate, self._count)
        return found | {
            "central_cpu_us": found["central_cpu"] / found["facts"] * 1e6,
            "broker_cpu_us": found["broker_cpu"] / found["facts"] * 1e6,
            "central": memory(self.central.pid),
        }

    def _count(self) -> dict[str, float]:
        cpu = {"central_cpu": cpu_of(self.central.pid), "broker_cpu": self.site.broker_cpu(self.kind)}
        return {"syncs": self._syncs(), **cpu}

    def _syncs(self) -> int:
        path = self.folder / "syncs"
        return int.from_bytes(path.read_bytes()[:8], "little") if path.exists() else 0


def end_session(site: Site, kind: str) -> None:
    """End the session that an earlier central left at the broker: it would gather what echo's stations say,
    and the next central would have to go through it."""
    home = site.central_home
    client = Client(CallbackAPIVersion.VERSION2, "central", protocol=MQTTv5)
    if kind == "tls":
        client.tls_set(*(str(home / f"{name}.pem") for name in ("ca", "cert", "key")))
    client.connect(HOST, site.port(kind, "operators"), clean_start=True)
    until = time.monotonic() + 10
    while not client.is_connected():
        if client.loop() or time.monotonic() > until:
            raise ConfigError("the broker takes no connection of central's", do="Read its log.")
    client.disconnect()
    client.loop()


async def echo(site: Site, kind: str, plan: Path, rate: float, *before: str) -> dict[str, Any]:
    """Return what the same stations find when each fact is answered without a desk: at once, or after what
    the options of `tests.bench.echo` that are `before` it ask for."""
    command = [
        sys.executable,
        "-m",
        "tests.bench.echo",
        HOST,
        str(site.port(kind, "operators")),
        str(site.central_home),
        kind,
        *before,
    ]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        return await asyncio.to_thread(site.say, kind, plan, rate)
    finally:
        process.terminate()
        await process.wait()


def committing(path: Path) -> sqlite3.Connection:
    """Return a new database in which each commit is on the disk when it returns, as in the ledger."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)")
    return db


def commit_once(db: sqlite3.Connection) -> None:
    """Commit one row of the size of a fact."""
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO t (body) VALUES (?)", ("x" * 300,))
    db.execute("COMMIT")


def commit_ms(folder: Path, count: int = 400) -> float:
    """Return the median of one small durable commit on that disk: what no central can be faster than."""
    db, took = committing(folder / "commit.db"), []
    for _ in range(count):
        began = time.perf_counter()
        commit_once(db)
        took.append((time.perf_counter() - began) * 1000)
    db.close()
    return statistics.median(took)


def run(command: list[str]) -> str:
    """Run a helper and return what it prints; raises ConfigError with its last words."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd=ROOT)
    if done.returncode:
        raise ConfigError(
            f"{Path(command[0]).name} failed: {done.stderr.strip()[-300:]}", do="Read its words."
        )
    return done.stdout


def cpu_of(pid: int) -> float:
    """Return the processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> dict[str, float]:
    """Return resident and proportional memory of a process, in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in text.splitlines() if " kB" in line}
    return {"rss_mb": round(found["Rss"], 1), "pss_mb": round(found["Pss"], 1)}
