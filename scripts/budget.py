"""The size budget: a file has at most 350 lines, a function at most 60; tables are named here."""

import ast
import subprocess
import sys
from pathlib import Path

FILE_LINES = 350
FUNCTION_LINES = 60
EXEMPT: dict[str, str] = {
    "tests/wire/traces.py": "a table of histories, one for each mutant",
}
"""Path -> reason, for tables that would not be easier to read in two files."""
GENERATED = ("central/migrations/versions/",)
"""Folders of generated files: lists of tables and columns."""


def faults(path: Path) -> list[str]:
    """Return what in the file at `path` is over budget."""
    text = path.read_text(encoding="utf-8")
    found = []
    lines = text.count("\n")
    if lines > FILE_LINES and str(path) not in EXEMPT:
        found.append(f"{path}: {lines} lines (at most {FILE_LINES}): find the second noun in it")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(
                    f"{path}:{node.lineno}: {node.name} has {length} lines (at most {FUNCTION_LINES})"
                )
    return found


def main() -> int:
    """Check every Python file that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    found = [
        fault
        for name in listed
        if Path(name).exists() and not name.startswith(GENERATED)
        for fault in faults(Path(name))
    ]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
