"""Two real ends and a bad network between them, moved step by step: for the stateful test and the traces.

Disks are real edge.db files (not waited for: synchronous=OFF), central is `reference_central`. The network
keeps every message until a test delivers, repeats or drops it. `drain` stops all faults and lets only
timers and deliveries run; what does not hold then is said by `streams_judge`.
"""

import shutil
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reference_central import Died, Overtaken, Poison, ReferenceCentral, Work
from streams_judge import Judge

from wire.clock import FakeClock, Stamper
from wire.edge import Limits, open_store, recover
from wire.edge.store import EdgeStore, Said
from wire.ids import new_id
from wire.messages.base import stamped
from wire.messages.facts import Body, Checkin, Checkout, Incident, TagWritten, Withdrawn
from wire.messages.stream import Answer, Hello, Resume
from wire.streams.station import Appended, Cut, Fresh, Greet, Talk, Tick

LIMITS = Limits(keep=timedelta(0))


@dataclass
class Sent:
    """A message on its way."""

    station: str
    message: Said | Resume | Answer


class Disk:
    """One live edge.db and the daemon on it."""

    def __init__(self, world: "World", station: str, path: Path) -> None:
        self.world, self.station, self.path = world, station, path
        self.pruned: list[str] = []
        self.met = ""
        """Boot of the last central that this disk accepted a resume of."""
        self.told: dict[str, str] = {}
        self.open()

    def open(self) -> None:
        self.stamper = Stamper(self.world.clock, new_id())
        self.store: EdgeStore
        self.store, _ = open_store(self.path, stamper=self.stamper, limits=LIMITS, synchronous="OFF")
        self.talk = Talk()
        self.recovered = recover(self.store, self.stamper, salvaged=False)
        self.world.note(self)

    def crash(self) -> None:
        self.store.close()
        self.open()

    def copy_to(self, to: Path) -> None:
        to.unlink(missing_ok=True)
        with sqlite3.connect(to) as copy:
            self.store._db.backup(copy)
        copy.close()

    def fresh(self) -> Fresh:
        return Fresh(new_id(), new_id(), new_id())

    def say(self, outcome: tuple[Talk, list[Said]]) -> None:
        self.talk, said = outcome
        self.world.up += [Sent(self.station, message) for message in said]
        self.world.note(self)

    def stamp(self) -> dict[str, object]:
        self.world.clock.advance(1)
        return stamped(self.stamper.stamp())

    def append(self, detail: str = "fact") -> str:
        body = Incident(what="bin-full", detail=detail, **self.stamp())
        return self.record(body if detail != "void" else body.model_copy(update={"detail": "x" * 60_000}))

    def record(self, body: Body) -> str:
        (row_id,) = self.store.record((body,))
        self.kick()
        return row_id

    def kick(self) -> None:
        self.world.note(self)
        self.say(self.store.advance(self.talk, Appended(self.world.now())))

    def connect(self) -> None:
        self.say(self.store.advance(self.talk, Greet(self.world.now(), self.fresh())))

    def cut(self) -> None:
        self.say(self.store.advance(self.talk, Cut()))

    def tick(self, seconds: float = 0.0) -> None:
        self.world.clock.advance(seconds)
        self.say(self.store.advance(self.talk, Tick(self.world.now(), self.fresh())))
        if self.talk.central is not None:
            self.say((self.talk, self.store.waiting(self.talk)))

    def receive(self, message: Resume | Answer) -> None:
        if isinstance(message, Answer):
            phase = self.store.accept(message, self.talk.central)
            if phase is not None:
                self.told[message.request] = phase
            return
        self.say(self.store.heard(self.talk, message, self.world.now(), self.fresh()))
        if self.talk.central == self.world.central.boot:
            self.met = self.world.central.boot

    def prune(self) -> int:
        before = self.store.held
        ids = [row.id for row in self.store._rows(before.first, before.last)]
        count = self.store.prune(self.world.clock.now())
        self.pruned += ids[:count]
        for row_id in ids[:count]:
            if self.met == self.world.central.boot and not self.world.accounted(row_id, strict=True):
                self.world.broken.append("a row was pruned that central never committed")
        return count

    def ids(self) -> list[str]:
        return [row.id for row in self.store._rows(self.store.held.first, self.store.held.last)]

    # --- lending: the hand at the pad ------------------------------------------------------------

    def request(self, item: str = "X", patron: str = "p1") -> str:
        row_id = self.store.request(Checkout(visit="v", card=patron, item=item, **self.stamp()))
        self.kick()
        return row_id

    def withdraw(self, request: str) -> None:
        body = Withdrawn(request=request, reason="timeout", **self.stamp())
        self.store.settle(request, body, only_from=("waiting", "writing"), to="withdrawn")
        self.kick()

    def write_tag(self, request: str, item: str = "X") -> None:
        """Unsecure the tag; the report is a step of its own, so that a test can crash in between."""
        assert self.store.phases[request] == "writing"
        self.world.clear.add(item)

    def report_tag(self, request: str, item: str = "X") -> None:
        body = TagWritten(request=request, item=item, afi=0xC2, **self.stamp())
        self.store.settle(request, body, only_from=("writing",), to="done")
        self.kick()

    def take_back(self, item: str = "X") -> None:
        self.world.clear.discard(item)
        self.record(Checkin(item=item, **self.stamp()))


