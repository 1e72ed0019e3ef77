"""Desk, ledger and runner over a library system that misbehaves, on TCP: every request comes to its end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from asked_kit import PATIENCE, Library, rows, states
from desk_kit import START, Station, World

from central.authority_states import FINAL
from central.sip2.authority import Sip2Authority
from central.sip2.client import Peer
from central.sip2.pool import Pool
from sim.sip2_faults import Fault
from sim.sip2_ils import Ils, Traits
from wire.clock import FakeClock
from wire.ids import new_id


@contextlib.asynccontextmanager
async def over_sip2(
    folder: Path, traits: Traits | None = None, **patience: Any
) -> AsyncIterator[tuple[Library, World, Station, Ils]]:
    """Run central over a system that misbehaves; the clock of both stands until it is moved."""
    clock = FakeClock(START)
    ils = Ils(traits, clock)
    async with ils.serving() as port:
        peer = Peer("127.0.0.1", port, "kiosk", "right", timeout_s=0.1, retries=1)
        remote = Sip2Authority(Pool(peer, clock, size=2, rest_s=0), clock, institution="main")
        library = Library(folder / "l.db", remote, clock, patience=replace(PATIENCE, **patience))  # type: ignore[arg-type]  # the real one in the place of the fake
        try:
            async with library.central(seed=True) as world:
                yield library, world, Station(world), ils
        finally:
            await remote.close()


def cases(world: World) -> list[str]:
    """Return what the open cases are about."""
    return sorted(key.partition(":")[0] for key in world.cases())


async def settled(library: Library, world: World, *requests: str, to: str | None = None) -> dict[str, str]:
    """Wait until requests came to their end, time going on meanwhile."""

    def ended() -> bool:
        now = states(library)
        return all(now.get(one) in (FINAL | {"granted"} if to is None else {to}) for one in requests)

    async with asyncio.timeout(60):
        while not ended():
            library.clock.advance(2)
            world.desk.asked.set()
            await asyncio.sleep(0.02)
    return {one: states(library)[one] for one in requests}


@pytest.mark.parametrize("fault", list(Fault), ids=lambda one: one.name)
async def test_a_checkout_comes_to_its_end_through_every_fault(tmp_path: Path, fault: Fault) -> None:
    async with over_sip2(tmp_path) as (library, world, kiosk, ils):
        ils.next("11", fault)
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await settled(library, world, request)
        await library.until(world, lambda: library.take_pushed(world) or request in library.pushed)

        lent = fault is not Fault.HANG_UP_BEFORE
        assert library.pushed[request] == ("granted" if lent else "refused")
        assert ils.loans == ({"item-1": "CARD1"} if lent else {})
        assert world.loans() == ({("item-1", "patron-1")} if lent else set())
        assert len(ils.sent("11")) == 1
        assert ils.twice() == []

        ils.loans.pop("item-1", None)
        after = new_id()
        await kiosk.send(kiosk.checkout("item-2", "CARD2"), entry=after)
        assert await settled(library, world, after) == {after: "granted"}
        assert ils.loans == {"item-2": "CARD2"}


@pytest.mark.parametrize("fault", list(Fault), ids=lambda one: one.name)
async def test_a_return_comes_to_its_end_through_every_fault(tmp_path: Path, fault: Fault) -> None:
    async with over_sip2(tmp_path) as (library, world, kiosk, ils):
        ils.loans["item-1"] = "CARD1"
        ils.next("09", fault)
        returned = new_id()
        await kiosk.send(kiosk.checkin("item-1"), entry=returned)
        state = (await settled(library, world, returned))[returned]

        if fault is Fault.HANG_UP_BEFORE:
            assert (state, ils.loans, cases(world)) == (
                "case",
                {"item-1": "CARD1"},
                ["checkin-refused-elsewhere"],
            )
        else:
            assert (state, ils.loans, cases(world)) == ("confirmed", {}, [])
        assert len(ils.sent("09")) == 1


async def test_what_happened_off_line_is_told_in_order_before_anything_new(tmp_path: Path) -> None:
    async with over_sip2(tmp_path, Traits(online=False), stale_s=3600.0) as (library, world, kiosk, ils):
        ils.loans |= {"item-1": "CARD1", "item-2": "CARD2"}
        early = START - timedelta(hours=3)
        told = [new_id() for _ in range(3)]
        await kiosk.send(kiosk.checkin("item-1", early), entry=told[0])
        await kiosk.send(kiosk.checkin("item-2", early + timedelta(minutes=5)), entry=told[1])
        await kiosk.send(kiosk.checkin("item-1", early + timedelta(minutes=9)), entry=told[2])
        fresh = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD2"), entry=fresh)
        await library.until(world, lambda: ils.connections > 2)
        assert ils.acts == []
        ils.traits = Traits(refuses=frozenset({"item-2"}))
        found = await settled(library, world, *told, fresh)

        mine = [act for act in ils.acts if act.item == "item-1"]
        assert [(act.code, act.no_block) for act in mine] == [("09", True), ("11", False)]
        assert mine[0].at == early.replace(tzinfo=None, microsecond=0)
        assert found == {told[0]: "confirmed", told[1]: "case", told[2]: "case", fresh: "granted"}
        assert cases(world) == ["checkin-refused-elsewhere"] * 2
        assert ils.loans == {"item-1": "CARD2"}


async def test_a_loan_made_off_line_is_told_with_the_date_that_the_patron_was_told(tmp_path: Path) -> None:
    async with over_sip2(tmp_path, Traits(online=False), stale_s=3600.0) as (library, world, kiosk, ils):
        early, lent = START - timedelta(hours=3), new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1", early, offline=True), entry=lent)
        loan = world.ledger.hot.loan(lent)
        ils.traits = Traits()
        await settled(library, world, lent)

    (act,) = ils.acts
    assert (act.code, act.no_block, act.at) == ("11", True, early.replace(tzinfo=None, microsecond=0))
    assert loan is not None
    assert act.due == datetime.combine(loan.due, time(23, 59))


@pytest.mark.parametrize(
    "fault", [None, Fault.HANG_UP_AFTER, Fault.MUTE, Fault.BROKEN, Fault.LATE, Fault.HANG_UP_BEFORE],
    ids=lambda one: one.name if one else "well",
)  # fmt: skip
async def test_a_tag_that_cannot_be_written_takes_the_loan_back_there(
    tmp_path: Path, fault: Fault | None
) -> None:
    async with over_sip2(tmp_path) as (library, world, kiosk, ils):
        request = new_id()
        await kiosk.send(kiosk.checkout("item-1", "CARD1"), entry=request)
        await settled(library, world, request)
        if fault is not None:
            ils.next("09", fault)
        await kiosk.send(kiosk.withdrawn(request, "tag-failed"))
        await settled(library, world, request, to="undone")

        assert [(act.code, act.cancel, act.no_block) for act in ils.acts] == [
            ("11", False, False), ("09", True, False),
        ]  # fmt: skip
        assert (ils.loans, world.loans(), world.cases()) == ({}, set(), set())


async def test_a_morning_of_all_faults_ends_with_the_same_loans_on_both_sides(tmp_path: Path) -> None:
    async with over_sip2(tmp_path) as (library, world, kiosk, ils):
        requests: dict[str, str] = {}
        every = list(Fault)
        for n, fault in enumerate(every * 2):
            item = f"item-{n % 4 + 1}"
            if n >= 4:
                back = new_id()
                ils.next("09", every[-1 - n % len(every)])
                await kiosk.send(kiosk.checkin(item), entry=back)
                await settled(library, world, back)
                if item in ils.loans:  # a case, which staff close at the desk
                    ils.loans.pop(item)
            ils.next("11", fault)
            ils.next("17", every[n % len(every)])
            request = new_id()
            await kiosk.send(kiosk.checkout(item, f"CARD{n % 2 + 1}"), entry=request)
            requests[request] = item
            await settled(library, world, request)

        by_card = {"CARD1": "patron-1", "CARD2": "patron-2"}
        assert world.loans() == {(item, by_card[card]) for item, card in ils.loans.items()}
        assert {state for _, state, _ in rows(library)} <= FINAL | {"granted"}
        assert len(ils.sent("11")) == len(requests)
