"""Whatever kiosks and terminals do to one another's items, holds and fees: what must hold, holds.

A plan is any row of requests by kiosks and terminals, some told late, some undone, with payments and holds
in between, and with the desk ended and opened again anywhere. At most one loan is open per item and what is
stored is the fold of the history; a refusal changes nothing; what was paid is what the fees say; nobody waits
for an item that stands on the shelf; fines follow from the history; and without the interruptions it all
comes to the same.
"""

import asyncio
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from desk_kit import START, Station, World, desk_on
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from terminal_kit import Terminal, catalogue, charge, dump, prepared

from central.desk_fees import settle_fines
from central.desk_scene import Scene
from central.terminal import Do, DropHold, Lend, Pay, PlaceHold, Refused, Renew, RenewAll, Return
from circulation.history import Returned, fold
from circulation.policy import Policy
from wire.clock import FakeClock
from wire.ids import new_id

ITEMS = ("item-1", "item-2", "item-3")
TITLES = {"item-1": "t1", "item-2": "t1", "item-3": "t2"}
POLICY = Policy.model_validate(
    {
        "retention": {"loan_days": 3650},
        "defaults": {"loan_days": 3, "limit": 2},
        "fees": {"fine_per_day": "0.20", "block_at": "2.00"},
        "holds": {"ready_days": 2},
    }
)
Step = tuple[int, str, str, int]
"""Seconds waited, what is done, on which item, by which patron."""

AT_TERMINALS = (
    "lend", "lend", "return", "return", "undo-loan", "undo-return", "renew", "renew-all", "hold", "hold",
    "hold-title", "drop", "pay", "told-loan", "told-return",
)  # fmt: skip
AT_KIOSKS = ("kiosk-lend", "kiosk-lend", "kiosk-offline", "bin", "bin")
STEPS = st.tuples(
    st.integers(10, 200_000),
    st.sampled_from((*AT_TERMINALS, *AT_KIOSKS, "upkeep", "upkeep")),
    st.sampled_from(ITEMS),
    st.integers(1, 3),
)


@dataclass
class Place:
    """The stations and terminals of a library, whichever life of the desk they meet."""

    world: World
    kiosk: Station = field(init=False)
    bin: Station = field(init=False)

    def __post_init__(self) -> None:
        self.kiosk, self.bin = Station(self.world), Station(self.world, "b1")

    def meet(self, world: World) -> None:
        self.world = self.kiosk.world = self.bin.world = world

    async def do(self, step: Step) -> None:
        wait, what, item, number = step
        self.world.clock.advance(wait)
        if what in AT_KIOSKS:
            await self.at_kiosk(what, item, f"CARD{number}", wait % 3)
            return
        terminal = Terminal(self.world, f"sc-{number}", "main" if number < 3 else "north")
        before = dump(self.world)
        at = self.world.clock.now() - timedelta(days=2 if what.startswith("told") else 0)
        done = await terminal.ask(deed(what, item, f"CARD{number}", wait), at=at)
        if isinstance(done, Refused):
            assert dump(self.world) == before

    async def at_kiosk(self, what: str, item: str, card: str, fate: int) -> None:
        request, kiosk = new_id(), self.kiosk
        if what == "bin":
            await self.bin.take_back(item)
            return
        self.world.clock.advance(1)
        said = await kiosk.send(kiosk.checkout(item, card, offline=what == "kiosk-offline"), entry=request)
        assert said.answer is not None
        if said.answer.outcome == "granted":
            undone = fate == 0 and what == "kiosk-lend"
            await kiosk.send(
                kiosk.withdrawn(request, "tag-failed") if undone else kiosk.written(request, item)
            )


def deed(what: str, item: str, card: str, wait: int) -> Do:
    deeds: dict[str, Do] = {
        "lend": Lend(card, item, renewal=wait % 2 == 0),
        "return": Return(item),
        "undo-loan": Return(item, cancel=True),
        "undo-return": Lend(card, item, cancel=True),
        "renew": Renew(card, item),
        "renew-all": RenewAll(card),
        "hold": PlaceHold(card, item, pickup="main" if wait % 2 else "north"),
        "hold-title": PlaceHold(card, title_id="t1"),
        "drop": DropHold(card, item),
        "pay": Pay(card, 1 + wait % 60, f"k-{wait}"),
        "told-loan": Lend(card, item, happened=True),
        "told-return": Return(item, happened=True),
    }
    return deeds[what]


