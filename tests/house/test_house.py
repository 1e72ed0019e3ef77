"""What the house promises of itself: licences, dependencies, words and places."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        if path.suffix in {".png", ".woff2", ".mo", ".svg"} or path == Path(__file__):
            continue
        found.append((path, path.read_text(encoding="utf-8")))
    return found


def test_every_dependency_has_its_reason_in_the_docs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = {re.split(r"[<>=\[ ]", line)[0] for line in wanted}
    table = (ROOT / "docs/dependencies.md").read_text()

    missing = {name for name in names if f"| {name} |" not in table}

    assert missing == set()


def test_requirements_are_locked_with_hashes_and_name_no_index() -> None:
    for lock in ("run.txt", "dev.txt"):
        text = (ROOT / "requirements" / lock).read_text()
        pinned = re.findall(r"^[a-z0-9.-]+==", text, re.M)

        assert len(pinned) > 30
        assert "://" not in text
        assert text.count("--hash=sha256:") >= len(pinned)


def test_ci_is_one_line_that_runs_the_tests() -> None:
    assert (ROOT / ".ci/run").read_text() == "make test\n"


@pytest.mark.parametrize(
    "word", ["/" + "work/", "/" + "farm/", "pypi" + ".org", "registry." + "npmjs", "deb." + "debian.org"]
)
def test_no_committed_file_names_a_machine_or_a_registry(word: str) -> None:
    found = [str(path.relative_to(ROOT)) for path, text in texts() if word in text]

    assert found == []


def test_the_size_budget_holds() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/budget.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_documents_link_to_files_that_exist() -> None:
    broken = []
    for path, text in texts():
        if path.suffix != ".md":
            continue
        broken += [
            f"{path.relative_to(ROOT)} -> {target}"
            for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", text)
            if not (path.parent / target).exists()
        ]

    assert broken == []
