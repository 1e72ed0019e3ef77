"""A terminal of another make, as the server in front of the desk knows it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from desk_kit import START, World, desk_on

from central.ledger.rows import millis
from central.terminal import AtTerminal, Do, Outcome, Refused
from circulation.policy import Policy
from wire.clock import FakeClock

T = TypeVar("T")
ZONE = "Europe/Copenhagen"


class Terminal:
    """Sends requests to the desk and returns what came of them."""

    def __init__(self, world: World, name: str = "sc-1", branch: str = "main") -> None:
        self.world = world
        self.name = name
        self.branch = branch

    async def ask(self, do: Do, *, digest: str = "", at: datetime | None = None, wait: float = 1) -> Outcome:
        """Submit one request, as it happens now (or happened at `at`)."""
        self.world.clock.advance(wait)
        at_ms = millis(at or self.world.clock.now())
        given = AtTerminal(self.name, self.branch, ZONE, at_ms, do, digest)
        done = (await self.world.desk.submit(given)).done
        assert done is not None
        if wait:  # what a kiosk does next is later, too
            self.world.clock.advance(1)
        return done

    async def got(self, kind: type[T], do: Do, **more: Any) -> T:
        """Ask, and insist on the kind of outcome."""
        done = await self.ask(do, **more)
        assert isinstance(done, kind), done
        return done

    async def refused(self, do: Do, **more: Any) -> str:
        """Ask, and return the code of the refusal."""
        done = await self.got(Refused, do, **more)
        return done.refusal.code


@cache
def prepared() -> bytes:
    """Return the bytes of a ledger that holds the registry and nothing else; making one takes a while."""

    async def make(path: Path) -> None:
        async with desk_on(path) as world:
            world.ledger.hot.shed()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(make(Path(folder) / "l.db"))
        return (Path(folder) / "l.db").read_bytes()


@asynccontextmanager
async def desk_in(folder: str, policy: Policy) -> AsyncIterator[World]:
    """Run a desk on a prepared ledger."""
    path = Path(folder) / "l.db"
    path.write_bytes(prepared())
    async with desk_on(path, FakeClock(START), policy=policy, seed=False) as world:
        yield world


def catalogue(world: World, titles: dict[str, str]) -> None:
    """Say of which title items are copies."""
    world.ledger.hot.begin()
    for item, title in titles.items():
        world.ledger.hot.connection.execute("UPDATE item SET title_id = ? WHERE item = ?", (title, item))
    world.ledger.hot.commit()


def charge(world: World, patron: str, amount: int, fee: str, kind: str = "damage", at: int = 1) -> None:
    """Charge a patron by hand."""
    world.ledger.hot.begin()
    world.ledger.hot.connection.execute(
        "INSERT INTO fee VALUES (?, ?, NULL, ?, ?, 0, ?)", (fee, patron, kind, amount, at)
    )
    world.ledger.hot.commit()


TABLES = {
    "loan": "item, patron, station, start, ended, due, renewals, withdrawn, tag",
    "renewal": "at, due, withdrawn",
    "checkin": "item, at, station, secured",
    "item": "item, version, loan IS NULL, last_at, tag, trouble, status, place, properties",
    "hold": "n, patron, item, title_id, pickup, placed, expires, state, ready_item, ready_until, ended",
    "fee": "patron, item, kind, amount, paid, at",
    "payment": "key, patron, amount, terminal",
    "patron": "patron, barred",
    "change": "n, item, version, state",
    "journal WHERE stream LIKE 'terminal:%'": "stream, seq, kind, item",
    '"case"': "kind, item, detail, closed IS NULL",
}


def dump(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that the ledger says, but for random ids."""
    return {
        table: sorted(world.rows(f"SELECT {columns} FROM {table}"), key=repr)
        for table, columns in TABLES.items()
    }