async def play(path: Path, plan: list[Step], *, ended: bool) -> dict[str, list[tuple[Any, ...]]]:
    """Play a plan; at each *upkeep* the desk ends and is opened again, or (not `ended`) just keeps up."""
    path.write_bytes(prepared())
    lives: list[list[Step]] = [[]]
    for step in plan:
        lives[-1].append(step)
        if step[1] == "upkeep":
            lives.append([])
    clock, place = FakeClock(START), None
    for life in lives if ended else [plan]:
        async with desk_on(path, clock, policy=POLICY, seed=False) as world:
            if place is None:
                place = Place(world)
                catalogue(world, TITLES)
                charge(world, "patron-1", 150, "f1")
            place.meet(world)
            for step in life:
                if step[1] == "upkeep":
                    clock.advance(step[0])
                    await world.desk.upkeep()
                else:
                    await place.do(step)
            check(world, plan)
            told = dump(world)
    return told


def check(world: World, plan: list[Step]) -> None:
    offline = any(what in ("kiosk-offline", "told-loan") for _, what, _, _ in plan)
    for item in ITEMS:
        events, stored = world.ledger.hot.history(item)
        folded, row = fold(events), world.ledger.hot.item(item)
        assert row is not None
        assert row.state == folded.state
        assert [k for k, end in stored.items() if end is None] == (
            [folded.state.loan] if folded.state.loan else []
        )
        kept = world.rows(
            "SELECT hold FROM hold WHERE ready_item = ? AND state IN ('waiting', 'ready')", item
        )
        assert len(kept) <= 1
        assert not kept or folded.state.loan is None or offline
        last = next((event for event in events if event.id == folded.state.last_id), None)
        if isinstance(last, Returned) and not kept:
            waiting = world.rows(
                "SELECT placed FROM hold WHERE state = 'waiting' AND ready_item IS NULL"
                " AND (item = ? OR (item IS NULL AND title_id = ?)) AND placed < ?",
                item, TITLES[item], last.at,
            )  # fmt: skip
            assert waiting == []
    check_money(world)


def check_money(world: World) -> None:
    paid = world.rows("SELECT coalesce(sum(paid), 0) FROM fee")
    assert paid == world.rows("SELECT coalesce(sum(amount), 0) FROM payment")
    assert world.rows("SELECT count(*) FROM fee WHERE paid > amount OR amount < 0") == [(0,)]
    assert world.rows("SELECT count(*) FROM hold WHERE state = 'ready' AND ready_until IS NULL") == [(0,)]
    numbers = [n for (n,) in world.rows("SELECT n FROM hold ORDER BY placed, n")]
    assert numbers == sorted(numbers)


async def fines_of(path: Path, clock: FakeClock) -> None:
    """Work every fine out once more: nothing moves."""
    async with desk_on(path, clock, policy=POLICY, seed=False) as world:
        before = world.rows("SELECT * FROM fee ORDER BY fee")

        def anew(group: Any) -> None:
            for item in ITEMS:
                row = group.hot.item(item)
                settle_fines(Scene(group, group.hot, "", "main", "UTC", "", "", group.now), row)

        world.desk._transactions.whole(anew)
        assert world.rows("SELECT * FROM fee ORDER BY fee") == before


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@example(
    [(10, "hold", "item-1", n) for n in (2, 1)]
    + [(10, "return", "item-1", 1), (10, "told-loan", "item-1", 2)]
)
@given(st.lists(STEPS, max_size=22))
def test_whatever_kiosks_and_terminals_do_what_must_hold_holds(plan: list[Step]) -> None:
    async def days() -> None:
        with tempfile.TemporaryDirectory() as folder:
            broken = await play(Path(folder) / "a.db", plan, ended=True)
            whole = await play(Path(folder) / "b.db", plan, ended=False)
            assert broken == whole
            await fines_of(Path(folder) / "a.db", FakeClock(START))

    prepared()  # no loop may run yet
    asyncio.run(days())
