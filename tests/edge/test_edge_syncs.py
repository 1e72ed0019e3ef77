"""How often a patron waits for the disk: the syncs of a real kiosk and a real bin, counted by the libc call.

At most two from an item seen to its request published and two for each tag write are promised (an SD card
takes 20 ms for each). What is kept is less: one, and two. Less still would be a lie: nothing would be durable.
"""

import asyncio
from pathlib import Path

import pytest
from lone_station import SECURED, UNSECURED, LoneStation, Syncs, lone_station
from real.broker import RealBroker

from sim.devices.tags import SimTag

pytestmark = pytest.mark.broker

REQUEST, TAG = 1, 2

ONE_MORE = """
import sys
from turnleaf.cli import main
from wire.edge.outbox import Outbox

honest = Outbox._commit

def twice(self):
    if self.held.last > 1:
        with honest(self):
            self._db.execute("CREATE TABLE IF NOT EXISTS waste (n)")
            self._db.execute("INSERT INTO waste VALUES (1)")
    return honest(self)

Outbox._commit = twice
sys.exit(main(sys.argv[1:]))
"""
"""A daemon as it would be if each commit were made of two."""


@pytest.fixture
def syncs(tmp_path: Path) -> Syncs:
    return Syncs(tmp_path)


async def quiet(syncs: Syncs) -> None:
    """Wait until the start has written what it writes: the first look for old rows folds the log."""
    before = -1
    while before != syncs():
        before = syncs()
        await asyncio.sleep(1.0)


async def lend(kiosk: LoneStation, syncs: Syncs, book: SimTag) -> tuple[int, int]:
    """Lend one item; return the syncs from seen to requested, and those of its tag write."""
    central = kiosk.central
    requests, notes = len(central.bodies("checkout/1")), len(central.bodies("tag-written/1"))
    central.slow = True
    await kiosk.card()
    before = syncs()
    kiosk.pad.place(book)
    await kiosk.told("checkout/1", requests + 1)
    await asyncio.sleep(0.3)  # whatever is written beside it is counted, too
    requested = syncs()
    central.answer_all()
    await kiosk.written([book], UNSECURED)
    await kiosk.told("tag-written/1", notes + 1)
    counted = requested - before, syncs() - requested
    kiosk.take([book])
    await kiosk.press("finish")
    return counted


async def test_a_loan_waits_for_the_disk_once_before_it_is_asked_and_twice_around_its_tag(
    tmp_path: Path, real_broker: RealBroker, syncs: Syncs
) -> None:
    async with lone_station("kiosk", tmp_path / "kiosk", real_broker, syncs.environment) as kiosk:
        await quiet(syncs)
        counted = [await lend(kiosk, syncs, kiosk.book(number)) for number in (1, 2, 3)]

    assert counted[0][0] <= 2, "the first entry of an empty log syncs its head, too"
    assert counted[1:] == [(REQUEST, TAG)] * 2


async def test_a_return_is_two_syncs_and_a_third_for_the_count_of_the_box(
    tmp_path: Path, real_broker: RealBroker, syncs: Syncs
) -> None:
    async with lone_station("bin", tmp_path / "bin", real_broker, syncs.environment) as bin_1:
        await quiet(syncs)
        counted = []
        for number in (1, 2, 3):
            book = bin_1.book(number, afi=UNSECURED)
            before = syncs()
            bin_1.pad.place(book)
            await bin_1.written([book], SECURED)
            await bin_1.told("secured/1", number)
            bin_1.take([book])
            await bin_1.until(lambda before=before: syncs() > before + TAG)
            await asyncio.sleep(0.5)  # whatever is written beside it is counted, too
            counted.append(syncs() - before)

    assert counted[1:] == [TAG + 1] * 2


async def test_a_commit_too_many_would_be_seen(tmp_path: Path, real_broker: RealBroker, syncs: Syncs) -> None:
    (tmp_path / "wasteful.py").write_text(ONE_MORE)
    environment = syncs.environment | {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    async with lone_station(
        "kiosk", tmp_path / "kiosk", real_broker, environment, program="wasteful"
    ) as kiosk:
        await quiet(syncs)
        await lend(kiosk, syncs, kiosk.book(1))
        requested, written = await lend(kiosk, syncs, kiosk.book(2))

    assert requested > REQUEST
    assert written > TAG
