"""Our client with a library system that misbehaves, over TCP: what it says, and that nothing is done twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from central.authority import Away, Done, Doubt, Request, Said
from central.sip2.authority import Sip2Authority
from central.sip2.client import Peer
from central.sip2.pool import Pool
from sim.sip2_faults import Fault
from sim.sip2_ils import Ils, Traits, due_of
from wire.clock import FakeClock
from wire.messages.stream import Refusal

CLOCK = FakeClock(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
AT_MS = int(CLOCK.now().timestamp() * 1000)


@asynccontextmanager
async def asking(
    traits: Traits | None = None, *, size: int = 1, retries: int = 1, timeout_s: float = 0.1
) -> AsyncIterator[tuple[Sip2Authority, Ils]]:
    """An authority over `size` connections to a system that misbehaves."""
    ils = Ils(traits)
    async with ils.serving() as port:
        peer = Peer("127.0.0.1", port, "kiosk", "right", timeout_s=timeout_s, retries=retries)
        authority = Sip2Authority(Pool(peer, CLOCK, size=size, rest_s=0), CLOCK, institution="main")
        try:
            yield authority, ils
        finally:
            await authority.close()


def lend(item: str, *, card: str = "CARD1", happened: bool = False) -> Request:
    return Request(f"r-{item}", "checkout", item, card, "k1", "main", AT_MS, happened)


def back(item: str, *, happened: bool = True) -> Request:
    return Request(f"b-{item}", "checkin", item, None, "k1", "main", AT_MS, happened)


WHOLE = [Fault.ASK_AGAIN, Fault.LOST, Fault.BROKEN, Fault.BY_BYTES, Fault.DOUBLED]
"""Faults through which the client gets its answer."""
DOUBTS = [
    Fault.HANG_UP_BEFORE, Fault.HANG_UP_AFTER, Fault.HALF, Fault.MUTE, Fault.LATE, Fault.BROKEN_ALWAYS,
    Fault.OTHER_DIGIT, Fault.OF_ANOTHER,
]  # fmt: skip
"""Faults after which it cannot know."""


def test_every_fault_is_tried() -> None:
    assert set(WHOLE) | set(DOUBTS) == set(Fault)


async def usable(authority: Sip2Authority) -> None:
    """The next patron is served, and gets the answer to their own question."""
    assert await authority.carry_out(lend("after", card="CARD2")) == Done(due_of("after"))
    assert await authority.carry_out(back("after", happened=False)) == Done()


@pytest.mark.parametrize("fault", WHOLE, ids=lambda one: one.name)
async def test_through_small_faults_an_item_is_lent_once_and_its_answer_understood(fault: Fault) -> None:
    async with asking() as (authority, ils):
        ils.next("11", fault)
        said = await authority.carry_out(lend("item"))
        await usable(authority)

    assert said == Done(due_of("item"))
    assert ils.twice() == []
    assert [act.item for act in ils.acts if act.code == "11"] == ["item", "after"]


@pytest.mark.parametrize("fault", DOUBTS, ids=lambda one: one.name)
async def test_what_cannot_be_known_is_a_doubt_and_settled_without_a_second_11(fault: Fault) -> None:
    async with asking() as (authority, ils):
        ils.next("11", fault)
        said = await authority.carry_out(lend("item"))
        settled = await authority.settle(lend("item"))
        await usable(authority)

    assert isinstance(said, Doubt), said
    if fault is Fault.HANG_UP_BEFORE:  # within the time in which it may still be at it
        assert isinstance(settled, Doubt)
    else:
        assert settled == Done(due_of("item"))
    assert len([frame for frame in ils.sent("11") if b"ABitem|" in frame]) == 1
    assert ils.twice() == []


@pytest.mark.parametrize("fault", [*WHOLE, *DOUBTS], ids=lambda one: one.name)
async def test_a_return_is_told_through_every_fault(fault: Fault) -> None:
    async with asking() as (authority, ils):
        ils.loans["item"] = "CARD1"
        ils.next("09", fault)
        said = await authority.carry_out(back("item"))
        settled = await authority.settle(back("item")) if isinstance(said, Doubt) else said
        await usable(authority)

    assert isinstance(said, Doubt) is (fault in DOUBTS)
    if fault is Fault.HANG_UP_BEFORE:
        assert isinstance(settled, Doubt)
    else:
        assert settled == Done()
        assert next(act.item for act in ils.acts if act.code == "09") == "item"


@pytest.mark.parametrize("fault", [*WHOLE, *DOUBTS], ids=lambda one: one.name)
async def test_a_question_that_is_spoilt_settles_nothing_wrongly(fault: Fault) -> None:
    async with asking() as (authority, ils):
        ils.next("17", fault)
        ils.loans["item"] = "CARD1"
        said = await authority.settle(lend("item"))
        again = await authority.settle(lend("item"))

    assert isinstance(said, Doubt) if fault in DOUBTS else said == Done(due_of("item"))
    assert again == Done(due_of("item"))
    assert ils.acts == []


@pytest.mark.parametrize("fault", [*WHOLE, *DOUBTS], ids=lambda one: one.name)
async def test_a_login_that_is_spoilt_leaves_the_system_away_and_no_more(fault: Fault) -> None:
    async with asking() as (authority, ils):
        ils.next("93", fault)
        first = await authority.carry_out(lend("item"))
        if isinstance(first, Away):
            assert ils.acts == []
            first = await authority.carry_out(lend("item"))

    assert first == Done(due_of("item"))
    assert ils.twice() == []


async def test_a_late_answer_is_never_the_answer_of_the_next_patron() -> None:
    async with asking(retries=0) as (authority, ils):
        ils.next("11", Fault.LATE)
        first = await authority.carry_out(lend("one"))
        second = await authority.carry_out(lend("two", card="CARD2"))
        settled = await authority.settle(lend("one"))

    assert (isinstance(first, Doubt), second, settled) == (True, Done(due_of("two")), Done(due_of("one")))


async def test_a_clock_that_is_a_day_wrong_changes_nothing_that_is_told() -> None:
    for skew in (timedelta(days=-1), timedelta(days=400)):
        async with asking(Traits(skew=skew)) as (authority, ils):
            assert await authority.carry_out(lend("item")) == Done(due_of("item"))
            (act,) = ils.acts
            assert act.at == CLOCK.now().replace(tzinfo=None, microsecond=0)


async def test_a_system_that_lends_nothing_now_refuses_and_takes_what_has_happened() -> None:
    async with asking(Traits(checkout=False)) as (authority, ils):
        said = await authority.carry_out(lend("item"))
        happened = await authority.carry_out(lend("item", happened=True))
        returned = await authority.carry_out(back("item"))

    assert isinstance(said, Refusal), said
    assert (happened, returned) == (Done(due_of("item")), Done())
    assert [(act.code, act.no_block) for act in ils.acts] == [("11", True), ("09", True)]


async def test_what_98_forbids_is_not_asked_until_98_allows_it() -> None:
    async with asking(Traits(checkout=False)) as (authority, ils):
        refused = await authority.carry_out(lend("item"))
        asked = len(ils.sent("11"))
        ils.traits = replace(ils.traits, checkout=True)
        lent = await authority.carry_out(lend("item"))

    assert (refused, asked, lent) == (
        Refusal(code="not-possible-now", next_step="try-later"), 0, Done(due_of("item")),
    )  # fmt: skip


async def test_a_system_that_says_it_is_off_line_is_away() -> None:
    async with asking(Traits(online=False)) as (authority, ils):
        said = await authority.carry_out(lend("item"))

    assert isinstance(said, Away), said
    assert ils.acts == []


async def test_titles_of_any_kind_keep_neither_answer_nor_checksum_from_being_read() -> None:
    for encoding in ("utf-8", "iso-8859-1", "cp850"):
        async with asking(Traits(encoding=encoding)) as (authority, ils):
            assert await authority.carry_out(lend("item")) == Done(due_of("item"))
            assert await authority.settle(lend("item")) == Done(due_of("item"))
            assert ils.sent("97") == {}


async def test_a_system_that_hangs_up_on_all_is_found_again() -> None:
    async with asking(size=3) as (authority, ils):
        one = await asyncio.gather(*(authority.carry_out(lend(f"i{n}", card=f"C{n}")) for n in range(3)))
        ils.drop()
        two = await asyncio.gather(*(authority.carry_out(lend(f"j{n}", card=f"C{n}")) for n in range(3)))

    assert one == [Done(due_of(f"i{n}")) for n in range(3)]
    for n, said in enumerate(two):
        assert isinstance(said, Doubt) or said == Done(due_of(f"j{n}"))
    assert ils.twice() == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from([None, *Fault]), min_size=1, max_size=6))
def test_any_row_of_faults_lends_each_item_once_to_its_own_patron(faults: list[Fault | None]) -> None:
    async def morning() -> tuple[list[Said], Ils]:
        said = []
        async with asking(size=2, retries=1, timeout_s=0.05) as (authority, ils):
            for n, fault in enumerate(faults):
                if fault is not None:
                    ils.next("11", fault)
                said.append(await authority.carry_out(lend(f"i{n}", card=f"C{n}")))
        return said, ils

    said, ils = asyncio.run(morning())

    assert ils.twice() == []
    assert all(times <= 2 for times in ils.sent("11").values())
    assert len(ils.sent("11")) == len(faults)
    for n, (fault, one) in enumerate(zip(faults, said, strict=True)):
        assert isinstance(one, Doubt) if fault in DOUBTS else one == Done(due_of(f"i{n}"))
        assert (ils.loans.get(f"i{n}") == f"C{n}") is (fault is not Fault.HANG_UP_BEFORE)
