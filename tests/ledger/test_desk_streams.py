"""Streams at the desk: every sentence of streams.md §1.5, against a real file."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from desk_kit import Station, desk_on

from central import desk_entry
from central.results import FromStation, RetryStream, SkipEntry, read_upward
from wire.ids import new_id
from wire.messages.stream import Envelope, Hello


async def test_c1_a_hello_is_answered_with_evidence_and_raises_the_claim(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        k1.write(k1.checkin("item-1"))
        k1.write(k1.checkin("item-2"))
        said = await k1.say(k1.hello())

        assert said.resume is not None
        assert (said.resume.upto, said.resume.id) == (0, "")
        assert (said.resume.high, said.resume.high_id) == (2, k1.id_at(2))
        assert (said.resume.link, said.resume.central) == (k1.link, world.ledger.boot)


async def test_c1_an_old_hello_cannot_overwrite_evidence(tmp_path: Path) -> None:
    """Mutant 13: a rolled back disk claims another entry under a number that was claimed before."""
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        k1.write(k1.checkin("item-1"))
        await k1.say(k1.hello())
        other = Hello(stream=k1.stream, link=new_id(), first=1, last=3, last_id="other", seen="")
        said = await k1.say(other)

        assert said.resume is not None
        assert (said.resume.high, said.resume.high_id) == (1, k1.id_at(1))


async def test_c2_an_entry_for_another_boot_is_not_applied(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        said = await k1.say(k1.entry(k1.write(k1.checkout("item-1", "CARD1")), to="another-boot"))

        assert said.resume is not None
        assert said.resume.upto == 0
        assert said.answer is None
        assert world.loans() == set()


async def test_c2_an_entry_is_taken_only_onto_the_entry_before_it(tmp_path: Path) -> None:
    """Counterexample 4: a clone's entry stands in between."""
    async with desk_on(tmp_path / "l.db") as world:
        k1, clone = Station(world), Station(world)
        clone.stream = k1.stream
        k1.write(k1.checkin("item-1"))
        k1.write(k1.checkin("item-2"))
        await clone.say(clone.entry(clone.write(clone.checkin("item-3"))))
        said = await k1.say(k1.entry(2))

        assert said.resume is not None
        assert (said.resume.upto, said.resume.id) == (1, clone.id_at(1))
        assert world.rows("SELECT item FROM checkin") == [("item-3",)]


async def test_c2_a_known_id_moves_on_without_effect_and_repeats_the_answer(tmp_path: Path) -> None:
    """Counterexample 5: a fork sends again what was applied under the old stream."""
    async with desk_on(tmp_path / "l.db") as world:
        old = Station(world)
        first = await old.send(old.checkout("item-1", "CARD1"))
        new = Station(world)
        await new.send(new.began("fork", (old.stream,)))
        new.rows.append(old.rows[0])
        again = await new.say(new.entry(2))

        assert again.answer is not None
        assert first.answer is not None
        assert again.answer.due == first.answer.due
        assert again.answer.title == "Title 1"
        assert again.resume is not None
        assert again.resume.upto == 2
        assert len(world.rows("SELECT 1 FROM loan")) == 1


