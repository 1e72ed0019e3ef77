"""A station that kills itself: `python kill_driver.py FOLDER` dies by SIGKILL at each critical moment in turn.

Critical moments are each SQL statement on edge.db and each publish. A child process lends, withdraws,
returns and talks to a central in the same folder; what a commit has promised it (ids) it writes to
`promised`. The parent then opens what the child left, lets it drain and looks. The result is JSON:
how many moments there are, how many children were killed, and what did not hold after which moment.
"""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from reference_central import ReferenceCentral

from wire.clock import Stamper, SystemClock
from wire.edge import Edge
from wire.ids import new_id
from wire.link import Connected, LinkSettings, Outgoing
from wire.link_memory import MemoryBroker, MemoryLink
from wire.messages.base import stamped
from wire.messages.facts import Checkout
from wire.messages.states import CentralStatus
from wire.messages.stream import UPWARD, Answer
from wire.topics import topic
from wire.uplink import Uplink

NEVER = 10**9


class Moments:
    """Counts down to the kill."""

    def __init__(self, at: int) -> None:
        self.left = at

    def pass_one(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalConnection(sqlite3.Connection):
    moments: Moments

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        self.moments.pass_one()
        return super().execute(sql, *args)

    def executemany(self, sql: str, *args: Any) -> sqlite3.Cursor:
        self.moments.pass_one()
        return super().executemany(sql, *args)


class MortalLink(MemoryLink):
    moments: Moments

    def post(self, out: Outgoing) -> bool:
        self.moments.pass_one()
        return super().post(out)


def settings(identity: str, subscriptions: tuple[str, ...]) -> LinkSettings:
    return LinkSettings("memory", 0, identity, ca="", cert="", key="", subscriptions=subscriptions)


class Life:
    """One life of the daemon, with central at the other end of a broker in memory."""

    def __init__(self, folder: Path, moments: Moments) -> None:
        self.folder = folder
        self.moments = moments
        self.stamper = Stamper(SystemClock(), new_id())
        self.answers: asyncio.Queue[tuple[Answer, str]] = asyncio.Queue()

    def connect(self, path: Path) -> sqlite3.Connection:
        factory = type("Connection", (MortalConnection,), {"moments": self.moments})
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=factory)

    def promised(self, row_id: str) -> None:
        with (self.folder / "promised").open("a", encoding="utf-8") as file:
            file.write(row_id + "\n")
            file.flush()
            os.fsync(file.fileno())

    async def __aenter__(self) -> "Life":
        self.broker = MemoryBroker()
        self.central = ReferenceCentral(self.folder / "ledger.db")
        self.edge = await Edge.open(self.folder / "edge.db", stamper=self.stamper, connect=self.connect)
        await self.edge.recover()
        down = (topic("resume", station="k1"), topic("answer", station="k1"), topic("central"))
        self.link = MortalLink(self.broker, settings("k1", down))
        self.link.moments = self.moments
        self.central_link = MemoryLink(self.broker, settings("central", (topic("fact"),)))
        self.uplink = Uplink(
            self.edge,
            self.link,
            "k1",
            self.stamper,
            lambda answer, phase: self.answers.put_nowait((answer, phase)),
        )
        loops = (self.link.run(), self.central_link.run(), self.listen(), self.serve(), self.uplink.run())
        self.tasks = [asyncio.create_task(loop) for loop in loops]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.edge.close()
        self.central.db.close()

    async def listen(self) -> None:
        async for event in self.link.events():
            self.uplink.handle(event)

    async def serve(self) -> None:
        status = CentralStatus(
            state="online", boot=self.central.boot, at=self.stamper.clock.now(), version="0"
        )
        async for event in self.central_link.events():
            if isinstance(event, Connected):
                self.central_link.post(Outgoing(topic("central"), status.encode(), retain=True))
                continue
            assert hasattr(event, "payload")
            for reply in self.central.take("k1", UPWARD.validate_json(event.payload)):
                name = "answer" if isinstance(reply, Answer) else "resume"
                self.central_link.post(Outgoing(topic(name, station="k1"), reply.encode()))
            event.ack()

    async def until(self, reached: Any) -> None:
        async with asyncio.timeout(30):
            while not reached():
                await asyncio.sleep(0.002)

    async def drained(self) -> None:
        await self.until(
            lambda: self.uplink.central is not None and self.edge.held.confirmed == self.edge.held.last
        )

    async def checkout(self, item: str) -> str:
        stamp = stamped(self.stamper.stamp())
        request = await self.edge.request(Checkout(visit="v", card="p1", item=item, **stamp))
        self.promised(request)
        self.uplink.kick()
        return request

    async def morning(self) -> None:
        """Two loans, one taken back, one withdrawn, a return with the link cut, then pruning."""
        await self.drained()
        lent = await self.checkout("A")
        answer, _ = await self.answers.get()
        await self.edge.tag_written(lent, "A", 0xC2)
        self.uplink.kick()
        gone = await self.checkout("B")
        await self.edge.withdraw(gone, "timeout")
        self.uplink.kick()
        self.broker.cut("k1")
        checkin = await self.edge.checkin("A", "kiosk")
        self.promised(checkin)
        await self.edge.secured(checkin, "A", "verified", 0x07)
        self.uplink.kick()
        await self.drained()
        await self.edge.prune(self.stamper.clock.now())
        assert answer.outcome == "granted"


async def live(folder: Path, at: int) -> int:
    moments = Moments(at)
    async with Life(folder, moments) as life:
        await life.morning()
    return at - moments.left


async def come_back(folder: Path) -> list[str]:
    """Open what the killed daemon left, let it drain, and return what does not hold."""
    async with Life(folder, Moments(0)) as life:
        await life.drained()
        ids = [row[0] for row in life.central.db.execute("SELECT fact_id FROM effect")]
        promised = (folder / "promised").read_text().split() if (folder / "promised").exists() else []
        found = [f"lost: {row_id}" for row_id in promised if row_id not in ids]
        if len(ids) != len(set(ids)):
            found.append("doubled")
        hanging = "SELECT count(*) FROM visit WHERE phase IN ('waiting', 'writing')"
        if await life.edge.run(lambda db: db.execute(hanging).fetchone()[0]):
            found.append("a request hangs")
        return found


def killed(folder: Path, at: int) -> bool:
    """Live in a child process; say whether it was killed at moment `at`."""
    folder.mkdir()
    child = os.fork()
    if child == 0:
        asyncio.run(live(folder, at))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def main(folder: Path) -> None:
    (folder / "whole").mkdir()
    moments = asyncio.run(live(folder / "whole", NEVER))
    kills, bad = 0, {}
    for at in range(1, moments + 1):
        kills += killed(folder / str(at), at)
        found = asyncio.run(come_back(folder / str(at)))
        if found:
            bad[at] = found
    print(json.dumps({"moments": moments, "killed": kills, "bad": bad}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
