"""Central asks a library's own system for a gate: bounded, once for an item, and what it hears it keeps."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import central_kit
import pytest
from central_kit import central_on, seed, station

from central import service
from central.authority import Elsewhere
from central.authority_fake import ScriptedAuthority
from central.authority_kinds import Chosen
from central.authority_runner import Patience
from central.ledger.ledger import Ledger
from central.looks import KEPT_MS, STALE_MS, WAITING, Looks, ScriptedLook
from central.results import DeskInput, DeskResult, Mirrored
from wire.clock import FakeClock
from wire.ids import new_id
from wire.link_memory import MemoryBroker
from wire.messages.asks import AskVerdict, ItemChanges, VerdictSaid
from wire.messages.facts import Checkout
from wire.messages.states import CentralStatus
from wire.topics import topic

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
LONG = 20.0


@dataclass
class Bench:
    looks: Looks
    look: ScriptedLook
    clock: FakeClock
    told: list[DeskInput] = field(default_factory=list)

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(LONG):
            while not true():
                await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def bench(folder: Path, at_once: int = 2) -> AsyncIterator[Bench]:
    seed(folder)
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    told: list[DeskInput] = []

    async def submit(given: DeskInput) -> DeskResult:
        told.append(given)
        return DeskResult()

    look, clock = ScriptedLook(), FakeClock(NOW)
    looks = Looks(look, ledger, submit, clock, at_once=at_once)
    running = asyncio.create_task(looks.run())
    try:
        yield Bench(looks, look, clock, told)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        ledger.close()


async def test_what_is_answered_goes_to_the_mirror_under_the_time_of_the_question(tmp_path: Path) -> None:
    async with bench(tmp_path) as world:
        world.look.on_loan = {"A": True, "B": False}
        said = [await world.looks.on_loan(item, LONG) for item in ("A", "B", "C")]
        await world.until(lambda: len(world.told) == 2)

    at = int(NOW.timestamp() * 1000)
    assert said == [True, False, None]
    assert world.told == [Mirrored("A", True, at), Mirrored("B", False, at)]


async def test_who_asks_again_within_seconds_is_told_the_same_without_a_question(tmp_path: Path) -> None:
    async with bench(tmp_path) as world:
        world.look.on_loan = {"A": True}
        await world.looks.on_loan("A", LONG)
        world.look.on_loan = {"A": False}
        again = await world.looks.on_loan("A", LONG)
        world.clock.advance(KEPT_MS / 1000 + 0.01)
        later = await world.looks.on_loan("A", LONG)

    assert (again, later) == (True, False)
    assert world.look.looked == ["A", "A"]


async def test_gates_that_ask_for_one_item_at_once_share_one_question(tmp_path: Path) -> None:
    async with bench(tmp_path) as world:
        world.look.on_loan = {"A": True}
        world.look.let_go.clear()
        asked = [asyncio.create_task(world.looks.on_loan("A", LONG)) for _ in range(5)]
        await world.until(lambda: world.look.looked)
        world.look.let_go.set()
        said = await asyncio.gather(*asked)

    assert said == [True] * 5
    assert world.look.looked == ["A"]


async def test_a_late_answer_is_of_use_all_the_same(tmp_path: Path) -> None:
    async with bench(tmp_path) as world:
        world.look.on_loan = {"A": True}
        world.look.let_go.clear()
        in_time = await world.looks.on_loan("A", 0.01)
        world.look.let_go.set()
        await world.until(lambda: world.told)
        next_time = await world.looks.on_loan("A", LONG)

    assert (in_time, next_time) == (None, True)
    assert world.look.looked == ["A"]


async def test_a_system_that_does_not_answer_piles_nothing_up(tmp_path: Path) -> None:
    async with bench(tmp_path, at_once=2) as world:
        world.look.let_go.clear()
        asked = [asyncio.create_task(world.looks.on_loan(f"I{n}", LONG)) for n in range(WAITING + 10)]
        await world.until(lambda: len(world.look.looked) == 2)
        crowded = world.looks.refused
        world.clock.advance(STALE_MS / 1000 + 0.01)
        world.look.let_go.set()
        await asyncio.gather(*asked)

    assert crowded >= 8
    assert len(world.look.looked) == 2


async def test_an_answer_that_nobody_gave_is_not_kept(tmp_path: Path) -> None:
    async with bench(tmp_path) as world:
        world.look.away = True
        away = await world.looks.on_loan("A", LONG)
        world.look.away, world.look.on_loan = False, {"A": True}
        back = await world.looks.on_loan("A", LONG)

    assert (away, back) == (None, True)


# --- central as it runs ---------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def elsewhere(
    folder: Path, look: ScriptedLook, remote: ScriptedAuthority, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MemoryBroker]:
    seed(folder)
    broker = MemoryBroker()

    class Behind(service.Service):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, Chosen(Elsewhere(), remote, Patience(rest_s=0.01, look_s=0.05), look))

    monkeypatch.setattr(central_kit, "Service", Behind)
    async with central_on(broker, folder):
        yield broker


async def ask(gate: central_kit.Script, item: str) -> bool | None:
    asked = AskVerdict(ask=new_id(), item=item, within_ms=20_000)
    await gate.peer.say(topic("ask", station=gate.name), asked)
    where = topic("answer", station=gate.name)
    (said,) = await gate.peer.until(
        lambda: [one for one in gate.peer.on(where, VerdictSaid) if one.ask == asked.ask]
    )
    assert said.item == item
    return said.on_loan


async def test_a_gate_is_told_what_is_known_elsewhere_and_all_gates_of_the_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = ScriptedLook()
    look.on_loan = {"ITEM-0001": True, "ITEM-0002": False}
    async with (
        elsewhere(tmp_path, look, ScriptedAuthority(), monkeypatch) as broker,
        station(broker, "gate-1") as gate,
    ):
        said = [await ask(gate, item) for item in ("ITEM-0001", "ITEM-0002", "NOT-OURS")]
        changes = await gate.peer.until(lambda: gate.peer.on(topic("changes"), ItemChanges))
        status = CentralStatus.decode(broker.retained[topic("central")].payload)

    assert said == [True, False, None]
    assert [one.s for one in changes[-1].changes] == ["loan"]
    assert status.elsewhere


async def test_while_a_request_is_on_its_way_there_the_ledgers_word_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, remote = ScriptedLook(), ScriptedAuthority(lambda verb, request: "away")
    look.on_loan = {"ITEM-0001": True}
    async with (
        elsewhere(tmp_path, look, remote, monkeypatch) as broker,
        station(broker, "kiosk-1") as kiosk,
        station(broker, "gate-1") as gate,
    ):
        await kiosk.checkin("ITEM-0001")
        said = await ask(gate, "ITEM-0001")

    assert said is False
    assert look.looked == []


async def test_a_checkout_in_doubt_is_a_loan_when_the_system_elsewhere_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, remote = ScriptedLook(), ScriptedAuthority(lambda verb, request: "lose")
    look.on_loan = {"ITEM-0001": True, "ITEM-0002": False}
    async with (
        elsewhere(tmp_path, look, remote, monkeypatch) as broker,
        station(broker, "kiosk-1") as kiosk,
        station(broker, "gate-1") as gate,
    ):
        for item in look.on_loan:
            await kiosk.tell(Checkout(**kiosk.stamp(), visit=new_id(), card="CARD4711", item=item))
        said = [await ask(gate, item) for item in look.on_loan]

    assert said == [True, False]


async def test_with_the_own_ledger_nobody_is_told_to_ask(tmp_path: Path) -> None:
    seed(tmp_path)
    broker = MemoryBroker()
    async with central_on(broker, tmp_path), station(broker, "gate-1") as gate:
        status = CentralStatus.decode(broker.retained[topic("central")].payload)
        said = await ask(gate, "ITEM-0001")

    assert (status.elsewhere, said) == (False, False)