async def test_c2_a_repeated_request_gets_its_stored_answer_and_resumes_are_rationed(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.send(k1.checkout("item-1", "NO-SUCH-CARD"))
        again, once_more = await k1.say(k1.entry(1)), await k1.say(k1.entry(1))
        world.clock.advance(2)
        later = await k1.say(k1.entry(1))

        assert again.answer is not None
        assert again.answer.outcome == "refused"
        assert once_more.answer == again.answer
        assert [said.resume is not None for said in (again, once_more, later)] == [True, False, True]
        assert len(world.rows("SELECT 1 FROM answer")) == 1


async def test_c2_another_entry_under_a_claimed_number_is_a_case_of_a_fork(tmp_path: Path) -> None:
    """Mutant 14."""
    async with desk_on(tmp_path / "l.db") as world:
        k1, clone = Station(world), Station(world)
        clone.stream = k1.stream
        k1.write(k1.checkin("item-1"))
        await k1.say(k1.hello())
        await clone.say(clone.entry(clone.write(clone.checkin("item-2"))))

        assert world.cases() == {f"fork:{k1.stream}:1"}


async def test_c2_began_opens_its_case_but_not_for_a_stations_first_stream(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.send(k1.began("new"))
        assert world.cases() == set()
        imaged = Station(world)
        await imaged.send(imaged.began("new"))

        assert world.cases() == {f"stream-began:{imaged.stream}"}


async def test_c2_what_is_said_is_said_after_the_commit(tmp_path: Path) -> None:
    """Mutant 18: at the moment of the result another connection sees the row."""
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        for _ in range(20):
            said = await k1.send(k1.checkin("item-1"))
            assert said.resume is not None
            assert world.rows("SELECT upto FROM stream") == [(said.resume.upto,)]


async def test_c2_in_a_group_only_the_last_message_of_a_link_brings_the_resume(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        for number in range(1, 6):
            k1.write(k1.checkin(f"item-{number}"))
        done = [world.desk.enqueue(FromStation("k1", k1.entry(n))) for n in range(1, 6)]
        said = await asyncio.gather(*done)

        assert [s.resume.upto if s.resume else None for s in said] == [None, None, None, None, 5]


async def test_c3_an_unexpected_exception_parks_that_stream_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One entry fails in the midst of a group: it is taken back, later ones of its stream wait, others go on."""
    real = desk_entry.fact

    def fails_on_item_2(scene: Any, body: Any) -> Any:
        item = real(scene, body)
        if item == "item-2" and scene.station == "k1":
            raise RuntimeError("a bug")
        return item

    async with desk_on(tmp_path / "l.db") as world:
        k1, k2 = Station(world), Station(world, "k2")
        for number in (1, 2, 3):
            k1.write(k1.checkin(f"item-{number}"))
            k2.write(k2.checkin(f"item-{number}"))
        monkeypatch.setattr(desk_entry, "fact", fails_on_item_2)  # a bug that is not there yet
        both = [(k, n) for n in (1, 2, 3) for k in (k1, k2)]
        said = await asyncio.gather(*(world.desk.enqueue(FromStation(k.name, k.entry(n))) for k, n in both))

        assert [s.alarm.kind for s in said if s.alarm] == ["parked"]
        assert sorted(world.rows("SELECT station, item FROM checkin")) == [
            ("k1", "item-1"), ("k2", "item-1"), ("k2", "item-2"), ("k2", "item-3")
        ]  # fmt: skip
        resumes = [s.resume for s in said if s.resume]
        assert {(r.upto, r.parked) for r in resumes} == {(1, True), (3, False)}
        [parked] = await world.ledger.parked()
        assert (parked.station, parked.seq) == ("k1", 2)

        still = await k1.say(k1.entry(2))
        assert still.resume is not None
        assert still.resume.parked
        monkeypatch.setattr(desk_entry, "fact", real)
        released = await world.desk.submit(RetryStream("k1", "anna"))
        assert released.alarm is not None
        assert released.alarm.kind == "released"
        await k1.say(k1.entry(2))
        done = await k1.say(k1.entry(3))
        assert done.resume is not None
        assert done.resume.upto == 3


async def test_c3_skip_gives_the_entry_up_with_a_case_and_the_stream_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(scene: Any, body: Any) -> Any:
        raise RuntimeError("a bug")

    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        k1.write(k1.checkin("item-1"))
        with monkeypatch.context() as patched:
            patched.setattr(desk_entry, "fact", fails)
            await k1.say(k1.entry(1))
        said = await world.desk.submit(SkipEntry("k1", "anna"))
        assert "given up" in said.detail
        await k1.send(k1.checkin("item-2"))

        assert world.cases() == {f"entry-skipped:{k1.id_at(1)}"}
        assert world.rows("SELECT outcome FROM journal ORDER BY seq") == [("skipped",), ("applied",)]
        assert world.rows("SELECT item FROM checkin") == [("item-2",)]
        assert (await world.desk.submit(SkipEntry("k1", "anna"))).alarm is None


async def test_c4_a_body_nobody_can_decode_is_a_dead_letter_and_the_stream_moves_on(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        said = await k1.send({"schema": "teleported/9", "card": "CARD1"})

        assert said.resume is not None
        assert said.resume.upto == 1
        assert world.cases() == {f"dead-letter:{k1.id_at(1)}"}
        assert world.rows("SELECT outcome FROM journal") == [("dead",)]
        assert "CARD1" not in str(world.rows('SELECT detail FROM "case"'))


async def test_c4_an_envelope_that_alone_can_be_read_is_a_dead_letter_too(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        k1.rows.append((new_id(), {}))
        told = k1.entry(1).model_dump_json().replace('"body":{}', '"body":[1,2]')
        message = read_upward(told.encode())
        assert isinstance(message, Envelope)
        said = await k1.say(message)

        assert said.resume is not None
        assert said.resume.upto == 1
        assert world.cases() == {f"dead-letter:{k1.id_at(1)}"}


def test_c4_an_unreadable_envelope_is_nothing() -> None:
    assert read_upward(b"{}") is None
    assert read_upward(b"\xff\xfe") is None


async def test_c6_a_restarted_central_is_another_boot_and_needs_nothing_else(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.send(k1.checkin("item-1"))
        before = world.ledger.boot, world.ledger.epoch
    async with desk_on(tmp_path / "l.db", seed=False) as world:
        k1.world = world
        said = await k1.say(k1.hello())

        assert said.resume is not None
        assert said.resume.central != before[0]
        assert said.resume.upto == 1
        assert world.ledger.epoch == before[1] + 1


async def test_a_stream_of_another_station_moves_nothing_and_is_told(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1, thief = Station(world), Station(world, "k2")
        await k1.send(k1.checkin("item-1"))
        thief.stream = k1.stream
        said = await thief.say(thief.hello())

        assert said.alarm is not None
        assert said.alarm.kind == "foreign-stream"
        assert said.resume is None


async def test_what_a_salvaged_stream_carries_keeps_its_own_time(tmp_path: Path) -> None:
    """A return made offline, carried over by a salvage, must not end a loan made after it elsewhere."""
    async with desk_on(tmp_path / "l.db") as world:
        k1, k2 = Station(world), Station(world, "k2")
        await k1.lend("item-1", "CARD1")
        returned = k1.checkin("item-1")  # offline: central hears of it only after the salvage
        world.clock.advance(30)
        await k2.lend("item-1", "CARD2")
        world.clock.advance(30)
        k1.stream, k1.rows, k1.boot = new_id(), [], new_id()

        await k1.send(k1.began("salvage"))
        await k1.send(returned)

        assert world.loans() == {("item-1", "patron-2")}
