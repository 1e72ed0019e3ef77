"""What the documents say is what the code does: commands are run, generated pages are made anew."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"<!-- run -->\n```console\n(.*?)```", re.DOTALL)


def commands(document: Path) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return [
        line.removeprefix("$ ")
        for block in BLOCK.findall(text)
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


def test_the_generated_pages_are_those_made_now() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("page", "least"), [("tutorial.md", 10), ("how-to.md", 3), ("how-to/import.md", 10)])
def test_every_command_of_a_page_does_what_it_says(page: str, least: int, tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    wanted = commands(ROOT / "docs" / page)
    assert len(wanted) >= least

    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in wanted:
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert done.stdout.strip() or not command.startswith("turnleaf "), command


@pytest.mark.parametrize("page", ["settings.md", "commands.md", "topics.md", "alarms.md"])
def test_no_line_of_a_generated_table_lacks_its_sentence(page: str) -> None:
    rows = [
        line for line in (ROOT / "docs/reference" / page).read_text(encoding="utf-8").splitlines()
        if line.startswith("| `") and page in ("settings.md", "commands.md")
    ]  # fmt: skip

    empty = [row for row in rows if not re.split(r"(?<!\\)\|", row)[-2].strip()]

    assert empty == []


@pytest.mark.parametrize("page", ["durability.md"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = re.findall(
        r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / page).read_text(encoding="utf-8")
    )
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).exists() or (name and f"def {name}(" not in (ROOT / file).read_text())
    ]

    assert len(named) > 10
    assert missing == []
