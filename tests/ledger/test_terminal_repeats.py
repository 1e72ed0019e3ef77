"""A frame that comes again is answered again, and done once."""

import asyncio
import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from desk_kit import START, Station, desk_on
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from terminal_kit import Terminal, charge, desk_in, dump, prepared

from central.terminal import (
    Back,
    Bar,
    ChangeHold,
    Describe,
    Do,
    DropHold,
    Enable,
    Lend,
    Lent,
    Outcome,
    Pay,
    PlaceHold,
    Refused,
    Renew,
    RenewAll,
    Return,
)
from circulation.policy import Policy

PREPARED: list[Do] = [
    Lend("CARD1", "item-1"),
    Lend("CARD1", "item-2"),
    PlaceHold("CARD2", "item-9"),
    PlaceHold("CARD3", "item-2"),
    Lend("CARD1", "item-4"),
    Return("item-4"),
]
DEEDS: list[Do] = [
    Lend("CARD1", "item-3"),
    Lend("CARD1", "item-1", renewal=True),
    Lend("CARD1", "item-4", cancel=True),
    Lend("CARD1", "item-5", happened=True, due=date(2026, 3, 9)),
    Renew("CARD1", "item-1"),
    RenewAll("CARD1"),
    Return("item-1"),
    Return("item-2"),
    Return("item-6"),
    Return("nothing"),
    Return("item-1", cancel=True),
    Return("item-1", happened=True),
    PlaceHold("CARD3", "item-9"),
    DropHold("CARD2", "item-9"),
    ChangeHold("CARD2", "item-9", pickup="north", expires=date(2026, 5, 1)),
    Pay("CARD1", 120, "k-1"),
    Bar("CARD1", "misuse"),
    Enable("CARD1"),
    Describe("item-1", "1 disc"),
]


@pytest.mark.parametrize("again", [False, True], ids=["same-life", "after-a-restart"])
@pytest.mark.parametrize("do", DEEDS, ids=repr)
async def test_whatever_is_asked_twice_is_done_once(tmp_path: Path, do: Do, again: bool) -> None:
    path, month = tmp_path / "l.db", Policy.model_validate({"retention": {"loan_days": 30}})
    async with desk_on(path, policy=month) as world:
        sc = Terminal(world)
        charge(world, "patron-1", 500, "f1")
        for number, prepared in enumerate(PREPARED):
            assert not isinstance(await sc.ask(prepared, digest=f"p{number}"), Refused)
        first = await sc.ask(do, digest="d", wait=3600)
        assert not isinstance(first, Refused), first
        done = dump(world)
        if not again:
            assert await sc.ask(do, digest="d") == first
            assert await sc.ask(do, digest="d") == first
            assert dump(world) == done
    async with desk_on(path, world.clock, policy=month, seed=False) as later:
        assert await Terminal(later).ask(do, digest="d") == first
        assert dump(later) == done


