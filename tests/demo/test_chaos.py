"""Every fault at once, for half a minute, on real processes: nothing lost, doubled, out of order, unexplained.

`make chaos` plays thirty plans of three minutes; `make chaos-mutants` shows that it sees each broken rule.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fire import ROOT


@pytest.mark.slow
@pytest.mark.broker
def test_half_a_minute_of_every_fault_leaves_nothing_to_answer_for(tmp_path: Path) -> None:
    command = ["sim", "chaos", "--seed", "2", "--minutes", "0.6", "--kill-every", "3", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "turnleaf", *command, "--dir", str(tmp_path / "chaos")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    found = json.loads(done.stdout)

    assert done.returncode == 0, (found["problems"], done.stderr[-2000:])
    assert (found["lost"], found["doubled"], found["out_of_order"], found["unexplained"]) == (0, 0, 0, 0)
    assert found["made"] >= 200
    assert found["kills"] >= 6
    assert len(found["faults"]) >= 10
