"""Histories of one patron at a kiosk: who leaves too early, what is killed in the midst, who else had it."""

import os
import signal

from sim.histories.ending import Ending
from sim.histories.house import House


async def answered_after_leaving(house: House, ending: Ending) -> None:
    """Central stands still while somebody waits, and goes on when that patron has left."""
    item, central = house.library[0].item, house.daemons["central"]
    first, second = house.people[1:3]
    async with house.visit("kiosk-1", first):
        central.pause(True)
        house.world.lay(item, "kiosk-1")
        await house.until(lambda: house.edge("kiosk-1").phase(item) == "withdrawn", "said: not lent")
    central.pause(False)
    await house.at_rest()
    ((request, _),) = house.edge("kiosk-1").requests(item)
    ending.see("what central answered", _answer(ending, request), "granted")
    ending.item("the item", item, loan="none", tag="secured")
    await house.borrow("kiosk-2", second, item)
    await house.at_rest()
    ending.item(
        "the item, asked for by the next patron", item, loan=f"open of {second.patron}", tag="unsecured"
    )
    ending.see("times the first patron's tag was touched", len(house.world.truth.written) - 1, 0)
    ending.account()


def _answer(ending: Ending, request: str) -> str:
    found = ending.ask("SELECT outcome FROM answer WHERE request = ?", request)
    return str(found[0][0]) if found else "nothing"


async def killed_before_the_tag(house: House, ending: Ending) -> None:
    """The loan is granted and written down, the order to the tag never leaves: power cut."""
    item, central, kiosk = house.library[0].item, house.daemons["central"], house.daemons["kiosk-1"]
    disk = house.edge("kiosk-1")
    card = house.world.cards[house.people[1].card]
    await house.greeted("kiosk-1", house.people[1])
    central.pause(True)
    house.world.lay(item, "kiosk-1")
    await house.until(lambda: disk.phase(item) == "waiting", "a request written down")
    house.pad_cables["kiosk-1"].set("half-open")
    central.pause(False)
    await house.until(lambda: disk.phase(item) == "writing", "the answer written down")
    os.kill(kiosk.pid, signal.SIGKILL)
    await kiosk.kill()
    house.world.take(item)
    await card.eject()
    house.pad_cables["kiosk-1"].set("open")
    await kiosk.start()
    await house.at_rest()
    ending.see("the kiosk's own word", disk.phase(item), "unknown")
    ending.item("the item", item, loan=f"open of {house.people[1].patron}", tag="secured")
    await _carried_out(house, ending, item)
    ending.see("the gate", ", ".join(row[0] for row in ending.ask("SELECT verdict FROM passage")), "pass")
    ending.account("tag-unknown at kiosk-1", "lent-but-secured at gate-1")


async def _carried_out(house: House, ending: Ending, item: str) -> None:
    """Somebody goes out with an item through a gate that knows what central knows."""
    gate = house.edge("gate-1")
    change = ending.ask(LAST_CHANGE)[0][0]
    await house.until(lambda: gate.copy_at() >= change, "the gate's copy as it should be")
    await house.world.walk((item,), "gate-1", "out")
    await house.until(lambda: gate.count("passage/1") > 0, "a passage written down")
    await house.arrived()


LAST_CHANGE = "SELECT max(n) FROM change"


async def killed_before_the_read_back(house: House, ending: Ending) -> None:
    """The tag is written, and the kiosk dies before it can read it back."""
    item, kiosk = house.library[0].item, house.daemons["kiosk-1"]
    card = house.world.cards[house.people[1].card]
    house.die_when_written("kiosk-1")
    await house.greeted("kiosk-1", house.people[1])
    house.world.lay(item, "kiosk-1")
    await house.until(lambda: not kiosk.pid, "the kiosk dead")
    await kiosk.kill()
    house.world.take(item)
    await card.eject()
    await kiosk.start()
    await house.at_rest()
    ending.see("the kiosk's own word", house.edge("kiosk-1").phase(item), "unknown")
    ending.item("the item", item, loan=f"open of {house.people[1].patron}", tag="unsecured")
    ending.account("tag-unknown at kiosk-1")


async def lent_while_another_had_it(house: House, ending: Ending) -> None:
    """A asks for one item and takes back another while nobody hears it; B lends both meanwhile."""
    asked, returned = house.library[0].item, house.library[1].item
    first, second, third = house.people[1:4]
    await house.borrow("kiosk-2", first, returned)
    await house.at_rest()
    async with house.visit("kiosk-1", second):
        house.cables["kiosk-1"].set("half-open")
        house.world.lay(asked, "kiosk-1")
        await house.until(lambda: house.edge("kiosk-1").phase(asked) == "withdrawn", "said: not lent")
    await house.give_back("kiosk-1", returned)
    await house.borrow("kiosk-2", third, asked, returned)
    await house.at_rest("kiosk-2")
    house.cables["kiosk-1"].set("cut")
    house.cables["kiosk-1"].set("open")
    await house.at_rest()
    ((request, _),) = house.edge("kiosk-1").requests(asked)
    ending.see("what central said to A's request", _answer(ending, request), "refused")
    ending.item("what A had asked for", asked, loan=f"open of {third.patron}", tag="unsecured")
    ending.item("what A had taken back", returned, loan=f"open of {third.patron}", tag="unsecured")
    ending.account()
