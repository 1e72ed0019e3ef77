"""A simulated day in a process of its own, in this tree or in a copy of it with rules taken out."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "wire", "circulation", "firmware_bridge", "kiosk", "central", "broker_config", "monitor", "sim", "turnleaf",
)  # fmt: skip

Patch = tuple[str, str, str]
"""File, old text (must stand there exactly once), new text."""


@dataclass(frozen=True)
class Day:
    """What came of a day."""

    code: int
    found: dict[str, Any]
    words: str


def copy_tree(folder: Path, patches: tuple[Patch, ...]) -> Path:
    """Copy the packages into `folder` and patch the copy."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file, old, new in patches:
        path = folder / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file}: {text.count(old)} times: {old!r}"
        path.write_text(text.replace(old, new))
    return folder


def play(tree: Path, state: Path, *words: str) -> Day:
    """Play `turnleaf sim day` out of `tree`."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", "turnleaf", "sim", "day", "--json", "--dir", str(state), *words],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    found = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Day(done.returncode, found, done.stderr[-3000:])
