"""`turnleaf ledger import` as people run it: exit codes, what it prints, kill -9, a central beside it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from import_kit import ROOT, bring, everything, make, rows, turnleaf, url

from central.imports.meter import Meter
from central.ledger.ledger import Ledger
from turnleaf.cli import main
from wire.clock import FakeClock

HEADER = "barcode,title,itype,homebranch,withdrawn\n"


def many(count: int) -> str:
    return HEADER + "".join(
        f"b{n},Title {n},{'BK' if n % 7 else ''},main,{int(n % 5 == 0)}\n" for n in range(count)
    )


def code(folder: Path, *words: str) -> int:
    """Return the exit code, from a command in this process."""
    try:
        return main(["ledger", *words, "--db", url(folder)])
    except SystemExit as ended:  # argparse
        return int(ended.code or 0)


def test_exit_codes_say_what_came_of_it(tmp_path: Path) -> None:
    make(tmp_path)
    good, some, none = (str(tmp_path / f"{name}.csv") for name in ("good", "some", "none"))
    Path(good).write_text(HEADER + "b1,A,BK,main,0\n", encoding="utf-8")
    Path(some).write_text(HEADER + "b2,A,BK,main,0\nb3,A,,main,0\n", encoding="utf-8")
    Path(none).write_text("colour\nred\n", encoding="utf-8")
    kind = ("--kind", "items")

    assert code(tmp_path, "import", good, *kind) == 0
    assert code(tmp_path, "import", some, good, *kind) == 1
    assert code(tmp_path, "import", none, *kind) == 2
    assert code(tmp_path, "import", str(tmp_path / "away.csv"), *kind) == 2
    assert code(tmp_path, "import", str(tmp_path), *kind) == 2
    assert code(tmp_path, "import", good) == 2
    assert code(tmp_path, "import", good, *kind, "--set", "owner") == 2
    assert code(tmp_path, "import", good, *kind, "--batch", "0") == 2
    assert code(tmp_path, "import", good, *kind, "--make-branches", "Mars/Base") == 2
    assert code(tmp_path / "elsewhere", "import", good, *kind) == 2


@pytest.mark.parametrize("mode", [(), ("--dry-run",)])
def test_beside_a_central_only_a_dry_run_is_made(mode: tuple[str, ...], tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "good.csv").write_text(HEADER + "b1,A,BK,main,0\n", encoding="utf-8")
    with closing(Ledger.open(url(tmp_path))):
        done = turnleaf(tmp_path, "import", "good.csv", "--kind", "items", *mode)

    assert done.returncode == (0 if mode else 3)
    assert ("1 would be added" in done.stdout) == bool(mode)
    assert ("Stop that one first" in done.stderr) == (not mode)
    assert rows(tmp_path, "SELECT count(*) FROM item WHERE item = 'b1'") == [(0,)]


def test_a_constant_can_be_told_on_the_line(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "i.csv").write_text("barcode\nb1\n", encoding="utf-8")

    done = turnleaf(
        tmp_path, "import", "i.csv", "--kind", "items", "--set", "class=book", "--set", "branch=main",
        "--set", "owner=DK-710100", "--json",
    )  # fmt: skip

    assert json.loads(done.stdout)["files"][0]["added"] == 1
    assert rows(tmp_path, "SELECT owner, class, branch FROM item WHERE item = 'b1'") == [
        ("DK-710100", "book", "main")
    ]


def test_a_mapping_file_is_read_and_its_mistakes_are_told_by_line(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "i.csv").write_text("Nr;Art\nb1;Buch\nb2;CD\n", encoding="utf-8")
    good = (
        '[fields]\nitem = "Nr"\nclass = "Art"\n[values.class]\nBuch = "book"\n[constants]\nbranch = "main"\n'
    )
    (tmp_path / "good.toml").write_text(good, encoding="utf-8")
    (tmp_path / "bad.toml").write_text('delimiter = "x"\n', encoding="utf-8")

    done = turnleaf(tmp_path, "import", "i.csv", "--kind", "items", "--map", "good.toml")
    wrong = turnleaf(tmp_path, "import", "i.csv", "--kind", "items", "--map", "bad.toml")

    assert done.returncode == 0, done.stderr
    assert rows(tmp_path, "SELECT class FROM item WHERE item IN ('b1', 'b2') ORDER BY item") == [
        ("book",),
        ("CD",),
    ]
    assert wrong.returncode == 2
    assert "bad.toml:1" in wrong.stderr


def progress(folder: Path) -> int:
    """Return how many rows an import that runs has committed."""
    with closing(sqlite3.connect(folder / "ledger.db")) as db:
        found = db.execute("SELECT value FROM meta WHERE key LIKE 'import:%'").fetchone()
    return 0 if found is None else int(json.loads(found[0])["tally"]["rows"])


@contextmanager
def running(folder: Path, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "turnleaf", "ledger", *words, "--db", url(folder)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_an_import_that_was_killed_goes_on_and_comes_to_the_same(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    text = many(12000)
    for folder in (whole, broken):
        folder.mkdir()
        make(folder)
    expected = bring(whole, "items", text, batch=50)
    (broken / "items.csv").write_text(text, encoding="utf-8")
    words = ("import", "items.csv", "--kind", "items", "--batch", "50")

    with running(broken, *words) as process:
        while progress(broken) == 0:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done_before = progress(broken)
    went_on = turnleaf(broken, *words, "--json")

    told = json.loads(went_on.stdout)["files"][0]
    assert 0 < done_before < 12000
    assert went_on.returncode == 1
    assert told["went_on_at"] == done_before
    assert (told["rows"], told["added"], told["rejected"]) == (
        12000,
        expected.tally.added,
        expected.tally.rejected,
    )
    assert [(row[0], row[7]) for row in everything(broken)["item"]] == [
        (row[0], row[7]) for row in everything(whole)["item"]
    ]
    assert [row[:4] for row in everything(broken)["change"]] == [
        row[:4] for row in everything(whole)["change"]
    ]
    assert (broken / "items.csv.rejected.csv").read_bytes() == (whole / "items.csv.rejected.csv").read_bytes()
    assert progress(broken) == 0


def test_ctrl_c_says_that_the_same_command_goes_on(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "items.csv").write_text(many(12000), encoding="utf-8")
    words = ("import", "items.csv", "--kind", "items", "--batch", "50")
    with running(tmp_path, *words) as process:
        while progress(tmp_path) == 0:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()

    assert process.returncode == 130, said
    assert b"The same command goes on" in said
    assert 0 < progress(tmp_path) < 12000


def test_a_file_that_was_changed_begins_anew(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "items.csv").write_text(many(12000), encoding="utf-8")
    with running(tmp_path, "import", "items.csv", "--kind", "items", "--batch", "50") as process:
        while progress(tmp_path) == 0:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()

    report = bring(tmp_path, "items", many(50), batch=50)

    assert report.went_on_at == 0
    assert report.tally.rows == 50


def test_an_import_whose_rejected_rows_are_gone_begins_anew(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "items.csv").write_text(many(12000), encoding="utf-8")
    words = ("import", "items.csv", "--kind", "items", "--batch", "50")
    with running(tmp_path, *words) as process:
        while progress(tmp_path) == 0:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    (tmp_path / "items.csv.rejected.csv").unlink()

    told = json.loads(turnleaf(tmp_path, *words, "--json").stdout)["files"][0]

    assert told["went_on_at"] == 0
    assert (
        told["rejected"]
        == len((tmp_path / "items.csv.rejected.csv").read_text(encoding="utf-8").splitlines()) - 1
    )


class Screen:
    """Something that keeps what is written on it."""

    def __init__(self, *, terminal: bool) -> None:
        self.said = ""
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        self.said += text
        return len(text)

    def flush(self) -> None: ...


@pytest.mark.parametrize(("terminal", "pause"), [(True, 0.3), (False, 11)])
def test_long_work_says_how_far_it_is(terminal: bool, pause: float) -> None:
    screen = Screen(terminal=terminal)
    clock = FakeClock(datetime(2026, 11, 21, tzinfo=UTC))
    meter = Meter(screen, clock, "items.csv")  # type: ignore[arg-type]  # as much of a stream as is used
    meter.begin(1000)
    meter.tell(2000, 0.25)
    before = screen.said
    clock.advance(pause)
    meter.tell(3000, 0.5)
    meter.tell(3001, 0.5)
    meter.end()

    assert before == ""
    assert f"items.csv: 3,000 rows, 50%, {int(2000 / pause):,} a second" in screen.said
    assert screen.said.count("items.csv") == 1
    assert screen.said.endswith("\x1b[K" if terminal else "\n")
