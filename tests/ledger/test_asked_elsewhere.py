"""A library's own system decides (design §4): asked, sent, granted or refused, confirmed, undone or a case.

A history is played against a real ledger file and the fake system, which grants, refuses, is slow, loses
answers or is away. Central is killed at any await: its runner and its desk are dropped, the file is opened
again, and the station sends what it still holds. At the end all that is left over is carried on in peace.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from desk_kit import KEY, REGISTRY, START, Station, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central.authority import Elsewhere, Request, Said
from central.authority_fake import Manner, ScriptedAuthority
from central.authority_runner import Patience, Runner
from central.authority_states import FINAL, IN_FLIGHT, Verb
from central.desk import Desk
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from central.ledger.seed import Registry, load
from central.results import DeskInput, DeskResult, Pushed
from circulation.policy import Policy
from wire.clock import FakeClock
from wire.ids import new_id

PATIENCE = Patience(
    at_once=4, call_s=30, stale_s=20, give_up_s=900, rest_s=0.0005, rest_most_s=0.001, look_s=0.01
)


class Killed(Exception):
    """The process ends here."""


@dataclass
class Doom:
    """Counts the awaits at which a process may die, and ends it at one of them."""

    left: int | None = None
    at: str = ""

    async def pause(self, where: str) -> None:
        if where == self.at:
            self.at = ""
            raise Killed(where)
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Killed(where)


@dataclass
class Library:
    """One ledger file, one system elsewhere, and a central that can be killed."""

    path: Path
    remote: ScriptedAuthority
    clock: FakeClock = field(default_factory=lambda: FakeClock(START))
    doom: Doom = field(default_factory=Doom)
    pushed: dict[str, str] = field(default_factory=dict)
    """What stations were told: request -> outcome."""
    patience: Patience = PATIENCE
    dooms: list[int] = field(default_factory=list)
    """After how many awaits each life ends; the later ones do not."""

    @contextlib.asynccontextmanager
    async def central(self, *, seed: bool = False) -> AsyncIterator[World]:
        policy = Policy()
        ledger = Ledger.open(f"sqlite:///{self.path}", policy=policy, clock=self.clock)
        if seed:
            load(ledger.hot, Registry.model_validate(REGISTRY), millis(self.clock.now()))
        desk = Desk(ledger, Elsewhere(), policy, self.clock, KEY)

        async def submit(given: DeskInput) -> DeskResult:
            await self.doom.pause("before the commit")
            result = await desk.submit(given)
            await self.doom.pause("after the commit")
            return result

        self.remote.pause = self.doom.pause
        running = asyncio.create_task(desk.run())
        await desk.upkeep()
        runner = asyncio.create_task(
            Runner(self.remote, submit, desk.asked, ledger.boot, self.patience).run()
        )
        world = World(desk, ledger, self.clock, self.path)
        world.alarms.append(runner)
        try:
            yield world
        finally:
            for task in (runner, running):
                task.cancel()
            await asyncio.gather(runner, running, return_exceptions=True)
            self.take_pushed(world)
            ledger.close()

    def take_pushed(self, world: World) -> None:
        for effect in world.effects():
            if isinstance(effect, Pushed):
                self.pushed[effect.answer.request] = effect.answer.outcome

    async def until(self, world: World, true: Any) -> bool:
        """Wait until `true()`; False when central died before."""
        (runner,) = world.alarms
        async with asyncio.timeout(30):
            while not true():
                if runner.done():
                    return False
                await asyncio.sleep(0.001)
        return True


def rows(library: Library) -> list[tuple[str, str, str | None]]:
    import sqlite3

    db = sqlite3.connect(library.path)
    try:
        return db.execute("SELECT request, state, outcome FROM asked ORDER BY n").fetchall()
    finally:
        db.close()


def states(library: Library) -> dict[str, str]:
    return {request: state for request, state, _ in rows(library)}


@contextlib.asynccontextmanager
async def library_in(folder: Path, script: Any = None) -> AsyncIterator[tuple[Library, World, Station]]:
    remote = ScriptedAuthority(script) if script else ScriptedAuthority()
    library = Library(folder / "l.db", remote)
    async with library.central(seed=True) as world:
        yield library, world, Station(world)


async def test_a_request_is_consumed_at_once_and_its_answer_comes_later(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "slow") as (library, world, kiosk):
        request = new_id()
        said = await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        after = await kiosk.send(kiosk.count(1, 0))
        again = await kiosk.say(kiosk.entry(1))
        await library.until(world, lambda: states(library)[request] == "sent")

        assert (said.answer, again.answer) == (None, None)
        assert (said.resume and said.resume.upto, after.resume and after.resume.upto) == (1, 2)
        assert world.loans() == set()
        library.remote.let_go.set()
        await library.until(world, lambda: states(library)[request] == "granted")
        stored = (await kiosk.say(kiosk.entry(1))).answer
        library.take_pushed(world)
        await kiosk.send(kiosk.written(request, "item-1"))

        assert stored is not None
        assert (stored.outcome, library.pushed) == ("granted", {request: "granted"})
        assert world.loans() == {("item-1", "patron-1")}
        assert states(library)[request] == "confirmed"


async def test_a_refusal_there_is_the_answer_here(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "refuse") as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "confirmed")
        answer = (await kiosk.say(kiosk.entry(1))).answer

        assert answer is not None
        assert answer.refusal is not None
        assert (answer.outcome, answer.refusal.code, world.loans()) == ("refused", "limit-reached", set())


async def test_a_grant_that_comes_after_the_patron_left_is_undone_there(tmp_path: Path) -> None:
    def script(verb: Verb, request: Request) -> Manner:
        return "slow" if verb == "carry-out" else "well"

    async with library_in(tmp_path, script) as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "sent")
        await kiosk.send(kiosk.withdrawn(request))
        library.remote.let_go.set()
        await library.until(world, lambda: states(library)[request] == "undone")
        library.take_pushed(world)

        assert (library.remote.loans, world.loans(), library.pushed) == ({}, set(), {})
        assert library.remote.sends["undo", request] == 1


async def test_a_loan_withdrawn_after_its_grant_is_undone_there_too(tmp_path: Path) -> None:
    async with library_in(tmp_path) as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "granted")
        await kiosk.send(kiosk.withdrawn(request, "tag-failed"))
        await library.until(world, lambda: states(library)[request] == "undone")

        assert (library.remote.loans, world.loans()) == ({}, set())


async def test_what_was_withdrawn_before_it_was_sent_is_never_sent(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "away") as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await kiosk.send(kiosk.withdrawn(request))
        await library.until(world, lambda: states(library)[request] == "undone")

        assert not library.remote.sends


async def test_a_lost_answer_is_settled_by_asking_and_nothing_is_sent_again(tmp_path: Path) -> None:
    def script(verb: Verb, request: Request) -> Manner:
        return "lose" if verb == "carry-out" else "well"

    async with library_in(tmp_path, script) as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "granted")

        assert library.remote.sends == {("carry-out", request): 1, ("settle", request): 1}
        assert world.loans() == {("item-1", "patron-1")}


async def test_what_nobody_can_settle_is_refused_and_a_case(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "lose") as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "unknown")
        library.clock.advance(901)
        await library.until(world, lambda: library.take_pushed(world) or library.pushed)

        assert library.pushed == {request: "refused"}
        assert world.cases() == {f"outcome-unknown-elsewhere:{request}"}


async def test_a_patron_who_waits_for_an_absent_system_is_told_and_returns_wait_for_it(
    tmp_path: Path,
) -> None:
    manner: list[Manner] = ["away"]
    async with library_in(tmp_path, lambda verb, request: manner[0]) as (library, world, kiosk):
        request, back = new_id(), new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await kiosk.send(kiosk.checkin("item-2"), entry=back)
        library.clock.advance(21)
        await library.until(world, lambda: states(library)[request] == "confirmed")
        library.clock.advance(3600)
        manner[0] = "well"
        await library.until(world, lambda: states(library)[back] == "confirmed")
        library.take_pushed(world)

        assert library.pushed == {request: "refused"}
        assert library.remote.sends == {("carry-out", back): 1}


async def test_a_renewal_that_was_withdrawn_too_late_is_a_case(tmp_path: Path) -> None:
    async with library_in(tmp_path) as (library, world, kiosk):
        first, more = new_id(), new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=first)
        await library.until(world, lambda: states(library)[first] == "granted")
        await kiosk.send(kiosk.written(first, "item-1"))
        await kiosk.send(kiosk.renew("item-1", "CARD1"), entry=more)
        await library.until(world, lambda: states(library)[more] == "confirmed")
        await kiosk.send(kiosk.withdrawn(more))

        assert states(library)[more] == "case"
        assert world.cases() == {f"renewal-elsewhere-not-undone:{more}"}


async def test_a_loan_made_offline_is_told_there_and_stays_whatever_is_said(tmp_path: Path) -> None:
    class No(ScriptedAuthority):
        async def carry_out(self, request: Request) -> Said:
            assert request.happened
            from wire.messages.stream import Refusal

            return Refusal(code="card-blocked")

    library = Library(tmp_path / "l.db", No())
    async with library.central(seed=True) as world:
        kiosk, request = Station(world), new_id()
        said = await kiosk.send(kiosk.checkout("item-1", "CARD1", offline=True), entry=request)
        await kiosk.send(kiosk.written(request, "item-1"))
        await library.until(world, lambda: states(library)[request] == "case")

        assert said.answer is not None
        assert said.answer.outcome == "granted"
        assert world.loans() == {("item-1", "patron-1")}
        assert world.cases() == {f"checkout-refused-elsewhere:{request}"}


async def test_when_the_authority_changes_what_was_open_is_for_a_person(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "lose") as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "unknown")
        world.alarms[0].cancel()
        left = await world.desk.abandon()

        assert (left, states(library)[request]) == (1, "case")
        assert world.cases() == {f"authority-changed:{request}"}


async def test_who_asked_is_forgotten_once_all_is_said(tmp_path: Path) -> None:
    async with library_in(tmp_path, lambda verb, request: "refuse") as (library, world, kiosk):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library)[request] == "confirmed")
        before = world.rows("SELECT card FROM asked")
        await world.desk.upkeep()

        assert before == [("CARD1",)]
        assert world.rows("SELECT card, patron FROM asked") == [(None, None)]


# --- any history, with deaths

DEEDS = st.lists(
    st.tuples(
        st.sampled_from(
            ["lend", "lend", "lend", "renew", "give-up", "write", "return", "wait", "settle down"]
        ),
        st.integers(1, 2),
        st.integers(1, 2),
        st.integers(0, 12),
    ),
    max_size=12,
)
MANNERS = st.lists(st.sampled_from(["well", "well", "refuse", "lose", "away", "slow", "mute"]), max_size=20)


@dataclass
class Patron:
    """What the kiosk knows of its requests; L2 to L5."""

    waiting: dict[str, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)


def reached(library: Library) -> None:
    """What must hold at any moment: read from the file."""
    import sqlite3

    db = sqlite3.connect(library.path)
    try:
        for of in ("item", "patron"):
            marks = ", ".join(f"'{state}'" for state in sorted(IN_FLIGHT))
            crowd = db.execute(
                f"SELECT {of}, count(*) FROM asked WHERE state IN ({marks}) AND {of} IS NOT NULL"
                f" GROUP BY {of} HAVING count(*) > 1"
            ).fetchall()
            assert crowd == []
        unfounded = db.execute(
            "SELECT request FROM loan WHERE request NOT IN"
            " (SELECT request FROM asked WHERE outcome IN ('granted', 'renewed'))"
        ).fetchall()
        assert unfounded == []
    finally:
        db.close()


async def play(library: Library, deeds: list[tuple[str, int, int, int]]) -> tuple[Station, Patron]:
    """Play one history; after each death the ledger is opened anew and the stream goes on."""
    patron = Patron()
    kiosk: Station | None = None
    todo = list(deeds)
    first = True
    sent = 0
    while first or todo:
        async with library.central(seed=first) as world:
            first = False
            kiosk = kiosk or Station(world)
            kiosk.world = world
            library.doom.left = library.dooms.pop(0) if library.dooms else None
            while not world.alarms[0].done():
                while sent < len(kiosk.rows):  # what the station holds goes to this central
                    await kiosk.say(kiosk.entry(sent + 1))
                    sent += 1
                if not todo:
                    break
                what, item, card, number = todo.pop(0)
                if what == "settle down":
                    await library.until(world, lambda: idle(library))
                    continue
                do(kiosk, library, world, patron, what, item, card, number)
        reached(library)
    assert kiosk is not None
    return kiosk, patron


def idle(library: Library) -> bool:
    """Whether nothing more will happen by itself (a slow call waits for us)."""
    return not any(state in ("asked", "undo", "unknown") for state in states(library).values())


def do(
    kiosk: Station, library: Library, world: World, patron: Patron, what: str, item: int, card: int, wait: int
) -> None:
    library.clock.advance(1)
    library.take_pushed(world)
    told = library.pushed
    match what:
        case "lend" | "renew":
            request = new_id()
            body = kiosk.checkout if what == "lend" else kiosk.renew
            kiosk.write(body(f"item-{item}", f"CARD{card}"), entry=request)
            if what == "lend":
                patron.waiting[request] = f"item-{item}"
        case "give-up":
            for request in [one for one in patron.waiting if one not in told]:
                patron.left.add(request)
                patron.waiting.pop(request)
                kiosk.write(kiosk.withdrawn(request))
        case "write":
            for request, of in list(patron.waiting.items()):
                if request in told:
                    patron.waiting.pop(request)
                    if told[request] == "granted":
                        patron.written.add(request)
                        kiosk.write(kiosk.written(request, of))
        case "return":
            kiosk.write(kiosk.checkin(f"item-{item}"))
        case "wait":
            library.clock.advance(wait)
            library.remote.let_go.set()
        case _:
            raise AssertionError(what)


async def peace(library: Library, kiosk: Station, patron: Patron) -> None:
    """All faults stop; the station gives up what it waits for; whatever is left over goes on to its end."""
    library.doom.left = None
    library.remote.script = lambda verb, request: "well"
    library.remote.let_go.set()
    for request in patron.waiting:
        patron.left.add(request)
        kiosk.write(kiosk.withdrawn(request))
    async with library.central() as world:
        kiosk.world = world
        for number in range(1, len(kiosk.rows) + 1):
            await kiosk.say(kiosk.entry(number))
        open_ = FINAL | {"granted"}
        await library.until(world, lambda: all(state in open_ for state in states(library).values()))
        library.clock.advance(3600)
        await world.desk.upkeep()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(DEEDS, MANNERS, st.lists(st.integers(0, 15), max_size=6))
def test_whatever_fails_nothing_is_sent_twice_and_nobody_is_lent_to_after_leaving(
    deeds: list[tuple[str, int, int, int]], manners: list[Manner], dooms: list[int]
) -> None:
    async def history(folder: Path) -> None:
        left = list(manners)

        def script(verb: Verb, request: Request) -> Manner:
            return left.pop(0) if left else "well"

        library = Library(folder / "l.db", ScriptedAuthority(script), dooms=list(dooms))
        library.patience = replace(PATIENCE, call_s=0.02)
        kiosk, patron = await play(library, deeds)
        await peace(library, kiosk, patron)
        reached(library)
        ended = rows(library)
        world_loans = dict(_loans(library.path))

        assert {state for _, state, _ in ended} <= FINAL
        carried = [n for (verb, _), n in library.remote.sends.items() if verb == "carry-out"]
        assert all(n == 1 for n in carried)
        assert library.remote.crowded == 0
        assert not patron.left & set(world_loans.values())
        cases = {request for request, state, _ in ended if state == "case"}
        for item, lent in library.remote.loans.items():
            assert lent.request not in patron.left or lent.request in cases, item

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(history(Path(folder)))


def _loans(path: Path) -> list[tuple[str, str]]:
    import sqlite3

    db = sqlite3.connect(path)
    try:
        return db.execute("SELECT item, request FROM loan WHERE ended IS NULL AND NOT withdrawn").fetchall()
    finally:
        db.close()


@pytest.mark.parametrize("number", range(14))
async def test_killed_at_each_await_of_one_loan_it_is_lent_once(tmp_path: Path, number: int) -> None:
    library = Library(tmp_path / "l.db", ScriptedAuthority(), doom=Doom(number))
    async with library.central(seed=True) as world:
        kiosk, request = Station(world), new_id()
        with contextlib.suppress(asyncio.CancelledError):
            await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await library.until(world, lambda: states(library).get(request) == "granted")
    async with library.central() as world:
        kiosk.world = world
        await kiosk.say(kiosk.entry(1))
        done = ("granted", "confirmed")
        await library.until(world, lambda: states(library)[request] in done)
        answer = (await kiosk.say(kiosk.entry(1))).answer

        assert answer is not None
        assert library.remote.sends["carry-out", request] <= 1
        assert (answer.outcome == "granted") == (world.loans() == {("item-1", "patron-1")})
        assert (answer.outcome == "granted") == ("item-1" in library.remote.loans)


async def test_after_a_death_an_authority_that_is_away_is_asked_again_and_not_sent_to(tmp_path: Path) -> None:
    manners: list[Manner] = ["well", "away", "away"]
    remote = ScriptedAuthority(lambda verb, request: manners.pop(0) if manners else "well")
    library = Library(tmp_path / "l.db", remote, doom=Doom(at="after carry-out"))
    async with library.central(seed=True) as world:
        kiosk, request = Station(world), new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        assert not await library.until(world, lambda: False)
    async with library.central() as world:
        await library.until(world, lambda: states(library)[request] == "granted")

    assert remote.sends == {("carry-out", request): 1, ("settle", request): 1}


def test_a_row_never_shows_a_card() -> None:
    from central.ledger.rows import AskedRow

    row = AskedRow("r", 1, "checkout", "asked", "i", "CARD1", "patron-1", "k1", "main", "UTC", 0, 0, 0, False)

    assert "CARD1" not in repr(replace(row, n=2))
    assert "patron-1" not in repr(row)
