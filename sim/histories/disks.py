"""Histories of a station's disk: an old one put back, two of one, an empty one."""

import shutil

from sim.chaos.stations import confirmed
from sim.histories.ending import Ending
from sim.histories.house import House

CLONE = "bin-1-clone"


async def disk_rolled_back(house: House, ending: Ending) -> None:
    """A kiosk's card is copied, the kiosk works on, dies, and the copy is put in."""
    first, second, third = (book.item for book in house.library[:3])
    people, kiosk = house.people[1:4], house.daemons["kiosk-1"]
    await house.borrow("kiosk-1", people[0], first)
    await house.at_rest()
    await kiosk.stop()
    house.copy_of("kiosk-1", "image")
    await kiosk.start()
    await house.borrow("kiosk-1", people[1], second)
    await house.arrived()
    await kiosk.kill()
    house.throw_away("kiosk-1")
    shutil.copy(house.folder / "image" / "edge.db", house.edge("kiosk-1").path)
    await kiosk.start()
    await house.borrow("kiosk-1", people[2], third)
    await house.arrived()
    names = ("the item lent before", "the item lent and lost with the disk", "the item lent after")
    for name, item, person in zip(names, (first, second, third), people, strict=True):
        ending.item(name, item, loan=f"open of {person.patron}", tag="unsecured")
    ending.see("streams of the kiosk", ending.ask(STREAMS, "kiosk-1")[0][0], 2)
    ending.account("stream-began at kiosk-1")


STREAMS = "SELECT count(*) FROM stream WHERE station = ?"


async def disk_cloned(house: House, ending: Ending) -> None:
    """A bin's card is copied, and a second bin works on the copy under the same name."""
    lent, people = [book.item for book in house.library[:4]], house.people[1:2]
    await house.borrow("kiosk-1", people[0], *lent)
    await house.at_rest()
    bin_1 = house.daemons["bin-1"]
    await bin_1.stop()
    house.copy_of("bin-1", CLONE)
    clone = await house.twin("bin-1", CLONE)
    await bin_1.start()
    await clone.start()
    for item, place in zip(lent, ("bin-1", CLONE, "bin-1", CLONE), strict=True):
        await house.drop(place, item)
    await house.until(lambda: ending.cases()["foreign-boot at bin-1"] > 0, "the clone named")
    await clone.stop()
    await house.arrived("kiosk-1", "bin-1")
    await bin_1.stop()
    await clone.start()
    await house.until(lambda: confirmed(house.edge(CLONE).path), "everything of the clone")
    await house.arrived(CLONE)
    await clone.stop()
    house.lost_disks.append(house.edge(CLONE).as_disk("bin-1"))
    ending.see("returns in the ledger", _count(ending, "SELECT count(*) FROM checkin"), len(lent))
    ending.see("items still on loan", sum(ending.loan_of(item) != "none" for item in lent), 0)
    ending.account(some=("foreign-boot at bin-1", "stream-began at bin-1"))


def _count(ending: Ending, query: str, *values: object) -> int:
    return int(ending.ask(query, *values)[0][0])


async def station_re_imaged(house: House, ending: Ending) -> None:
    """A bin announces returns, and is set up anew before they are heard; later its old disk is found."""
    told, lost = house.library[0].item, house.library[1].item
    bin_1, central = house.daemons["bin-1"], house.daemons["central"]
    await house.borrow("kiosk-1", house.people[1], told, lost)
    await house.drop("bin-1", told)
    await house.arrived()
    house.cables["bin-1"].set("cut")
    await house.drop("bin-1", lost)
    hellos = house.said["bin-1", "hello"]
    central.pause(True)
    house.cables["bin-1"].set("open")
    await house.until(lambda: house.said["bin-1", "hello"] > hellos, "the bin said hello")
    await bin_1.kill()
    central.pause(False)
    house.copy_of("bin-1", "old")
    house.throw_away("bin-1", told=True)
    await bin_1.start()
    await house.arrived()
    ending.item("what was returned in time", told, loan="none", tag="secured")
    ending.item("what went down with the disk", lost, loan="open", tag="secured")
    ending.account("facts-not-delivered at bin-1", "stream-began at bin-1", reported=2, astray=(lost,))
    await bin_1.stop()
    house.throw_away("bin-1")
    shutil.copy(house.folder / "old" / "edge.db", house.edge("bin-1").path)
    await bin_1.start()
    await house.arrived()
    ending.item("the same, when the old disk was found", lost, loan="none", tag="secured")
    ending.account("stream-began at bin-1")
