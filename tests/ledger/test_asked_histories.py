"""A library's own system decides (design §4): asked, sent, granted or refused, confirmed, undone or a case.

A history is played against a real ledger file and the fake system, which grants, refuses, is slow, loses
answers or is away. Central is killed at any await: its runner and its desk are dropped, the file is opened
again, and the station sends what it still holds. At the end all that is left over is carried on in peace.
"""

import asyncio
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from asked_kit import PATIENCE, Library, rows, states
from desk_kit import Station, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central.authority import Request
from central.authority_fake import Manner, ScriptedAuthority
from central.authority_states import FINAL, IN_FLIGHT, Verb
from wire.ids import new_id

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
