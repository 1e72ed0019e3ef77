"""The demo: a small library on real parts, a morning of simulated patrons, and a page to play with.

Unattended (`--headless`, or without a terminal) it plays for some seconds, ends, compares the ledger's
file with the memory of the tags and with what the simulator knows that it did, and fails when they differ.
"""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from monitor.sentences import sentence
from sim.habits import Pace, plan
from sim.influx import Influx, influxd
from sim.onlooker import Message
from sim.own_folder import MARK, make_new
from sim.patrons import Crowd
from sim.playground.app import Playground
from sim.playground.table import BOOKS, Table
from sim.reckoning import Reckoning, read_ledger, reckon
from sim.stage import HOST, NEWCOMER, OBSERVER, OPERATOR, Stage
from turnleaf.demo_keys import Keys

SETTLE_S = 15.0
"""How long the end of a day may take: outboxes empty, the last tag read back."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the demo is asked for."""

    folder: Path
    seconds: float | None
    headless: bool
    as_json: bool
    seed: int
    influx: bool


def say(text: str) -> None:
    """Print a line of progress; standard output belongs to the JSON."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class Demo:
    """One run."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.stage = Stage(wish.folder, seed=wish.seed)
        self.crowd: Crowd
        self.ending = asyncio.Event()
        self._influx: Influx | None = None

    async def run(self) -> Reckoning:
        """Start, play until told to end, reckon, and stop everything."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self.ending.set)
        try:
            await self._start()
            return await self._play()
        finally:
            say("  ending every part …")
            await self.stage.stop()
            if self._influx is not None:
                await asyncio.to_thread(self._influx.stop)

    async def _start(self) -> None:
        if self.wish.folder == default_folder():
            for own in filter(Path.is_dir, (self.wish.folder, self._influx_folder)):
                (own / MARK).touch()  # nobody else's: an older demo made it, without the mark
        if self.wish.influx:
            await self._start_influx()
        await self.stage.start(lambda text: say(f"  ✓ {text}"))

    @property
    def _influx_folder(self) -> Path:
        return self.wish.folder.parent / "demo-influx"

    async def _start_influx(self) -> None:
        """Put telemetry into a real InfluxDB, on a free port and in a folder of its own."""
        say("  InfluxDB: looking for one; where there is none it is built with Go (about a minute, once) …")
        program = await asyncio.to_thread(influxd)
        await asyncio.to_thread(make_new, self._influx_folder)
        self._influx = Influx(program, self._influx_folder / "data")
        await self._influx.start()
        found = self._influx.settings()
        token = self._influx_folder / "token"
        token.touch(0o600)
        token.write_text(found.token)
        self.stage.telemetry = {
            "kind": "influx",
            "url": found.url,
            "org": found.org,
            "bucket": found.bucket,
            "token_file": str(token),
        }
        say(f"  ✓ InfluxDB at {found.url}")

    async def _play(self) -> Reckoning:
        stage = self.stage
        table = Table(stage, NEWCOMER, "bin-1", "gate-1")
        crowd = self.crowd = Crowd(
            stage.world, [stage.desk("kiosk-2")], ["bin-1"], "gate-2", seed=self.wish.seed
        )
        playground = Playground(table, _sentence, self.doors())
        stage.onlooker.listeners.append(playground.see)
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(stage.onlooker.run(), name="onlooker"),
                tasks.create_task(playground.run(), name="playground"),
            ]
            async with asyncio.timeout(10):
                await stage.onlooker.connected.wait()
            keys = None
            if not self.wish.headless:
                self._welcome(playground.url)
                keys = Keys(self, playground, table)
                background.append(tasks.create_task(keys.run(), name="keys"))
            day = plan(
                self.wish.seed,
                stage.people[1:],
                stage.library[BOOKS:],
                seconds=self.wish.seconds or 4 * 3600.0,
                pace=Pace(gap_s=3.0 if self.wish.headless else 8.0),
            )
            playing = tasks.create_task(crowd.play(day), name="patrons")
            if self.wish.seconds is not None:
                loop = asyncio.get_running_loop()
                loop.call_later(self.wish.seconds, self.ending.set)
            await self.ending.wait()
            crowd.stopping = True
            say("\n  the last patrons finish …")
            await playing
            reckoning = await self._settle()
            for task in background:
                task.cancel()
        return reckoning

    async def _settle(self) -> Reckoning:
        """Wait until everything has arrived, then reckon; what never arrives is counted as lost."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLE_S
        while True:
            await asyncio.sleep(0.5)
            found = reckon(
                self.stage.world, read_ledger(self.stage.ledger_path), self.stage.onlooker, self.points()
            )
            if found.ok or loop.time() > until:
                return found

    def points(self) -> int:
        """Return how many measurements the store holds, asked without the service."""
        if self._influx is not None:
            rows = self._influx.query("SELECT count(*) FROM turnleaf")
            return sum(int(str(value)) for row in rows for value in row[1:] if value is not None)
        import sqlite3

        with sqlite3.connect(f"file:{self.stage.telemetry_path}?mode=ro", uri=True) as db:
            return int(db.execute("SELECT count(*) FROM point").fetchone()[0])

    def console(self, *words: str) -> list[str]:
        """Return a command that speaks to this demo's broker as its technician."""
        return [
            "turnleaf",
            *words,
            "--broker",
            f"{HOST}:{self.stage.broker.ports.operators}",
            "--cert",
            str(self.stage.identity(OPERATOR)),
        ]

    def watch_line(self) -> str:
        """Return a mosquitto_sub line that can be pasted; its certificate reads and never writes."""
        home = self.stage.identity(OBSERVER)
        return (
            f"mosquitto_sub -h {HOST} -p {self.stage.broker.ports.operators} -V 5 --cafile {home}/ca.pem"
            f" --cert {home}/cert.pem --key {home}/key.pem -t 'turnleaf/v1/#' -v"
        )

    def doors(self) -> list[dict[str, str]]:
        """Return the three doors at the foot of the page."""
        ledger = f"sqlite:///{self.stage.ledger_path}"
        binary = ".venv/bin/"
        return [
            {"who": "Librarian", "command": f"{binary}turnleaf ledger show --db {ledger}"},
            {"who": "Technician", "command": binary + " ".join(self.console("console", "--operate"))},
            {"who": "Integrator", "command": self.watch_line()},
        ]

    def _welcome(self, url: str) -> None:
        say(f"\n  Open this page:   {url}")
        if os.environ.get("SSH_CONNECTION"):
            kiosk = self.stage.daemons[NEWCOMER].address().split("/")[2].rsplit(":", 1)[1]
            port = url.split("/")[2].rsplit(":", 1)[1]
            say(f"  over SSH first:   ssh -L {port}:{HOST}:{port} -L {kiosk}:{HOST}:{kiosk} THIS-MACHINE")
        say(f"  The kiosk alone:  {self.stage.daemons[NEWCOMER].address()}")
        say("  The console:      key c, or " + ".venv/bin/" + " ".join(self.console("console")))
        say("  The messages:     key m, or " + self.watch_line())
        say("\n  Keys: c console · m messages in plain words · f faults · q quit\n")


def _sentence(message: Message) -> str:
    return sentence(message.levels, message.body())


async def play(wish: Wish) -> Reckoning:
    """Play the demo; raises TurnleafError when a part does not start."""
    return await Demo(wish).run()


def default_folder() -> Path:
    """Return the demo's folder under the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "turnleaf" / "demo"


def summary(found: Reckoning) -> str:
    """Return the closing lines for people."""
    lines = [
        f"  {found.loans} loans, {found.returns} returns, {found.passages} passages, {found.alarms} alarms,"
        f" {found.messages} messages",
        f"  lost {found.lost}, doubled {found.doubled}",
        *(f"  ✖ {problem}" for problem in found.problems),
    ]
    return "\n".join(lines)