@dataclass
class World(Judge):
    folder: Path
    up: list[Sent] = field(default_factory=list)
    down: list[Sent] = field(default_factory=list)
    paused: list[tuple[ReferenceCentral, Work]] = field(default_factory=list)
    clear: set[str] = field(default_factory=set)
    """Items whose tag is unsecured, in truth."""
    broken: list[str] = field(default_factory=list)
    cloned: bool = False
    tampered: bool = False
    """A disk was copied or put back, or the ledger was: only then may a station find a fork."""
    claims: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = FakeClock(datetime(2026, 5, 4, 9, 0, tzinfo=UTC))
        self.central = ReferenceCentral(self.folder / "ledger.db")
        self.disks: list[Disk] = []
        self.positions: dict[str, set[tuple[str, int]]] = {}
        self.order: dict[str, int] = {}
        self.began: set[str] = set()
        self.must: set[str] = set()
        self.add_disk("k1")

    def add_disk(self, station: str, source: Path | None = None) -> Disk:
        path = self.folder / f"edge-{len(self.positions)}-{len(self.disks)}-{new_id()[:6]}.db"
        if source is not None:
            shutil.copy(source, path)
            self.cloned = self.tampered = True
        disk = Disk(self, station, path)
        self.disks.append(disk)
        return disk

    def now(self) -> float:
        return self.clock.mono() / 1000

    def note(self, disk: Disk) -> None:
        """Remember where each row has ever stood."""
        held = disk.store.held
        rows = disk.store._rows(held.first, held.last)
        for row in rows:
            self.positions.setdefault(row.id, set()).add((held.stream, row.seq))
            if row.id not in self.order:
                self.order[row.id] = len(self.order)
                self.must.add(row.id)
            if row.kind == "began/1":
                self.began.add(row.id)

    # --- the network -----------------------------------------------------------------------------

    def deliver_up(self, index: int = 0, *, keep: bool = False) -> None:
        sent = self.up[index] if keep else self.up.pop(index)
        try:
            replies = self.central.take(sent.station, sent.message)  # type: ignore[arg-type] # up holds what stations say
        except (Overtaken, Died):
            self.restart_central()
            return
        if isinstance(sent.message, Hello):
            self.note_claim(sent.message)
        self.down += [Sent(sent.station, message) for message in replies]

    def note_claim(self, hello: Hello) -> None:
        """Central has heard of entries up to here: from now on they may not vanish without a word."""
        upto = self.central.row(hello.stream, "").upto
        if hello.last > upto >= self.claims.get(hello.stream, 0):
            self.claims[hello.stream] = hello.last

    def deliver_down(self, index: int = 0, *, keep: bool = False) -> None:
        sent = self.down[index] if keep else self.down.pop(index)
        for disk in list(self.disks):
            if disk.station == sent.station:
                disk.receive(sent.message)  # type: ignore[arg-type] # down holds what central says

    def settle(self) -> None:
        """Deliver everything in order until the network is empty."""
        for _ in range(2000):
            if self.up:
                self.deliver_up()
            elif self.down:
                self.deliver_down()
            else:
                return
        self.broken.append("the two ends never stop talking")

    # --- what goes wrong -------------------------------------------------------------------------

    def restart_central(self, backup: Path | None = None) -> None:
        self.central = self.central.restart(backup)
        if backup is None:
            return
        self.tampered = True
        rows = [row for disk in self.disks for row in self.central.rows(disk.station)]
        self.claims = {row.stream: row.high for row in rows}
        live = {row_id for disk in self.disks for row_id in (*disk.ids(), *disk.pruned)}
        self.must = {row_id for row_id in self.must if row_id in live or self.central.known(row_id)}

    def pause(self, index: int = 0) -> None:
        """Central falls asleep between deciding and committing; another one takes over."""
        sent = self.up.pop(index)
        try:
            work = self.central.load(sent.station, sent.message)  # type: ignore[arg-type] # as above
        except Poison:
            return
        asleep = self.central
        self.central = ReferenceCentral(asleep.path, asleep.blocked)
        self.paused.append((asleep, work))

    def wake(self) -> None:
        asleep, work = self.paused.pop()
        try:
            replies = asleep.finish(work)
        except (Overtaken, sqlite3.Error):
            replies = []
        asleep.db.close()
        self.down += [Sent(work.station, message) for message in replies]

    def roll_back(self, disk: Disk, snapshot: Path | None, pruned: list[str]) -> None:
        """The disk goes back to a snapshot; without one it is made anew."""
        before = {*disk.ids(), *disk.pruned}
        held = disk.store.held
        claimed = self.claims.get(held.stream, 0)
        self.tampered = True
        disk.store.close()
        for end in ("", "-wal", "-shm"):
            disk.path.with_name(disk.path.name + end).unlink(missing_ok=True)
        if snapshot is not None:
            shutil.copy(snapshot, disk.path)
        disk.pruned = list(pruned)
        disk.open()
        live = {row_id for other in self.disks for row_id in (*other.ids(), *other.pruned)}
        for row_id in before - live:
            seqs = [seq for stream, seq in self.positions[row_id] if stream == held.stream]
            if not self.central.known(row_id) and not any(seq <= claimed for seq in seqs):
                self.must.discard(row_id)  # central never heard of it: nobody can account for it

    # --- the end ---------------------------------------------------------------------------------

    def drain(self) -> None:
        """Faults stop, what is in flight is lost, timers run."""
        self.up.clear()
        self.down.clear()
        for asleep, _ in self.paused:
            asleep.db.close()
        self.paused.clear()
        for _ in range(30):
            self.central.retry()
            for disk in list(self.disks):
                if disk.talk.link:
                    disk.tick(301 / len(self.disks))
                else:
                    disk.connect()
            self.settle()
        for disk in self.disks:
            if disk.store.held.confirmed != disk.store.held.last:
                self.broken.append("stuck: rows are open though nothing is wrong any more")

    def close(self) -> None:
        for disk in self.disks:
            disk.store.close()
        for asleep, _ in self.paused:
            asleep.db.close()
        self.central.db.close()
