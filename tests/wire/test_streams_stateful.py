"""The two real ends under every fault at once: any history, then the faults stop, then nothing is missing.

Two machines, as the protocol was explored (docs/streams.md §2): streams with tampered disks and ledgers, and
lending with two kiosks. The directed histories are in `traces`; here hypothesis looks for new ones.
"""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from streams_world import Disk, World

FRONT = st.integers(0, 3)
"""Which message of those on their way: the first few, so that histories shrink well."""


class Network(RuleBasedStateMachine):
    """What both machines share: a network that loses, repeats, delays and reorders; processes that die."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="streams-"))
        self.world = World(self.folder)
        self.backups = 0

    def disk(self, number: int) -> Disk:
        return self.world.disks[number % len(self.world.disks)]

    @initialize(in_step=st.booleans())
    def begin(self, in_step: bool) -> None:
        """Most histories start where most stations are: in step."""
        for disk in self.world.disks if in_step else ():
            disk.connect()
            self.world.settle()

    @rule(number=FRONT)
    def come_back(self, number: int) -> None:
        """A good moment: one station connects and everything arrives, in order."""
        self.disk(number).connect()
        self.world.settle()

    @rule(number=FRONT)
    def connect(self, number: int) -> None:
        self.disk(number).connect()

    @rule(number=FRONT)
    def cut(self, number: int) -> None:
        self.disk(number).cut()

    @rule(number=FRONT)
    def crash(self, number: int) -> None:
        self.disk(number).crash()

    @rule(number=FRONT, seconds=st.sampled_from([0.0, 6.0, 11.0, 301.0]))
    def tick(self, number: int, seconds: float) -> None:
        self.disk(number).tick(seconds)

    @precondition(lambda self: self.world.up)
    @rule(at=FRONT, keep=st.booleans())
    def deliver_up(self, at: int, keep: bool) -> None:
        self.world.deliver_up(at % len(self.world.up), keep=keep)

    @precondition(lambda self: self.world.down)
    @rule(at=FRONT, keep=st.booleans())
    def deliver_down(self, at: int, keep: bool) -> None:
        self.world.deliver_down(at % len(self.world.down), keep=keep)

    @precondition(lambda self: self.world.up or self.world.down)
    @rule()
    def deliver_all(self) -> None:
        self.world.settle()

    @precondition(lambda self: self.world.up)
    @rule(at=FRONT)
    def lose_up(self, at: int) -> None:
        self.world.up.pop(at % len(self.world.up))

    @precondition(lambda self: self.world.down)
    @rule(at=FRONT)
    def lose_down(self, at: int) -> None:
        self.world.down.pop(at % len(self.world.down))

    @precondition(lambda self: self.world.up and not self.world.paused)
    @rule(at=FRONT)
    def pause_central(self, at: int) -> None:
        self.world.pause(at % len(self.world.up))

    @precondition(lambda self: self.world.paused)
    @rule()
    def wake_central(self) -> None:
        self.world.wake()

    @rule()
    def restart_central(self) -> None:
        self.world.restart_central()

    @rule()
    def kill_central_in_a_commit(self) -> None:
        self.world.central.dies = True

    @precondition(lambda self: not self.world.paused and self.backups == 0)
    @rule()
    def back_up_ledger(self) -> None:
        self.world.central.backup(self.folder / "backup.db")
        self.backups += 1

    @precondition(lambda self: not self.world.paused and 0 < self.backups < 4)
    @rule()
    def restore_ledger(self) -> None:
        self.world.restart_central(self.folder / "backup.db")
        self.backups += 1

    @invariant()
    def nothing_is_broken_on_the_way(self) -> None:
        assert self.world.broken == []

    def finish(self) -> list[str]:
        self.world.drain()
        return self.world.problems()

    def teardown(self) -> None:
        try:
            found = self.finish()
        finally:
            self.world.close()
            shutil.rmtree(self.folder)

        assert found == []


class Streams(Network):
    """One station; its disk is cloned, rolled back, made anew; central parks, skips and sets aside."""

    def __init__(self) -> None:
        super().__init__()
        self.pruned: list[str] = []
        self.tampered = 0

    @rule(number=FRONT, what=st.sampled_from(["fact", "fact", "fact", "void", "dead", "poison"]))
    def append(self, number: int, what: str) -> None:
        self.disk(number).append(what)

    @rule(number=FRONT)
    def prune(self, number: int) -> None:
        self.disk(number).prune()

    @rule()
    def operator_retries(self) -> None:
        self.world.central.retry()

    @rule()
    def operator_skips(self) -> None:
        self.world.central.skip()

    @rule(number=FRONT)
    def take_image(self, number: int) -> None:
        disk = self.disk(number)
        disk.copy_to(self.folder / "image.db")
        self.pruned = list(disk.pruned)

    @precondition(lambda self: self.tampered < 3 and (self.folder / "image.db").exists())
    @rule(number=FRONT)
    def roll_back(self, number: int) -> None:
        self.tampered += 1
        self.world.roll_back(self.disk(number), self.folder / "image.db", self.pruned)

    @precondition(lambda self: self.tampered < 3)
    @rule(number=FRONT)
    def make_anew(self, number: int) -> None:
        self.tampered += 1
        self.world.roll_back(self.disk(number), None, [])

    @precondition(lambda self: len(self.world.disks) < 2 and (self.folder / "image.db").exists())
    @rule()
    def clone(self) -> None:
        self.world.add_disk("k1", self.folder / "image.db").pruned = list(self.pruned)


class Lending(Network):
    """Two kiosks, one item, two patrons; disks are honest, everything else is not."""

    def __init__(self) -> None:
        super().__init__()
        self.world.add_disk("k2")
        self.visit: tuple[Disk, str] | None = None
        """The item is in one place: whose pad, and the request that is under way there."""

    @precondition(lambda self: self.visit is None)
    @rule(number=FRONT, patron=st.sampled_from(["p1", "p2"]))
    def ask(self, number: int, patron: str) -> None:
        disk = self.disk(number)
        self.visit = disk, disk.request(patron=patron)

    @precondition(lambda self: self.visit is not None)
    @rule(tag=st.sampled_from(["written", "written", "failed", "crash after", "crash before"]))
    def go_on(self, tag: str) -> None:
        """The kiosk's next step for the item on its pad, as L2-L5 have it."""
        assert self.visit is not None
        disk, request = self.visit
        match disk.store.phases[request], tag:
            case "waiting", _:
                disk.withdraw(request)
            case "writing", "written":
                disk.write_tag(request)
                disk.report_tag(request)
            case "writing", "failed":
                disk.withdraw(request)
            case "writing", "crash after":
                disk.write_tag(request)
                disk.crash()
            case "writing", _:
                disk.crash()
        self.visit = None

    @precondition(lambda self: self.visit is None)
    @rule(number=FRONT)
    def take_back(self, number: int) -> None:
        self.disk(number).take_back()

    @rule(patron=st.sampled_from(["p1", "p2"]))
    def policy_changes(self, patron: str) -> None:
        self.world.central.blocked ^= {patron}

    def finish(self) -> list[str]:
        if self.visit is not None:
            self.go_on("written")
        return super().finish() + self.world.lending_problems()


BUDGET = settings(
    max_examples=200,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestStreams = pytest.mark.timeout(900)(Streams.TestCase)  # finding takes seconds, shrinking minutes
TestStreams.settings = BUDGET
TestLending = pytest.mark.timeout(900)(Lending.TestCase)
TestLending.settings = BUDGET
