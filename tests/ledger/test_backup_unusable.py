"""Copies that must not be put in a ledger's place: what verify says of them, and what restore takes instead."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from copies_kit import NOW, quiet, two_copies

from central.ledger import backup
from central.ledger.backup import back_up, check, copies, restore
from central.ledger.ledger import Ledger
from turnleaf.cli import main
from wire.errors import ConfigError, WireError


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    Ledger.open(f"sqlite:///{tmp_path / 'l.db'}").close()
    return tmp_path / "l.db"


def of_a_newer_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '0099'")
        db.execute("DROP TABLE loan")  # a newer one may have other tables


def test_a_copy_of_a_newer_turnleaf_is_told_and_passed_over(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older, newest = two_copies(ledger)
    of_a_newer_program(newest)
    before = ledger.read_bytes()

    assert any("written by a newer Turnleaf" in fault for fault in check(newest).faults)
    assert main(["ledger", "verify", str(newest)]) == 1
    with pytest.raises(ConfigError) as error:
        restore(newest, ledger, NOW, quiet)
    assert "0099" in error.value.seen
    assert ledger.read_bytes() == before
    capsys.readouterr()

    code = main(["ledger", "restore", str(newest.parent), "--db", f"sqlite:///{ledger}", "--json"])

    assert (code, json.loads(capsys.readouterr().out)["copy"]) == (0, str(older))


@pytest.mark.parametrize("lacking", [1, 10, 4000])
def test_a_copy_that_lacks_its_end_is_told_and_passed_over(
    ledger: Path, capsys: pytest.CaptureFixture[str], lacking: int
) -> None:
    older, newest = two_copies(ledger)
    newest.write_bytes(newest.read_bytes()[:-lacking])

    assert check(newest).faults[0].startswith(f"{lacking} of its ")
    assert main(["ledger", "verify", str(newest)]) == 1
    capsys.readouterr()

    code = main(["ledger", "restore", str(newest.parent), "--db", f"sqlite:///{ledger}", "--json"])

    assert (code, json.loads(capsys.readouterr().out)["copy"]) == (0, str(older))


def test_a_ledger_in_use_is_not_judged_by_its_size(ledger: Path) -> None:
    opened = Ledger.open(f"sqlite:///{ledger}")
    opened.hot.connection.execute("CREATE TABLE large AS SELECT randomblob(500000) AS x")

    assert check(ledger).faults == ()

    opened.close()
    assert check(ledger).faults == ()


def test_copies_of_the_same_second_are_kept_beside_one_another(ledger: Path) -> None:
    folder = ledger.with_name("copies")
    made = []
    for number in range(3):
        with closing(sqlite3.connect(ledger)) as db, db:
            db.execute("UPDATE lease SET epoch = ?", (100 + number,))
        made.append(back_up(ledger, folder, NOW, 9, quiet)[0])

    assert copies(folder) == made
    assert [check(copy).epoch for copy in made] == [100, 101, 102]
    assert {path for path in folder.iterdir() if path not in made} == {Path(f"{one}.sha256") for one in made}

    kept = [restore(made[number], ledger, NOW, quiet)[1] for number in range(3)]
    assert [check(path).epoch for path in kept if path is not None] == [102, 100, 101]


def test_a_copy_that_another_process_is_making_is_left_to_it(ledger: Path) -> None:
    folder = ledger.with_name("copies")
    folder.mkdir()
    other = folder / f"{NOW:%Y%m%dT%H%M%SZ}.unfinished"
    other.write_bytes(b"half of it")

    back_up(ledger, folder, NOW, 9, quiet)

    assert other.read_bytes() == b"half of it"


def test_a_restore_without_room_leaves_the_old_ledger_and_nothing_half(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, _ = two_copies(ledger)
    before = ledger.read_bytes()

    def full(source: Path, target: Path, progress: object) -> None:
        target.write_bytes(source.read_bytes()[:5000])
        Path(f"{target}-journal").touch()
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(backup, "_copy", full)
        with pytest.raises(WireError) as error:
            restore(copy, ledger, NOW, quiet)

    assert error.value.seen == f"{ledger}: database or disk is full"
    assert error.value.why == "The old ledger is untouched."
    assert ledger.read_bytes() == before
    assert list(ledger.parent.glob("*.restoring*")) == []
    restore(copy, ledger, NOW, quiet)


def test_a_copy_of_which_the_disk_says_nothing_is_not_told_as_the_old_ledger(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, _ = two_copies(ledger)

    def fails(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(backup, "_sync", fails)
    with pytest.raises(WireError) as error:
        restore(copy, ledger, NOW, quiet)

    assert error.value.why.startswith("The copy stands there")
    assert check(ledger).faults == ()


def test_a_folder_of_any_name_holds_ledger_and_copies(tmp_path: Path) -> None:
    folder = tmp_path / "50% a#1?mode=rwc"
    folder.mkdir()
    Ledger.open(f"sqlite:///{folder}/l.db".replace("?", "%3F")).close()
    (file,) = folder.glob("*.db")
    copy, found = back_up(file, folder / "copies", NOW, 9, quiet)

    assert found.faults == check(copy).faults == ()


@pytest.mark.parametrize("harm", ["schema", "header", "end"])
def test_a_backup_of_a_damaged_ledger_names_the_ledger_and_leaves_nothing_half(
    ledger: Path, harm: str
) -> None:
    two_copies(ledger)
    made = sorted(ledger.with_name("copies").iterdir())
    data = ledger.read_bytes()
    harmed = {
        "schema": data[:100] + bytes(3996) + data[4096:],
        "header": b"somebody's letter" + data[17:],
        "end": data[:-10],
    }
    ledger.write_bytes(harmed[harm])

    with pytest.raises(WireError) as error:
        back_up(ledger, ledger.with_name("copies"), NOW, 9, quiet)

    assert error.value.seen.startswith(f"{ledger}: the ledger itself is damaged: ")
    assert "turnleaf ledger restore" in error.value.do
    assert sorted(ledger.with_name("copies").iterdir()) == made
