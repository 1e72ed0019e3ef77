"""The demo where nobody watches: one JSON object, right against the ledger's file, and no process left."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from terminal import ROOT, left_behind

from turnleaf.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.broker, pytest.mark.pcscd, pytest.mark.timeout(170)]
KEYS = {
    "loans", "returns", "tags_written", "tags_verified", "passages", "alarms", "points", "messages", "lost",
    "doubled", "ok",
}  # fmt: skip


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "turnleaf", "demo", "--headless", "--json", "--dir", str(folder), *words],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def count(folder: Path, query: str) -> int:
    with sqlite3.connect(f"file:{folder / 'ledger.db'}?mode=ro", uri=True) as ledger:
        return int(ledger.execute(query).fetchone()[0])


def test_an_unattended_run_prints_one_object_that_the_ledger_confirms(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    process = start(folder, "--seconds", "12")
    out, err = process.communicate(timeout=120)

    assert process.returncode == 0, err[-2000:]
    found = json.loads(out)  # exactly one object: anything beside it is no JSON
    assert found.keys() >= KEYS
    assert found["ok"] is True
    assert (found["lost"], found["doubled"]) == (0, 0)
    assert found["loans"] == count(folder, "SELECT count(*) FROM loan WHERE NOT withdrawn") > 0
    assert found["returns"] == count(folder, "SELECT count(*) FROM checkin")
    assert found["passages"] == count(folder, "SELECT count(*) FROM passage") > 0
    assert found["alarms"] == count(folder, "SELECT count(*) FROM passage WHERE verdict = 'alarm'") > 0
    assert found["messages"] > 0
    assert found["points"] > 0
    assert left_behind(folder) == []


def test_without_a_terminal_it_says_that_it_will_end(tmp_path: Path) -> None:
    """A demo whose output goes into a file ends by itself, and who waits for it is told so at once."""
    words = [sys.executable, "-m", "turnleaf", "demo", "--dir", str(tmp_path / "demo")]
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        first = process.stderr.readline()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    assert "no terminal" in first
    assert "--seconds" in first


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "1e9"])
def test_a_demo_in_which_nothing_is_played_is_wrong_use(
    seconds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["demo", "--seconds", seconds, "--dir", str(tmp_path / "demo")])

    assert code == 2
    assert f"--seconds {float(seconds):g}: it is from" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


def test_a_run_that_is_told_to_end_ends_its_children_and_reckons(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    process = start(folder, "--seconds", "600")
    try:
        until = time.monotonic() + 60
        while not (folder / "ledger.db").exists() or not _lent(folder):
            assert process.poll() is None
            assert time.monotonic() < until, "nothing was lent in a minute"
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()

    assert process.returncode == 0, err[-2000:]
    found = json.loads(out)
    assert found["ok"] is True
    assert found["loans"] == count(folder, "SELECT count(*) FROM loan WHERE NOT withdrawn") > 0
    assert left_behind(folder) == []


def _lent(folder: Path) -> bool:
    try:
        return count(folder, "SELECT count(*) FROM loan") > 0
    except sqlite3.OperationalError:
        return False  # the ledger is being made
