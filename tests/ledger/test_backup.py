"""Copies of the ledger: made under load, checked, put back without losing what stood there."""

import asyncio
import json
import os
import sqlite3
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from copies_kit import NOW, quiet
from desk_kit import Station, desk_on

from central.ledger.backup import back_up, check, copies, restore
from central.ledger.lock import LedgerHeld
from turnleaf.cli import main
from wire.errors import ConfigError, WireError


async def test_a_copy_made_while_the_desk_works_is_whole_and_of_one_moment(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)

        async def lend_and_return() -> None:
            for turn in range(60):
                await k1.lend(f"item-{1 + turn % 9}", "CARD1")
                await k1.take_back(f"item-{1 + turn % 9}")

        working = asyncio.create_task(lend_and_return())
        made = []
        while not working.done():
            at = NOW + timedelta(seconds=len(made))
            made.append(
                await asyncio.to_thread(back_up, tmp_path / "l.db", tmp_path / "copies", at, 100, quiet)
            )
        await working

    facts = [found.facts for _, found in made]
    assert facts == sorted(facts)
    assert len(set(facts)) > 1, "the desk wrote between the copies"
    assert all(check(path).faults == () for path, _ in made)


async def test_only_the_newest_are_kept_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db"):
        for day in range(4):
            back_up(tmp_path / "l.db", tmp_path / "copies", NOW + timedelta(days=day), 2, quiet)

    names = [path.name for path in copies(tmp_path / "copies")]
    assert names == ["20260305T023000Z.turnleaf-ledger", "20260306T023000Z.turnleaf-ledger"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in copies(tmp_path / "copies")} == {0o600}


async def test_a_restored_ledger_goes_on_and_the_stations_bring_what_it_lacks(tmp_path: Path) -> None:
    ledger = tmp_path / "l.db"
    async with desk_on(ledger) as world:
        k1, clock = Station(world), world.clock
        await k1.lend("item-1", "CARD1")
        copy, _ = back_up(ledger, tmp_path / "copies", NOW, 5, quiet)
        said = await k1.send(k1.checkout("item-2", "CARD2"))
        await k1.send(k1.written(k1.rows[-1][0], "item-2"))
        await k1.take_back("item-1")
        with pytest.raises(LedgerHeld) as error:
            restore(copy, ledger, NOW, quiet)
        assert f"process {os.getpid()}" in error.value.seen
        stream, rows, answer = k1.stream, k1.rows, said.answer

    _, kept = restore(copy, ledger, NOW, quiet)
    assert kept is not None

    async with desk_on(ledger, clock, seed=False) as world:
        k1 = Station(world)
        k1.stream, k1.rows = stream, rows
        assert world.loans() == {("item-1", "patron-1")}
        hello = await k1.say(k1.hello())
        assert hello.resume is not None
        for seq in range(hello.resume.upto + 1, len(rows) + 1):
            asked = rows[seq - 1][1]["schema"] == "checkout/1"
            await k1.say(k1.entry(seq, answer=answer if asked else None))
        assert world.loans() == {("item-2", "patron-2")}
        assert world.cases() == set()
    assert check(kept).facts == 6
    assert check(ledger).faults == ()


async def test_a_copy_that_breaks_a_rule_is_told_and_never_restored(tmp_path: Path) -> None:
    ledger = tmp_path / "l.db"
    async with desk_on(ledger) as world:
        await Station(world).lend("item-1", "CARD1")
    copy, _ = back_up(ledger, tmp_path / "copies", NOW, 5, quiet)
    with sqlite3.connect(copy) as db:
        db.execute("UPDATE loan SET ended = start")
    before = ledger.read_bytes()

    with pytest.raises(ConfigError) as error:
        restore(copy, ledger, NOW, quiet)

    assert "1 items that are on a loan which is not open" in error.value.seen
    assert ledger.read_bytes() == before


async def test_a_damaged_page_is_found(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await Station(world).lend("item-1", "CARD1")
    copy, _ = back_up(tmp_path / "l.db", tmp_path / "copies", NOW, 5, quiet)
    data = bytearray(copy.read_bytes())
    data[4096 * 3 : 4096 * 8] = bytes(4096 * 5)
    copy.write_bytes(data)

    try:
        faults: tuple[str, ...] = check(copy).faults
    except ConfigError as error:
        faults = (error.seen,)

    assert faults


async def test_a_ledger_that_breaks_its_rules_makes_no_copy_under_a_good_name(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await Station(world).lend("item-1", "CARD1")
    with sqlite3.connect(tmp_path / "l.db") as db:
        db.execute("UPDATE item SET loan = NULL")

    with pytest.raises(WireError) as error:
        back_up(tmp_path / "l.db", tmp_path / "copies", NOW, 5, quiet)

    assert "open loans that their item does not know" in error.value.seen
    assert copies(tmp_path / "copies") == []


async def test_of_the_copies_that_are_not_sound_only_the_last_is_left_until_one_is_made(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "copies"
    async with desk_on(tmp_path / "l.db") as world:
        await Station(world).lend("item-1", "CARD1")
    with sqlite3.connect(tmp_path / "l.db") as db:
        db.execute("UPDATE item SET loan = NULL")
    folder.mkdir()
    somebodys = {"notes.unfinished", "20260301T000000Z-notes.unfinished"}
    for name in somebodys:
        (folder / name).write_text("somebody's")
        os.utime(folder / name, (0, 0))

    for day in range(4):
        with pytest.raises(WireError):
            back_up(tmp_path / "l.db", folder, NOW + timedelta(days=day), 2, quiet)
        for unfinished in folder.glob("2*[0-9Z].unfinished"):
            second = unfinished.rename(unfinished.with_stem(f"{unfinished.stem.removesuffix('_002')}_002"))
            then = (NOW + timedelta(days=day)).timestamp()
            os.utime(second, (then, then))
    left = {path.name for path in folder.iterdir()}
    with sqlite3.connect(tmp_path / "l.db") as db:
        db.execute("UPDATE item SET loan = (SELECT request FROM loan) WHERE item = 'item-1'")
    made, _ = back_up(tmp_path / "l.db", folder, NOW + timedelta(days=4), 2, quiet)

    assert left == {*somebodys, "20260306T023000Z_002.unfinished"}
    assert {path.name for path in folder.iterdir()} == {*somebodys, made.name, f"{made.name}.sha256"}


async def test_from_a_folder_the_newest_copy_that_can_be_read_and_is_sound_is_restored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, good = tmp_path / "copies", NOW + timedelta(days=1)
    async with desk_on(tmp_path / "l.db") as world:
        await Station(world).lend("item-1", "CARD1")
        for day in range(4):
            back_up(tmp_path / "l.db", folder, NOW + timedelta(days=day), 9, quiet)
    oldest, sound, broken, unreadable = copies(folder)
    with sqlite3.connect(broken) as db:
        db.execute("UPDATE item SET loan = NULL")
    unreadable.write_bytes(b"no ledger at all" * 1000)

    code = main(["ledger", "restore", str(folder), "--db", f"sqlite:///{tmp_path / 'new.db'}", "--json"])

    said = capsys.readouterr()
    assert (code, json.loads(said.out)["copy"]) == (0, str(sound))
    assert (broken.name in said.err, unreadable.name in said.err, oldest.name in said.err) == (
        True, True, False
    )  # fmt: skip
    assert good.strftime("%Y%m%d") in sound.name
