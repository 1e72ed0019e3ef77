"""What fails fails alone: an input that cannot be carried out leaves the desk at work, and the others done."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from desk_kit import Station, desk_on

from central import desk_entry, desk_told
from central.authority import Elsewhere
from central.ledger.hot_sqlite import Hot
from central.results import AskNext, FromStation, SkipEntry, read_upward
from wire.ids import new_id
from wire.messages.base import MOST
from wire.messages.stream import Hello, Lost


def test_a_number_that_no_ledger_holds_is_no_message() -> None:
    told = Hello(stream="s", link="l", first=1, last=MOST, last_id="x", seen="").encode()
    lost = Lost(stream="s", link="l", to="c", after=0, upto=MOST, id="x").encode()

    assert read_upward(told) is not None
    assert read_upward(lost) is not None
    for message in (told, lost):
        assert read_upward(message.replace(str(MOST).encode(), str(2**63).encode())) is None


async def test_an_input_that_fails_is_taken_back_and_the_others_are_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Hot.raise_high

    def fails_for_nine(self: Hot, stream: str, high: int, high_id: str) -> None:
        real(self, stream, high, high_id)
        if high == 9:
            raise OverflowError("a bug that is not there yet")

    monkeypatch.setattr(Hot, "raise_high", fails_for_nine)
    async with desk_on(tmp_path / "l.db") as world:
        k1, b1 = Station(world, "k1"), Station(world, "b1")
        await k1.send(k1.checkin("item-1"))
        b1.write(b1.checkin("item-2"))
        bad = Hello(stream=k1.stream, link=k1.link, first=1, last=9, last_id="x", seen="")
        said = [
            world.desk.enqueue(FromStation("k1", bad)),
            world.desk.enqueue(FromStation("b1", b1.entry(1))),
            world.desk.enqueue(FromStation("k1", k1.entry(k1.write(k1.checkin("item-3"))))),
        ]
        failed, *_ = await asyncio.wait_for(asyncio.gather(*said), 5)

        assert failed.detail.startswith("it failed: OverflowError")
        assert world.rows("SELECT item FROM checkin ORDER BY item") == [("item-1",), ("item-2",), ("item-3",)]
        assert world.rows("SELECT upto, high FROM stream WHERE station = 'k1'") == [(2, 0)]


async def test_skip_gives_up_an_entry_that_came_in_another_stream_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> None:
        raise KeyError("a bug that is not there yet")

    async with desk_on(tmp_path / "l.db") as world:
        old, new, fact = Station(world), Station(world), new_id()
        await old.send(old.began())
        await new.send(new.began("salvage", (old.stream,)))
        with monkeypatch.context() as broken:
            broken.setattr(desk_entry, "fact", breaks)
            for stream in (old, new):
                await stream.send(stream.checkin("item-1"), entry=fact)
        said = await asyncio.wait_for(world.desk.submit(SkipEntry("k1", "op")), 5)

        assert said.alarm is not None
        assert said.alarm.kind == "released"
        assert world.rows("SELECT outcome FROM journal WHERE fact_id = ?", fact) == [("skipped",)]
        assert world.rows("SELECT upto, parked_id FROM stream") == [(2, None), (2, None)]


async def test_a_request_that_cannot_be_refused_elsewhere_is_a_case_and_the_next_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = desk_told._answer

    def fails_once(scene: Any, row: Any, decision: Any, boot: str) -> None:
        if row.item == "item-1":
            raise ValueError("a bug that is not there yet")
        real(scene, row, decision, boot)

    monkeypatch.setattr(desk_told, "_answer", fails_once)
    async with desk_on(tmp_path / "l.db", authority=Elsewhere()) as world:
        k1 = Station(world)
        await k1.send(k1.checkout("item-1", "CARD1"))
        await k1.send(k1.checkout("item-2", "CARD2"))
        world.clock.advance(25)
        await k1.send(k1.checkout("item-3", "CARD3"))
        said = await world.desk.submit(AskNext(frozenset(), 4, 20_000, world.ledger.boot))

        assert [call.row.item for call in said.calls] == ["item-3"]
        assert world.rows("SELECT item, state FROM asked ORDER BY item") == [
            ("item-1", "case"),
            ("item-2", "confirmed"),
            ("item-3", "sent"),
        ]


async def test_a_card_of_any_letters_is_asked_for_elsewhere(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db", authority=Elsewhere()) as world:
        k1 = Station(world)
        await k1.send(
            k1.checkout("item-1", "\U0001d11e" * 64)
        )  # four bytes of UTF-8 each: the longest there is
        world.clock.advance(25)
        await world.desk.submit(AskNext(frozenset(), 0, 20_000, world.ledger.boot))

        assert world.rows("SELECT state FROM asked") == [("confirmed",)]
        assert world.cases() == set()


async def test_a_return_after_central_s_own_clock_was_mended_is_placed_by_the_true_time(
    tmp_path: Path,
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1, b1, clock = Station(world), Station(world, "b1"), world.clock
        world.desk.heard("b1", b1.boot, clock.mono())
        for wrong in (-timedelta(days=1), timedelta(days=1)):  # set back by mistake; and mended
            clock._now += wrong
            clock.advance(30)
            world.desk.heard("b1", b1.boot, clock.mono())
        await k1.lend("item-1", "CARD1")
        clock.advance(3600)
        await b1.take_back("item-1")

        assert world.loans() == set()


async def test_a_loan_of_the_future_leaves_a_return_in_doubt(tmp_path: Path) -> None:
    """Lent while central's clock was three days ahead: which of the two came last is for a person."""
    async with desk_on(tmp_path / "l.db") as world:
        k1, b1, clock = Station(world), Station(world, "b1"), world.clock
        clock._now += timedelta(days=3)
        await k1.lend("item-1", "CARD1")
        clock._now -= timedelta(days=3)
        clock.advance(3600)
        await b1.take_back("item-1")

        assert "time-in-doubt:item-1" in world.cases()


async def test_a_return_told_days_late_whose_tag_nobody_reported_on_is_found_in_a_long_look(
    tmp_path: Path,
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        b1 = Station(world, "b1")
        number = b1.write(b1.checkin("item-1"))
        world.clock.advance(2 * 86_400)
        await b1.say(b1.entry(number))
        await world.desk.upkeep()
        assert world.cases() == set()  # an ordinary look goes a day back
        for _ in range(360):
            world.clock.advance(60)
            await world.desk.upkeep()

        assert world.cases() == {"tag-unreported:item-1"}
