"""Histories of an outbox that nobody empties: nearly full, and full."""

from sim.histories.ending import Ending
from sim.histories.house import House

ROWS = 100
"""Room in the outbox of these histories."""


async def _outage(house: House, share: float) -> None:
    """Central is away; the kiosk starts with so much of its outbox in use."""
    kiosk = house.daemons["kiosk-1"]
    await house.daemons["central"].stop()
    await kiosk.stop()
    returns = int(ROWS * share) // 2
    house.fill("kiosk-1", tuple(book.item for book in house.library[-returns:]))
    house.work.clear()
    await kiosk.start()
    await house.until(lambda: "pad" not in house.work.get("kiosk-1", "no pad yet"), "the kiosk's word")


async def nearly_full(house: House, ending: Ending) -> None:
    """At 80 %: somebody wants to borrow, somebody returns."""
    lent, wanted = house.library[0].item, house.library[1].item
    first, second = house.people[1:3]
    await house.borrow("kiosk-1", first, lent)
    await house.arrived()
    await _outage(house, 0.8)
    ending.see("what the kiosk says of itself", house.work["kiosk-1"], "returns-only: outbox nearly full")
    shown = await house.shown("kiosk-1", lambda shown: shown.name == "returns-only")
    ending.see("its screen", shown.headline, "Returning works, borrowing does not")
    await house.world.cards[second.card].insert(house.desk("kiosk-1").card_port)
    house.world.lay(wanted, "kiosk-1")
    await house.seen_by("kiosk-1")
    ending.see("its screen to a card", (await house.screen("kiosk-1")).headline, "Borrowing is not possible")
    ending.see("requests for the item that is laid down", len(house.edge("kiosk-1").requests(wanted)), 0)
    await house.leave("kiosk-1")
    await house.world.cards[second.card].eject()
    await house.shown("kiosk-1", lambda shown: shown.name == "returns-only")
    await house.give_back("kiosk-1", lent)
    ending.see("entries that wait", house.edge("kiosk-1").open(), 82)
    await house.daemons["central"].start()
    await house.arrived()
    ending.item("what was returned meanwhile", lent, loan="none", tag="secured")
    await house.borrow("kiosk-1", second, wanted)
    await house.at_rest()
    ending.item("what was wanted, with room", wanted, loan=f"open of {second.patron}", tag="unsecured")
    ending.account()


async def full(house: House, ending: Ending) -> None:
    """At 100 %: somebody wants to return."""
    lent, person = house.library[0].item, house.people[1]
    await house.borrow("kiosk-1", person, lent)
    await house.arrived()
    await _outage(house, 1.0)
    ending.see("what the kiosk says of itself", house.work["kiosk-1"], "closed: outbox full")
    shown = await house.shown("kiosk-1", lambda shown: shown.name == "closed")
    ending.see("its screen", shown.headline, "This station is resting")
    house.world.lay(lent, "kiosk-1")
    await house.desk("kiosk-1").finger().press("return")  # its screen offers no such button now
    await house.seen_by("kiosk-1")
    ending.item("what is laid down", lent, loan=f"open of {person.patron}", tag="unsecured")
    ending.see("entries that wait", house.edge("kiosk-1").open(), ROWS)
    await house.leave("kiosk-1")
    await house.daemons["central"].start()
    await house.arrived()
    await house.shown("kiosk-1", lambda shown: shown.name == "attract")
    await house.give_back("kiosk-1", lent)
    await house.arrived()
    ending.item("what is laid down again", lent, loan="none", tag="secured")
    ending.account()
