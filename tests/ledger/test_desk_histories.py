"""Any morning of several stations with outages comes to what its events say (design §4).

A plan is a real order of happenings: patrons lay items on pads, kiosks give up, tags are written or fail,
items come back. Stations are offline now and then, so the desk hears of it in another order. Whatever the
order: at most one loan is open per item, every loan ends at most once, what is stored is the fold of the
history, nobody is lent to after leaving, no wrong tag is without a case.
"""

import asyncio
import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desk_kit import Station, World, desk_on
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central.ledger.hot_sqlite import Hot
from circulation.history import fold
from wire.ids import new_id

ITEMS = ("item-1", "item-2")
PLACES = ("k1", "k2", "b1")


@dataclass
class Kiosk:
    """A station whose entries wait while it is offline."""

    station: Station
    online: bool = True
    sent: int = 0
    open: dict[str, str] = field(default_factory=dict)
    """Requests that wait for an answer: request -> item."""
    gone: set[str] = field(default_factory=set)
    """Requests whose patron was told "not lent"."""

    def write(self, body: Any, entry: str | None = None) -> None:
        self.station.write(body, entry=entry)

    async def deliver(self) -> None:
        """Send what waits; the outcome of requests is handled as the kiosk does (L2, L3)."""
        while self.online and self.sent < len(self.station.rows):
            self.sent += 1
            said = await self.station.say(self.station.entry(self.sent))
            request = self.station.id_at(self.sent)
            item = self.open.pop(request, None)
            if said.answer is None or item is None or request in self.gone:
                continue
            if said.answer.outcome == "granted":
                self.write(*self.after_grant(request, item))

    def after_grant(self, request: str, item: str) -> tuple[Any]:
        fate = random.Random(request).randrange(4)
        if fate == 0:
            return (self.station.withdrawn(request, "tag-failed"),)
        if fate == 1:
            return (self.station.tag_unknown(request, item),)
        return (self.station.written(request, item),)


async def play(world: World, plan: list[tuple[int, str, str, str]]) -> dict[str, Kiosk]:
    kiosks = {name: Kiosk(Station(world, name)) for name in PLACES}
    for wait, place, what, item in plan:
        world.clock.advance(wait)
        kiosk = kiosks[place]
        if what == "offline":
            kiosk.online = not kiosk.online
        elif what == "lend":
            request = new_id()
            kiosk.open[request] = item
            kiosk.write(kiosk.station.checkout(item, f"CARD{wait % 4 + 1}"), entry=request)
        elif what == "lend-offline":
            request = new_id()
            kiosk.write(kiosk.station.checkout(item, f"CARD{wait % 4 + 1}", offline=True), entry=request)
            kiosk.write(kiosk.station.written(request, item))
        elif what == "give-up":
            for request in list(kiosk.open):
                kiosk.gone.add(request)
                kiosk.write(kiosk.station.withdrawn(request))
        else:
            fact = new_id()
            kiosk.write(kiosk.station.checkin(item), entry=fact)
            kiosk.write(kiosk.station.secured(fact, item, "verified" if wait % 3 else "failed"))
        await kiosk.deliver()
    for kiosk in kiosks.values():
        kiosk.online = True
        await kiosk.deliver()
        for request in list(kiosk.open):
            kiosk.gone.add(request)
            kiosk.write(kiosk.station.withdrawn(request))
        await kiosk.deliver()
    return kiosks


def check(world: World, kiosks: dict[str, Kiosk]) -> None:
    hot: Hot = world.ledger.hot
    cases = {row[0] for row in world.rows('SELECT item FROM "case" WHERE closed IS NULL')}
    for item in ITEMS:
        events, stored = hot.history(item)
        folded = fold(events)
        row = hot.item(item)
        assert row is not None
        assert row.state == folded.state
        assert {k: v for k, v in stored.items() if v is not None} == folded.ends
        open_loans = [k for k, v in stored.items() if v is None]
        assert open_loans == ([folded.state.loan] if folded.state.loan else [])
        right = "unsecured" if folded.state.loan else "secured"
        assert folded.state.tag == right or item in cases or _renewed(hot, folded.state.loan)
    gone = {request for kiosk in kiosks.values() for request in kiosk.gone}
    for (request,) in world.rows("SELECT request FROM loan WHERE NOT withdrawn"):
        assert request not in gone
    upto = dict(world.rows("SELECT stream, upto FROM stream"))
    assert upto == {k.station.stream: len(k.station.rows) for k in kiosks.values() if k.station.rows}


def _renewed(hot: Hot, request: str | None) -> bool:
    loan = None if request is None else hot.loan(request)
    return loan is not None and loan.renewals > 0


STEPS = st.tuples(
    st.integers(1, 400),
    st.sampled_from(PLACES),
    st.sampled_from(["lend", "lend", "lend-offline", "return", "give-up", "offline"]),
    st.sampled_from(ITEMS),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, max_size=25))
def test_any_morning_with_outages_comes_to_what_happened(plan: list[tuple[int, str, str, str]]) -> None:
    async def morning() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with desk_on(Path(folder) / "l.db") as world:
                check(world, await play(world, plan))

    asyncio.run(morning())