async def test_a_frame_is_another_request_once_something_else_has_happened_to_the_item(
    tmp_path: Path,
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, do = Terminal(world), Lend("CARD1", "item-1")
        await sc.got(Lent, do, digest="d")
        await Station(world).take_back("item-1")
        await sc.got(Lent, do, digest="d")

        assert world.rows("SELECT count(*) FROM loan") == [(2,)]
        assert world.loans() == {("item-1", "patron-1")}


async def test_a_frame_is_another_request_after_ten_minutes(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, do = Terminal(world), Lend("CARD1", "item-1")
        await sc.got(Lent, do, digest="d")
        await sc.got(Lent, do, digest="d", wait=599)

        assert await sc.refused(do, digest="d", wait=2) == "renewal-not-allowed"


async def test_a_refusal_is_not_repeated_but_asked_anew(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, do = Terminal(world), Lend("CARD1", "item-1")
        await sc.got(Refused, Renew("CARD1", "item-1"), digest="d")
        await sc.ask(Bar("CARD1", ""))
        await sc.refused(do, digest="e")
        await sc.ask(Enable("CARD1"))

        await sc.got(Lent, do, digest="e")


async def test_what_had_happened_is_recorded_once_whatever_came_after(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, at = Terminal(world), START - timedelta(hours=1)
        do = Return("item-1", happened=True)
        first = await sc.got(Back, do, at=at, digest="d")
        await sc.ask(Lend("CARD1", "item-1"))

        assert await sc.got(Back, do, at=at, digest="d") == first
        assert world.rows("SELECT count(*) FROM checkin") == [(1,)]
        assert world.loans() == {("item-1", "patron-1")}


@pytest.mark.parametrize("hours", [2, 23, 25, 30, 44 * 24])
@pytest.mark.parametrize(
    "do", [Lend("CARD1", "item-1", happened=True), Return("item-1", happened=True)], ids=["lent", "back"]
)
async def test_what_a_terminal_dated_is_recorded_once_however_late_it_is_told_again(
    tmp_path: Path, do: Do, hours: int
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, at = Terminal(world), START - timedelta(hours=3)
        first = await sc.ask(do, at=at, digest="d")
        world.clock.advance(hours * 3600)
        await world.desk.upkeep()
        done = dump(world)

        assert await sc.ask(do, at=at, digest="d") == first
        assert dump(world) == done


async def test_another_deed_of_long_ago_is_recorded_though_one_like_it_is_known(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, at = Terminal(world), START - timedelta(hours=3)
        await sc.ask(Lend("CARD1", "item-1", happened=True), at=at, digest="d")
        world.clock.advance(30 * 3600)
        await world.desk.upkeep()
        await sc.got(Back, Return("item-1", happened=True), at=at, digest="e")
        await sc.got(Lent, Lend("CARD1", "item-2", happened=True), at=at, digest="f")
        await sc.got(Lent, Lend("CARD2", "item-1", happened=True), at=at + timedelta(seconds=2), digest="g")
        await Terminal(world, "sc-2").got(Lent, Lend("CARD1", "item-3", happened=True), at=at, digest="h")

        assert world.loans() == {("item-1", "patron-2"), ("item-2", "patron-1"), ("item-3", "patron-1")}
        assert world.rows("SELECT count(*) FROM checkin") == [(1,)]


async def test_without_a_digest_nothing_is_known_again(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc = Terminal(world)
        await sc.ask(Return("item-1"))
        await sc.ask(Return("item-1"))

        assert world.rows("SELECT count(*) FROM checkin") == [(2,)]


async def test_a_reply_that_is_said_again_names_who_may_still_be_named(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        sc, do = Terminal(world), Return("item-1")
        await sc.ask(Lend("CARD1", "item-1"))
        first = await sc.got(Back, do, digest="d")
        assert first.patron == "CARD1"
        await world.desk.upkeep()

        assert await sc.got(Back, do, digest="d") == replace(first, patron=None)


# --- any interleaving

RICH = Policy.model_validate(
    {
        "retention": {"loan_days": 3650},
        "defaults": {"loan_days": 2, "limit": 2},
        "fees": {"fine_per_day": "0.20"},
    }
)


def _deeds(number: int) -> st.SearchStrategy[Do]:
    """What terminal `number` asks, of its own patron and items."""
    card = st.just(f"CARD{number}")
    item = st.sampled_from([f"item-{2 * number - 1}", f"item-{2 * number}"])
    yes = st.booleans()
    deeds: list[st.SearchStrategy[Any]] = [
        st.builds(Lend, card, item, renewal=yes, happened=yes, cancel=yes),
        st.builds(Return, item, happened=yes, cancel=yes),
        st.builds(Renew, card, item, happened=yes),
        st.builds(RenewAll, card),
        st.builds(PlaceHold, card, item),
        st.builds(DropHold, card, item),
        st.builds(Pay, card, st.integers(1, 80), st.uuids().map(lambda one: f"{number}:{one}")),
    ]
    return st.one_of(deeds)


Frame = tuple[int, Do, int]
"""Terminal, what it asks, how often it sends that."""
FRAMES = st.integers(1, 3).flatmap(
    lambda number: st.tuples(st.just(number), _deeds(number), st.integers(1, 5))
)
DAYS = st.lists(
    st.tuples(st.lists(FRAMES, min_size=1, max_size=4), st.lists(st.integers(0, 2), max_size=20)),
    min_size=1,
    max_size=3,
)
"""What is asked on each day, and which terminal's turn it is."""


def _sends(frames: list[Frame], turns: list[int]) -> list[tuple[int, int]]:
    """Return (frame, how often before) in an order in which each terminal has one frame under way."""
    lines: dict[int, list[tuple[int, int]]] = {}
    for index, (number, _, times) in enumerate(frames):
        lines.setdefault(number, []).extend((index, before) for before in range(times))
    sends = []
    for turn in turns:
        line = lines[sorted(lines)[turn % len(lines)]]
        if line:
            sends.append(line.pop(0))
    return sends + [send for line in lines.values() for send in line]


async def _play(days: list[tuple[list[Frame], list[int]]], *, once: bool) -> tuple[list[list[Outcome]], Any]:
    """Send the frames of all days; return the replies to each, and what the ledger says then."""
    replies: list[list[Outcome]] = []
    with tempfile.TemporaryDirectory() as folder:
        async with desk_in(folder, RICH) as world:
            for day, (frames, turns) in enumerate(days):
                said: list[list[Outcome]] = [[] for _ in frames]
                for index, before in _sends(frames, turns):
                    world.clock.advance(1)
                    if before and once:
                        continue
                    number, do, _ = frames[index]
                    terminal = Terminal(world, f"sc-{number}")
                    said[index].append(await terminal.ask(do, digest=f"{day}:{index}", wait=0))
                replies += said
                world.clock.advance(3 * 86400)
            return replies, dump(world)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(DAYS)
def test_however_often_frames_are_sent_they_are_done_once_and_answered_alike(
    days: list[tuple[list[Frame], list[int]]],
) -> None:
    async def both() -> None:
        often, much = await _play(days, once=False)
        single, little = await _play(days, once=True)
        for replies, (only,) in zip(often, single, strict=True):
            assert len(set(map(repr, replies))) == 1
            assert _alike(replies[0]) == _alike(only)
        assert much == little

    prepared()  # no loop may run yet
    asyncio.run(both())


def _alike(reply: Outcome) -> str:
    """Return a reply without the random id of a hold."""
    return repr(replace(reply, hold="") if hasattr(reply, "hold") else reply)
