import json
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parent / "kill_driver.py"


@pytest.mark.slow
def test_a_station_killed_before_any_statement_or_publish_loses_and_doubles_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(tmp_path)], capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)

    assert result["bad"] == {}
    assert result["moments"] > 100
    assert (
        result["killed"] >= 0.8 * result["moments"]
    )  # the number of moments varies a little between two runs
