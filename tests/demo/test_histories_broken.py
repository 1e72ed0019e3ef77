"""A history turns red when its promise is broken: each rule is taken out of a copy of the tree, nowhere else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from chaos_mutants import LATE_CHECKIN_ENDS_THE_NEWEST
from fire import Patch, copy_tree

pytestmark = [pytest.mark.slow, pytest.mark.broker, pytest.mark.pcscd]

LEAVING_IS_NOT_WRITTEN_DOWN: Patch = (
    "wire/edge/edge.py",
    'return self._store.settle(request, body, only_from=("waiting", "writing"), to="withdrawn")',
    "phase = \"UPDATE visit SET phase = 'withdrawn' WHERE request_id = ?\"\n"
    "            return body is not None and self._store.run(lambda db: db.execute(phase, (request,))).rowcount == 1",
)
HALF_WRITTEN_TAGS_ARE_FORGOTTEN: Patch = (
    "wire/edge/edge.py",
    '        store.settle(request, body, only_from=("writing",), to="unknown")\n        unknown.append(request)',
    "        phase = \"UPDATE visit SET phase = 'done' WHERE request_id = ?\"\n"
    "        assert body and store.run(lambda db, phase=phase, request=request: db.execute(phase, (request,)))",
)
CONFIRMED_NEVER_FALLS: Patch = (
    "wire/streams/station.py",
    "if moved or (first_of_link and resume.upto != held.confirmed):",
    "if moved:",
)
NOBODY_LOCKS: Patch = ("central/ledger/lock.py", "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass")
LENDS_WITH_A_FULL_OUTBOX: Patch = ("kiosk/station_work.py", "LENDING_STOPS = 0.8", "LENDING_STOPS = 8.0")


@pytest.mark.parametrize(
    ("name", "patch", "seen"),
    [
        ("answered-after-leaving", LEAVING_IS_NOT_WRITTEN_DOWN, "and not loan none, tag secured"),
        ("killed-before-the-tag", HALF_WRITTEN_TAGS_ARE_FORGOTTEN, "and not lent-but-secured at gate-1, tag-unknown at kiosk-1"),
        ("lent-while-another-had-it", LATE_CHECKIN_ENDS_THE_NEWEST, "what A had taken back: loan none, tag unsecured"),
        ("restored-from-yesterday", CONFIRMED_NEVER_FALLS, "in the ledger (and not comes to its end)"),
        ("second-central", NOBODY_LOCKS, "what the second said: ready (and not another central works"),
        ("outbox-nearly-full", LENDS_WITH_A_FULL_OUTBOX, "and not returns-only: outbox nearly full"),
    ],
)  # fmt: skip
def test_the_history_turns_red_without_the_rule(name: str, patch: Patch, seen: str, tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree", (patch,))
    done = subprocess.run(
        [sys.executable, "-B", "-m", "turnleaf", "sim", "history", name, "--json"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stderr[-3000:]
    (outcome,) = json.loads(done.stdout)["outcomes"]

    assert (done.returncode, outcome["ok"]) == (1, False)
    assert seen in outcome["seen"]
