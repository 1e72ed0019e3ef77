"""A history of the library's own system: it lends, and says so when nobody waits for it any more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from central.authority_states import FINAL
from sim.histories.ending import Ending
from sim.histories.house import House
from sim.sip2_faults import Fault
from sim.sip2_ils import Ils, Traits
from sim.stage import HOST

TIMEOUT_S = 1.0
"""What central gives it for one answer; it asks three times."""


@asynccontextmanager
async def there(house: House) -> AsyncIterator[None]:
    """Let central ask a library system over SIP2."""
    house.ils = ils = Ils(Traits(odd_titles=False))
    password = house.folder.parent / f"{house.folder.name}.password"
    password.parent.mkdir(parents=True, exist_ok=True)
    password.touch(mode=0o600)
    password.write_text("right\n")
    async with ils.serving() as port:
        sip2 = {"host": HOST, "port": port, "user": "central", "password_file": str(password)}
        house.central_more = {
            "authority": "sip2",
            "sip2": {**sip2, "institution": "main", "timeout_s": TIMEOUT_S, "gate_connections": 0},
        }
        try:
            yield
        finally:
            password.unlink()


async def answers_late(house: House, ending: Ending) -> None:
    """Its answer to one loan comes while the patron waits, to another when the patron has left."""
    ils = house.ils
    assert ils is not None
    waited_for, left = house.library[0].item, house.library[1].item
    patient, hasty, next_one = house.people[1:4]
    ils.next("11", Fault.LATE)
    async with house.visit("kiosk-1", patient):
        house.world.lay(waited_for, "kiosk-1")
        await house.lent(waited_for)
        await house.edge("kiosk-1").settled(house, waited_for)
    ils.next("11", Fault.LATE)
    async with house.visit("kiosk-2", hasty):
        house.world.lay(left, "kiosk-2")
        await house.until(lambda: house.edge("kiosk-2").phase(left) == "withdrawn", "said: not lent")
        lent_there = "lent there" if left in ils.loans else "not lent there"
        ending.see("the second loan, when its patron leaves", lent_there, "lent there")
    await house.until(lambda: left not in ils.loans, "undone there")
    await house.arrived()
    await house.until(lambda: _under_way(ending) == 0, "nothing asked that is not settled")
    ending.item("what was waited for", waited_for, loan=f"open of {patient.patron}", tag="unsecured")
    ending.item("what was not waited for", left, loan="none", tag="secured")
    await house.borrow("kiosk-2", next_one, left)
    await house.arrived()
    ending.item("the same, with the next patron", left, loan=f"open of {next_one.patron}", tag="unsecured")
    books = {waited_for: patient.card, left: next_one.card}
    ending.see("the library system's books", "the same" if ils.loans == books else str(ils.loans), "the same")
    ending.see("items that it lent twice", ", ".join(ils.twice()) or "none", "none")
    ending.account()


def _under_way(ending: Ending) -> int:
    return sum(state not in FINAL | {"granted"} for (state,) in ending.ask("SELECT state FROM asked"))
