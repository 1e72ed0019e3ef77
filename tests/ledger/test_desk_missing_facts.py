"""What a station promised and does not bring is a case, never silence (streams.md C1, C5, S4, S6)."""

from pathlib import Path

from desk_kit import Station, desk_on


async def test_c1_facts_of_another_stream_of_the_station_that_never_came_are_a_case(tmp_path: Path) -> None:
    """Mutant 15; and the case closes itself when they arrive."""
    async with desk_on(tmp_path / "l.db") as world:
        old, new = Station(world), Station(world)
        old.write(old.checkin("item-1"))
        await old.say(old.hello())
        await new.say(new.hello())
        assert world.cases() == {f"facts-not-delivered:{old.stream}"}
        await old.say(old.entry(1))

        assert world.cases() == set()


async def test_c1_the_case_closes_too_when_the_facts_come_in_the_stream_of_a_fork(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        old, new = Station(world), Station(world)
        old.write(old.checkin("item-1"))
        await old.say(old.hello())
        await new.send(new.began("fork", (old.stream,)))
        await new.say(new.hello())
        assert f"facts-not-delivered:{old.stream}" in world.cases()
        new.rows.append(old.rows[0])
        await new.say(new.entry(2))
        await new.say(new.hello())

        assert world.cases() == {f"stream-began:{new.stream}"}


async def test_s4_what_a_salvage_could_not_read_stands_in_the_case_of_its_stream(tmp_path: Path) -> None:
    """The case of what was not delivered closes with the last of them; those lost before it stay told."""
    async with desk_on(tmp_path / "l.db") as world:
        old, new = Station(world), Station(world)
        for _ in range(3):
            old.write(old.checkin("item-1"))
        await old.say(old.hello())
        await new.send(new.began("salvage", (old.stream,)).model_copy(update={"missing": 2}))
        new.rows.append(old.rows[2])
        await new.say(new.entry(2))
        await new.say(new.hello())
        (told,) = world.rows('SELECT kind, detail FROM "case" WHERE closed IS NULL')

        assert told[0] == "stream-began"
        assert "2 of them could not be read, and may be lost" in told[1]


async def test_s6_a_void_uses_its_number_up_and_is_a_case(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        said = await k1.say(k1.void(k1.write(k1.checkin("item-1"))))

        assert said.resume is not None
        assert said.resume.upto == 1
        assert world.cases() == {f"entry-void:{k1.id_at(1)}"}
        assert world.rows("SELECT 1 FROM checkin") == []


async def test_c5_facts_nobody_can_send_any_more_are_a_case(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        for number in range(1, 6):
            k1.write(k1.checkin(f"item-{number}"))
        said = await k1.say(k1.lost(0, 4))
        assert said.resume is not None
        assert (said.resume.upto, said.resume.id) == (4, k1.id_at(4))
        await k1.say(k1.entry(5))

        assert world.cases() == {f"facts-lost:{k1.stream}:1-4"}
        assert world.rows("SELECT item FROM checkin") == [("item-5",)]


async def test_c5_lost_counts_only_from_where_central_stands(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        for number in range(1, 4):
            k1.write(k1.checkin(f"item-{number}"))
        await k1.say(k1.entry(1))
        await k1.say(k1.lost(0, 3))

        assert world.cases() == set()
        assert world.rows("SELECT upto FROM stream") == [(1,)]
