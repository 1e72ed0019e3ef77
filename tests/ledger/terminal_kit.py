"""A terminal of another make, as the server in front of the desk knows it."""

from datetime import datetime
from typing import Any, TypeVar

from desk_kit import World

from central.ledger.rows import millis
from central.terminal import AtTerminal, Do, Outcome, Refused

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
