"""Each named history on real processes comes to the end that it promises (`turnleaf sim history`)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fire import ROOT

from sim.histories.table import HISTORIES

pytestmark = [pytest.mark.slow, pytest.mark.broker, pytest.mark.pcscd]


@pytest.mark.parametrize("name", [history.name for history in HISTORIES])
def test_the_history_comes_to_the_end_that_it_promises(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "turnleaf", "sim", "history", name, "--json", "--dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stderr[-3000:]
    found = json.loads(done.stdout)

    assert found["outcomes"][0]["history"] == name
    assert (done.returncode, found["ok"]) == (0, True), (found["outcomes"][0]["seen"], done.stderr[-2000:])
    assert found["outcomes"][0]["facts"] > 0
