"""A group of entries comes to what it comes to entry by entry, whatever is in it and fails in it.

A plan is any row of what kiosks, a bin, a gate and terminals say; it is handed to the desk in groups. One
desk carries each group out as it does, another with a savepoint for each entry from the start, a third with
each input in a transaction of its own.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from desk_kit import START, Station, World, desk_on
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from terminal_kit import TABLES, ZONE, catalogue, charge, prepared
from test_terminal_histories import POLICY, deed

from central import desk, desk_entry
from central.desk_batch import Batch
from central.ledger.rows import millis
from central.results import DeskInput, DeskResult, FromStation
from central.terminal import AtTerminal
from circulation.policy import Policy
from wire.clock import FakeClock
from wire.messages.stream import Answer

ITEMS = ("item-1", "item-2", "item-3", "item-4", "nowhere")
TITLES = {"item-1": "t1", "item-2": "t1", "item-3": "t2"}
OF_CLASS = Policy.model_validate(
    POLICY.model_dump() | {"rules": [{"item": "book", "class_limit": 1}], "defaults": {"overdue_limit": 1}}
)
OFTEN = ("checkout", "checkout", "checkout", "checkin", "checkin", "written", "written", "secured")
SELDOM = (
    "unknown", "withdrawn", "withdrawn", "renew", "offline", "told", "wrong-clock", "passage", "count",
    "garbage", "void", "lost", "hello", "again", "twice",
)  # fmt: skip
BROKEN = ("gap", "bomb")
ASKED = ("lend", "return", "renew", "renew-all", "hold", "hold-title", "drop", "undo-loan", "pay")
STEPS = st.tuples(
    st.sampled_from((*OFTEN * 5, *SELDOM * 2, *ASKED, *BROKEN)),
    st.integers(0, 2),
    st.sampled_from(ITEMS),
    st.integers(1, 4),
)
GROUPS = st.lists(st.lists(STEPS, min_size=4, max_size=30), min_size=1, max_size=3)
Step = tuple[str, int, str, int]

ALL = {
    **TABLES,
    "journal WHERE stream NOT LIKE 'terminal:%'": "fact_id, stream, seq, outcome, kind, at, received, item",
    "answer": "item, outcome, due, renewed, refusal, at",
    "stream": "station, upto, high, high_id, last_at, parked_id",
    "passage": "fact_id, station, at, direction, verdict",
    "count": "fact_id, since, at, entered, departed",
    "dead_letter": "fact_id, stream, seq, body, why",
}


@dataclass
class Script:
    """What is said, the same words whoever listens; entries are meant for `central`."""

    central: str
    clock: FakeClock
    places: list[Station] = field(default_factory=list)
    lent: list[tuple[str, str]] = field(default_factory=list)
    back: list[tuple[str, str]] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        for number, name in enumerate(("k1", "k2", "b1")):
            place = Station(self, name)  # type: ignore[arg-type]  # it needs our clock, and says nothing itself
            place.stream, place.link, place.boot = f"s{number}", f"l{number}", f"b{number}"
            self.places.append(place)

    @property
    def ledger(self) -> Any:
        return type("Boot", (), {"boot": self.central})

    def id(self) -> str:
        self.made += 1
        return f"{self.made:032x}"

    def input(self, step: Step) -> DeskInput:
        self.clock.advance(1)
        what, place, item, number = step
        if what in ASKED:
            do = deed(what, item, f"CARD{number}", number)
            return AtTerminal(f"sc-{place}", "main", ZONE, millis(self.clock.now()), do, "")
        station = self.places[place]
        return FromStation(station.name, self.message(station, what, item, number))

    def message(self, station: Station, what: str, item: str, number: int) -> Any:
        if what == "hello":
            return station.hello(seen=station.id_at(len(station.rows)))
        if what == "again" and station.rows:
            return station.entry(max(1, len(station.rows) - number))
        if what == "lost":
            for _ in range(number):
                station.write({}, entry=self.id())
            return station.lost(len(station.rows) - number, len(station.rows))
        if what == "gap":
            station.write({}, entry=self.id())
        fact = self.lent[-1][0] if what == "twice" and self.lent else self.id()
        seq = station.write(self.body(station, what, item, number, fact), entry=fact)
        if what == "void":
            return station.void(seq)
        told = None
        if what == "told":
            told = Answer(
                request=fact, link="l", central="before", outcome="granted", at=self.clock.now(), item=item,
                due=(self.clock.now() + timedelta(days=3)).date(),
            )  # fmt: skip
        return station.entry(seq, answer=told)

    def body(self, station: Station, what: str, item: str, number: int, fact: str) -> Any:
        card, past = f"CARD{number}", self.clock.now() - timedelta(minutes=number)
        request, of_request = self.lent[-number] if len(self.lent) >= number else (fact, item)
        checkin, of_checkin = self.back[-number] if len(self.back) >= number else (fact, item)
        match what:
            case "checkin":
                self.back.append((fact, item))
                return station.checkin(item)
            case "written":
                return station.written(request, of_request)
            case "unknown":
                return station.tag_unknown(request, of_request)
            case "secured":
                return station.secured(checkin, of_checkin, ("verified", "failed", "unknown")[number % 3])
            case "withdrawn":
                return station.withdrawn(request, "tag-failed")
            case "renew":
                return station.renew(item, card)
            case "passage":
                kept = {"item": item, "secured": True, "verdict": "pass", "case": "lent-but-secured"}
                verdict = "alarm" if number == 1 else "pass"
                return station.passage(direction="out", verdict=verdict, items=(kept,) if number == 2 else ())
            case "count":
                return station.count(number, 0)
            case "garbage":
                return {"schema": "checkout/1", "item": number, "card": [item]}
            case "wrong-clock":
                return station.checkin(item, at=START + timedelta(days=400))
            case "bomb":
                return station.incident("clock-jumped", "bomb")
            case _:
                at = past if what == "offline" else None
                self.lent.append((fact, item))
                return station.checkout(item, card, at=at, offline=what == "offline")


@contextmanager
def a_bug() -> Iterator[None]:
    """An entry that no release of central can apply."""
    real = desk_entry.fact

    def breaks(scene: Any, body: Any) -> Any:
        item = real(scene, body)
        if getattr(body, "detail", "") == "bomb":
            raise RuntimeError("a bug")
        return item

    desk_entry.fact = breaks
    try:
        yield
    finally:
        desk_entry.fact = real


def told(results: list[DeskResult]) -> list[Any]:
    """Return what was said, but for what is random: boot, sealed card."""
    return [
        (
            result.answer and result.answer.model_copy(update={"central": "", "card": None}),
            result.resume and result.resume.model_copy(update={"central": ""}),
            result.alarm,
            type(result.done),
            getattr(result.done, "refusal", None),
        )
        for result in results
    ]


async def carry_out(path: Path, plan: list[list[Step]], policy: Policy, how: str) -> tuple[Any, ...]:
    """Play a plan; return what the ledger holds, what was said and what was left for the feed."""
    path.write_bytes(prepared())
    clock = FakeClock(START)
    if how == "savepoints":
        desk.Batch = lambda group, memory, apart=True: Batch(group, memory, apart=True)  # type: ignore[misc,assignment]
    try:
        async with desk_on(path, clock, policy=policy, seed=False) as world:
            catalogue(world, TITLES)
            charge(world, "patron-1", 150, "f1")
            script, said = Script(world.ledger.boot, clock), list[Any]()
            for group in plan:
                inputs = [script.input(step) for step in group]
                clock.advance(60)
                said += await submitted(world, inputs, apart=how == "apart")
            feed = [
                (type(effect).__name__, getattr(effect, "event", ""), getattr(effect, "station", ""))
                for effect in world.effects()
                if type(effect).__name__ != "ItemsChanged"
            ]
            rows = {
                table: sorted(world.rows(f"SELECT {columns} FROM {table}"), key=repr)
                for table, columns in ALL.items()
            }
            return rows, said, feed
    finally:
        desk.Batch = Batch  # type: ignore[misc]


async def submitted(world: World, inputs: list[DeskInput], *, apart: bool) -> list[Any]:
    if apart:
        return told([await world.desk.submit(given) for given in inputs])
    return told(await asyncio.gather(*(world.desk.enqueue(given) for given in inputs)))


SEEN_AT_THE_GATE = [
    [("checkout", 0, "item-1", 1), ("passage", 2, "item-1", 2), *[("count", 2, "item-1", 1)] * 2],
    [("written", 0, "item-1", 1), *[("count", 2, "item-1", 1)] * 3],
]
"""A gate tells of a lent item that is secured; its tag is read back as it should be in a later group."""


WAITED_FOR = [
    [("hold", 0, "item-4", 2), ("hold-title", 0, "item-3", 2), *[("count", 2, "item-1", 1)] * 3],
    [("checkin", 0, "item-4", 1), ("checkout", 1, "item-4", 1), *[("count", 2, "item-1", 1)] * 3],
    [("checkin", 0, "item-2", 1), ("checkout", 1, "item-2", 1), *[("count", 2, "item-1", 1)] * 3],
]
"""Somebody waits for an item that comes back, and that another patron wants to take, in a later group."""


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@example(SEEN_AT_THE_GATE, POLICY)
@example(WAITED_FOR, POLICY)
@given(GROUPS, st.sampled_from([POLICY, OF_CLASS]))
def test_a_group_comes_to_what_its_entries_come_to(plan: list[list[Step]], policy: Policy) -> None:
    async def all_ways() -> None:
        with tempfile.TemporaryDirectory() as folder, a_bug():
            grouped = await carry_out(Path(folder) / "a.db", plan, policy, "as it does")
            one_by_one = await carry_out(Path(folder) / "b.db", plan, policy, "savepoints")
            apart = await carry_out(Path(folder) / "c.db", plan, policy, "apart")
        assert grouped == one_by_one
        assert grouped[0] == apart[0]
        assert grouped[2] == apart[2]

    prepared()  # no loop may run yet
    asyncio.run(all_ways())
