"""What a kiosk, a gate and an operator may ask of the ledger; and how a registry gets into it."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from desk_kit import KEY, START, Station, desk_on

from central.ledger import alarms, seed
from central.ledger.ledger import Ledger
from central.ledger.rows import millis
from circulation.policy import Policy
from turnleaf.cli import main
from wire.errors import ConfigError
from wire.ids import item_hash

PATRON = {"patron": "p9", "card": "C9", "first_name": "Nine", "class": "adult", "home": "main"}


def registry(**parts: Any) -> seed.Registry:
    return seed.Registry.model_validate_json(json.dumps(parts))


async def test_an_account_is_greeted_and_counted(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await Station(world).lend("item-1", "CARD1")
        said = await world.ledger.account("ask-1", "CARD1", None, world.clock.now())

        assert (said.known, said.greeting, said.language, said.loans, said.limit) == (
            True,
            "Name1",
            "en",
            1,
            30,
        )
        assert said.refusal is None
        unknown = await world.ledger.account("ask-2", "NOBODY", None, world.clock.now())
        assert (unknown.known, unknown.refusal and unknown.refusal.code) == (False, "unknown-card")


async def test_an_account_says_why_its_patron_may_not_borrow(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        extra = registry(
            patrons=[
                PATRON | {"blocked": "card-blocked"},
                PATRON | {"patron": "p8", "card": "C8", "expires": "2026-03-01"},
            ]
        )
        await world.desk.write(lambda hot: None)
        seed.load(world.ledger.hot, extra, millis(START))
        blocked = await world.ledger.account("a", "C9", None, world.clock.now())
        expired = await world.ledger.account("a", "C8", None, world.clock.now())

        assert [blocked.refusal and blocked.refusal.code, expired.refusal and expired.refusal.code] == [
            "card-blocked",
            "card-expired",
        ]


async def test_a_pin_is_compared_and_kept_nowhere(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        seed.load(world.ledger.hot, registry(patrons=[PATRON | {"pin": "271828182"}]), millis(START))
        right = await world.ledger.account("a", "C9", "271828182", world.clock.now())
        wrong = await world.ledger.account("a", "C9", "314159265", world.clock.now())
        world.ledger.hot.shed()

        assert right.known
        assert (wrong.known, wrong.refusal and wrong.refusal.code) == (False, "wrong-pin")
        assert b"271828182" not in (tmp_path / "l.db").read_bytes()


@pytest.mark.parametrize("of_none", ["wrong", "right"])
async def test_who_has_no_pin_is_told_by_none_but_where_the_policy_says_so(
    tmp_path: Path, of_none: str
) -> None:
    async with desk_on(tmp_path / "l.db", policy=Policy.model_validate({"pin_of_none": of_none})) as world:
        seed.load(world.ledger.hot, registry(patrons=[PATRON]), millis(START))
        said = [await world.ledger.account("a", "C9", pin, world.clock.now()) for pin in (None, "", "1234")]

    assert [one.known for one in said] == [True, True, of_none == "right"]


async def test_an_item_says_its_title_and_whereabouts(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await Station(world).lend("item-1", "CARD1")
        seen = await world.ledger.item("a", "item-1")

        assert (seen.known, seen.title, seen.on_loan, seen.due) == (True, "Title 1", True, date(2026, 3, 30))
        assert not (await world.ledger.item("a", "nothing")).known
        assert [await world.ledger.on_loan(i) for i in ("item-1", "item-2", "nothing")] == [True, False, None]


async def test_a_snapshot_and_the_changes_after_it_come_to_the_same_as_a_later_snapshot(
    tmp_path: Path,
) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        await k1.lend("item-1", "CARD1")
        before = await world.ledger.snapshot_items(KEY)
        await k1.take_back("item-1")
        await k1.lend("item-2", "CARD2")
        changes = await world.ledger.changes_after(before.n, KEY)
        after = await world.ledger.snapshot_items(KEY)

        assert changes is not None
        copy = {h: (v, s) for h, v, s in before.rows}
        for change in changes.changes:
            copy[int(change.h, 16)] = (change.v, {"available": 0, "loan": 1, "gone": 2}[change.s])
        assert copy == {h: (v, s) for h, v, s in after.rows}
        assert copy[item_hash(KEY, "item-2")][1] == 1
        assert changes.n == after.n
        rest = await world.ledger.changes_after(after.n, KEY)
        assert rest is not None
        assert rest.changes == ()
        assert await world.ledger.changes_after(after.n + 1, KEY) is None


async def test_registry_of_stations_and_branches(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        assert [(s.station, s.kind) for s in await world.ledger.stations()] == [
            ("b1", "bin"),
            ("g1", "gate"),
            ("k1", "kiosk"),
            ("k2", "kiosk"),
        ]
        assert [b.zone for b in await world.ledger.branches()] == ["Europe/Copenhagen"] * 2


async def test_an_item_returned_before_it_was_known_has_its_history_when_it_is_loaded(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        k1 = Station(world)
        late = k1.write(k1.checkout("new-1", "CARD1", at=START))
        world.clock.advance(30)
        await k1.say(k1.entry(late))
        bin_ = Station(world, "b1")
        await bin_.take_back("new-1")
        item = {"item": "new-1", "title": "New", "class": "book", "branch": "main"}
        loaded = seed.load(world.ledger.hot, registry(items=[item]), millis(world.clock.now()))

        assert loaded.changed == 1
        assert world.rows("SELECT loan, last_id <> '' FROM item WHERE item = 'new-1'") == [(None, 1)]


async def test_loading_twice_changes_nothing_and_touches_no_loan(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        await Station(world).lend("item-1", "CARD1")
        item = {"item": "item-1", "title": "Renamed", "class": "book", "branch": "main"}
        once = seed.load(world.ledger.hot, registry(items=[item]), millis(START))
        gone = seed.load(world.ledger.hot, registry(items=[item | {"gone": True}]), millis(START))

        assert (once.changed, gone.changed) == (0, 1)
        assert world.loans() == {("item-1", "patron-1")}
        assert (await world.ledger.item("a", "item-1")).title == "Renamed"


async def test_alarms_are_kept_whole(tmp_path: Path) -> None:
    async with desk_on(tmp_path / "l.db") as world:
        row = alarms.AlarmRow(
            "a1", "station-lost", "k1", "main", "", "act", "unacknowledged", 1, 2, value=1.5
        )
        await world.desk.write(lambda hot: alarms.save(hot, [row]))
        shelved = alarms.AlarmRow(
            "a1", "station-lost", "k1", "main", "", "act", "shelved", 1, 3, shelved_until=9, shelved_by="anna"
        )
        await world.desk.write(lambda hot: alarms.save(hot, [shelved]))

        assert await world.ledger.read(alarms.load_all) == [shelved]


def test_the_command_makes_loads_and_shows_a_ledger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = f"sqlite:///{tmp_path / 'l.db'}"
    file = tmp_path / "registry.json"
    file.write_text(
        json.dumps(
            {"branches": [{"branch": "main", "name": "Main", "zone": "Europe/Oslo"}], "patrons": [PATRON]}
        )
    )
    assert main(["ledger", "init", "--db", db]) == 0
    assert main(["ledger", "load", str(file), "--db", db, "--json"]) == 0
    capsys.readouterr()
    assert main(["ledger", "show", "--db", db, "--json"]) == 0

    shown = json.loads(capsys.readouterr().out)
    assert (shown["branches"], shown["patrons"], shown["loans_open"]) == (1, 1, 0)
    assert main(["ledger", "cases", "--db", db]) == 0
    assert "No case is open." in capsys.readouterr().out


def test_show_works_beside_central_but_load_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = f"sqlite:///{tmp_path / 'l.db'}"
    file = tmp_path / "registry.json"
    file.write_text("{}")
    central = Ledger.open(db)
    try:
        assert main(["ledger", "show", "--db", db]) == 0
        assert main(["ledger", "load", str(file), "--db", db]) == 3
    finally:
        central.close()


def test_a_registry_with_faults_is_told_without_quoting_it(tmp_path: Path) -> None:
    file = tmp_path / "registry.json"
    file.write_text(
        json.dumps(
            {
                "patrons": [PATRON | {"card": "", "pin": "271828"}],
                "branches": [{"branch": "main", "name": "", "zone": "Mars/Base"}],
            }
        )
    )
    with pytest.raises(ConfigError) as error:
        seed.read(file)

    assert "patrons.0.card" in error.value.seen
    assert "IANA" in error.value.seen
    assert "271828" not in str(error.value)
    with pytest.raises(ConfigError):
        seed.read(tmp_path / "none.json")


def test_the_example_in_the_documentation_is_a_registry() -> None:
    example = seed.read(Path(__file__).parents[2] / "docs" / "examples" / "registry.json")

    assert [s.kind for s in example.stations] == ["kiosk", "gate", "bin"]
