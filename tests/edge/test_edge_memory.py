"""What the outbox knows without asking its disk: it must be what the disk would say, and cost no more to know."""

import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from wire.clock import FakeClock, Stamper
from wire.edge import EdgeStore, Limits, Phase, open_store
from wire.edge.schema import LOG_PAGES
from wire.errors import DeviceError
from wire.messages.base import stamped
from wire.messages.facts import Checkin, Checkout, Incident, Withdrawn
from wire.messages.stream import Answer, Resume
from wire.streams.station import Fresh, Greet, Talk

START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
LIMITS = Limits(rows=400, bytes=40_000, keep=timedelta(hours=2), keep_rows=12)

DEEDS = (
    "request",
    "return",
    "long incident",
    "grant",
    "grant, card sealed longer",
    "refuse",
    "withdraw",
    "confirm all",
    "confirm some",
    "central restored",
    "fork",
    "damage and say",
    "hours pass",
    "prune",
    "disk full",
    "restart",
)


@dataclass
class Life:
    """One edge.db and what happens to it; the disk may run out of room within a commit."""

    path: Path
    limits: Limits = LIMITS
    store: EdgeStore = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        self.clock = FakeClock(START)
        self.stamper = Stamper(self.clock, "boot")
        self._open()

    def _open(self) -> None:
        self.store, _ = open_store(self.path, stamper=self.stamper, limits=self.limits, synchronous="OFF")

    @property
    def db(self) -> sqlite3.Connection:
        return self.store._db

    def fresh(self) -> str:
        self.number += 1
        return f"n{self.number}"

    def now(self) -> dict[str, object]:
        return dict(stamped(self.stamper.stamp()))

    def do(self, deed: str, pick: int) -> None:
        """Do one thing; a disk or an outbox that is full refuses it, and that is all."""
        try:
            self._do(deed, pick)
        except DeviceError:
            pass
        finally:
            self.db.execute("PRAGMA max_page_count = 1000000")

    def _do(self, deed: str, pick: int) -> None:
        match deed:
            case "request":
                body = {"visit": "v", "card": "c" * (1 + pick), "item": self.fresh(), **self.now()}
                self.store.request(Checkout.model_validate(body))
            case "return":
                body = {"item": self.fresh(), "via": "bin", **self.now()}
                self.store.record((Checkin.model_validate(body),) * (1 + pick % 3))
            case "long incident":
                body = {"what": "bin-full", "detail": "x" * (pick * 10), **self.now()}
                self.store.record((Incident.model_validate(body),))
            case "grant" | "grant, card sealed longer" | "refuse":
                self.answer(pick, deed)
            case "withdraw" if self.store.unsettled:
                request = sorted(self.store.unsettled)[pick % len(self.store.unsettled)]
                body = {"request": request, "reason": "timeout", **self.now()}
                moves: tuple[Phase, ...] = ("waiting", "writing")
                self.store.settle(request, Withdrawn.model_validate(body), only_from=moves, to="withdrawn")
            case "confirm all":
                self.resume(self.store.held.last)
            case "confirm some" | "central restored":
                self.resume(pick % (self.store.held.last + 1))
            case "fork":
                self.resume(self.store.held.last + 1 + pick)
            case "damage and say":
                seq = max(self.store.held.first, self.store.held.last - pick)
                self.db.execute("UPDATE outbox SET crc = crc + 1 WHERE seq = ?", (seq,))
                self.store.messages(Talk(link="l", central="C"), self.store.held.first, self.store.held.last)
            case "hours pass":
                self.clock.advance(3600 * (1 + pick % 4))
            case "prune":
                self.store.prune(self.clock.now(), at_most=1 + pick)
            case "disk full":
                self.db.execute(
                    f"PRAGMA max_page_count = {self.db.execute('PRAGMA page_count').fetchone()[0]}"
                )
                for _ in range(1 + pick):
                    self._do("long incident", 40)
            case "restart":
                self.store.close()
                self._open()

    def answer(self, pick: int, how: str) -> None:
        waiting = sorted(one for one, phase in self.store.phases.items() if phase == "waiting")
        if waiting:
            said = {
                "request": waiting[pick % len(waiting)],
                "central": "C",
                "outcome": "refused" if how == "refuse" else "granted",
                "at": START,
            }
            if how == "grant, card sealed longer":
                said["card"] = "sealed:" + "s" * (pick * 3)
            self.store.accept(Answer.model_validate(said), "C")

    def resume(self, upto: int) -> None:
        """Central says how far it is: further than we ever were means that this disk is not the only one."""
        held = self.store.held
        talk, _ = self.store.advance(Talk(), Greet(0, Fresh("l", "s", "b")))
        row = self.db.execute("SELECT id FROM outbox WHERE seq = ?", (upto,)).fetchone()
        known = held.pruned_id if upto == held.pruned_seq else row[0] if row else ""
        resume = Resume(stream=held.stream, link="l", central="C", upto=upto, id=known, high=0, high_id="")
        fork = Fresh(self.fresh(), self.fresh(), self.fresh())
        self.store.heard(talk, resume, 0, fork)

    def asked(self) -> tuple[int, int, str | None]:
        """What waits, as the disk tells it: rows, bytes that central never had, the time of the first."""
        found = self.db.execute(
            "SELECT length(body) * (seq > known), at FROM outbox, stream WHERE seq > confirmed ORDER BY seq"
        ).fetchall()
        return len(found), sum(size for size, _ in found), found[0][1] if found else None

    def mirrored(self) -> tuple[int, int, str | None]:
        """The same, as the outbox knows it."""
        depth = self.store.depth
        oldest = None if depth.oldest is None else depth.oldest.isoformat(timespec="milliseconds")
        return depth.open, self.store._open_bytes, oldest


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(
    [("request", 0), ("request", 0), ("request", 1), ("damage and say", 0), ("grant, card sealed longer", 0)]
)
@given(st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 40)), min_size=5, max_size=60))
def test_what_waits_is_always_what_the_disk_would_say(history: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        life = Life(Path(folder) / "edge.db")
        for deed, pick in history:
            life.do(deed, pick)

            assert life.asked() == life.mirrored(), deed
        life.store.close()


def steps_of_an_answer(path: Path, waiting: int) -> int:
    """How many steps SQLite takes for one answer while so many entries wait; a count, not a time."""
    life = Life(path, Limits())
    for _ in range(waiting):
        life.do("request", 5)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    life.db.set_progress_handler(step, 1)
    life.answer(0, "grant, card sealed longer")
    life.db.set_progress_handler(None, 0)
    life.store.close()
    return steps


def test_an_answer_costs_no_more_when_much_waits(tmp_path: Path) -> None:
    few = steps_of_an_answer(tmp_path / "few.db", 10)
    many = steps_of_an_answer(tmp_path / "many.db", 2_000)

    assert many < few * 1.5, (few, many)


def test_a_damaged_entry_costs_no_more_when_much_waits(tmp_path: Path) -> None:
    counted = []
    for waiting in (10, 2_000):
        life = Life(tmp_path / f"{waiting}.db", Limits())
        for _ in range(waiting):
            life.do("request", 5)
        life.db.execute("UPDATE outbox SET crc = 1 WHERE seq = 5")
        steps: list[int] = []
        life.db.set_progress_handler(lambda steps=steps: steps.append(1), 1)  # type: ignore[misc]  # bound now
        life.store.messages(Talk(link="l", central="C"), 5, 5)
        life.db.set_progress_handler(None, 0)
        life.store.close()
        counted.append(len(steps))

    assert counted[1] < counted[0] * 1.5, counted


def test_the_log_is_folded_into_the_file_when_nobody_waits_and_not_by_a_patrons_commit(
    tmp_path: Path,
) -> None:
    path, log = tmp_path / "edge.db", tmp_path / "edge.db-wal"
    life = Life(path, Limits())
    life.store.prune(life.clock.now())
    before = path.read_bytes()
    for _ in range(400):
        life.do("request", 5)
    grown, after = log.stat().st_size, path.read_bytes()
    life.store.prune(life.clock.now())
    emptied = log.stat().st_size
    life.store.close()

    assert grown > 1_000 * 4096
    assert before == after
    assert emptied == 0


def test_a_log_that_nobody_folds_is_bounded(tmp_path: Path) -> None:
    life = Life(tmp_path / "edge.db", Limits())
    for _ in range(3_000):
        life.do("request", 40)
    grown = (tmp_path / "edge.db-wal").stat().st_size
    life.store.close()

    assert grown < (LOG_PAGES + 100) * 4200
