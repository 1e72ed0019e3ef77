"""What breaks no rule is found by a copy's sum; and a disk that fails is not told as damage."""

import json
import os
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from copies_kit import NOW, quiet, two_copies
from desk_kit import Station, desk_on
from sqlalchemy import text

from central.ledger import backup, database, trouble
from central.ledger.backup import back_up, check, restore
from turnleaf.cli import main
from wire.errors import ConfigError, TurnleafError


@pytest.fixture
async def ledger(tmp_path: Path) -> Path:
    async with desk_on(tmp_path / "l.db") as world:
        await Station(world).lend("item-1", "CARD1")
    return tmp_path / "l.db"


def flip(copy: Path) -> None:
    """Change one bit of a title."""
    data = copy.read_bytes()
    assert b"Title 1" in data
    copy.write_bytes(data.replace(b"Title 1", b"Title 3", 1))


def test_a_copy_in_which_a_byte_became_another_is_not_put_in_the_ledger_s_place(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older, newest = two_copies(ledger)
    flip(newest)
    subprocess.run(["sha256sum", "--check", f"{older.name}.sha256"], cwd=older.parent, check=True)

    code = main(["ledger", "verify", str(newest), "--json"])
    (told,) = json.loads(capsys.readouterr().out)["files"]
    with pytest.raises(ConfigError, match="not those that were copied"):
        restore(newest, ledger, NOW, quiet)

    assert code == 1
    assert told["faults"] == [f"its bytes are not those that were copied, by {newest.name}.sha256"]
    assert main(["ledger", "restore", str(newest.parent), "--db", f"sqlite:///{ledger}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["copy"] == str(older)


def test_a_copy_of_an_older_program_has_no_sum_and_is_sound(ledger: Path) -> None:
    copy, _ = two_copies(ledger)
    copy.with_name(f"{copy.name}.sha256").unlink()

    assert check(copy).faults == ()


def test_sums_go_with_their_copies_and_none_is_left_alone(ledger: Path) -> None:
    folder = ledger.with_name("copies")
    two_copies(ledger)
    lone = folder / "20250101T000000Z.turnleaf-ledger.sha256"
    lone.touch()
    os.utime(lone, (NOW.timestamp(), NOW.timestamp()))
    made, _ = back_up(ledger, folder, NOW + timedelta(days=2), 1, quiet)

    assert sorted(folder.iterdir()) == [made, Path(f"{made}.sha256")]


def test_a_backup_that_fails_in_the_end_leaves_no_sum(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Path, __: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(TurnleafError, match="No space"):
        back_up(ledger, ledger.with_name("copies"), NOW, 9, quiet)

    assert list(ledger.with_name("copies").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"somebody's letter"])
def test_one_file_that_is_no_ledger_is_not_sound(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)

    code = main(["ledger", "verify", str(file), "--json"])

    told = json.loads(capsys.readouterr().out)
    assert (code, told["sound"]) == (1, False)
    assert told["files"][0]["faults"]


def _error(code: int, words: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(("free", "said"), [(4096, "is full, 4 kB are left"), (10**9, "disk I/O error")])
def test_a_check_for_which_there_is_no_room_speaks_of_the_disk(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, free: int, said: str
) -> None:
    def fails(_: Path) -> sqlite3.Connection:
        raise _error(sqlite3.SQLITE_IOERR, "disk I/O error")

    monkeypatch.setattr(trouble, "_free", lambda _: free)
    monkeypatch.setattr(backup, "_read_only", fails)
    with pytest.raises(TurnleafError) as error:
        check(ledger)

    assert said in error.value.seen
    assert "damaged" not in str(error.value)


def test_a_copy_whose_sum_cannot_be_read_is_told_by_what_the_disk_says(ledger: Path) -> None:
    copy, _ = two_copies(ledger)
    beside = Path(f"{copy}.sha256")
    beside.unlink()
    beside.mkdir()

    with pytest.raises(TurnleafError) as error:
        check(copy)

    assert "Is a directory" in error.value.seen
    assert error.value.why == "Whether it is sound cannot be told now."


def test_a_new_ledger_for_which_there_is_no_room_speaks_of_the_disk(tmp_path: Path) -> None:
    engine = database.engine(f"sqlite:///{tmp_path / 'l.db'}", writing=True)

    def make() -> None:
        with database.connected(engine) as connection:
            connection.execute(text("PRAGMA max_page_count = 1"))
            connection.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY)"))

    with pytest.raises(TurnleafError) as error:
        make()

    assert "l.db is full" in error.value.seen
    assert "restore nothing" in error.value.do
