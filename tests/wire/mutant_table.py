"""`python tests/wire/mutant_table.py`: takes out each rule of docs/streams.md §4 and shows what then breaks."""

import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from mutants.table import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("reference_central.py", "streams_world.py", "streams_judge.py", "traces.py")


class PatchDoesNotFit(Exception):
    """The source has moved on; the mutant must be written anew."""


def mutate(mutant: Mutant, folder: Path) -> None:
    """Put a copy of the tree into `folder` with one rule taken out."""
    shutil.copytree(ROOT / "wire", folder / "wire", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tests" / "wire").mkdir(parents=True)
    for name in COPIED:
        shutil.copy(ROOT / "tests" / "wire" / name, folder / "tests" / "wire" / name)
    for file, old, new in mutant.patches:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise PatchDoesNotFit(f"mutant {mutant.number}: {text.count(old)} times in {file}: {old!r}")
        path.write_text(text.replace(old, new), encoding="utf-8")


def hunt(mutant: Mutant) -> str:
    """Return what the mutant's trace finds in the mutated tree; empty when it is not caught."""
    with tempfile.TemporaryDirectory() as folder:
        mutate(mutant, Path(folder))
        traces = Path(folder) / "tests" / "wire" / "traces.py"
        done = subprocess.run(
            [sys.executable, "-B", str(traces), mutant.trace],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        found = done.stdout.replace(f"{mutant.trace}: ", "").strip().replace("\n", "; ")
        return found or (done.stderr.strip().splitlines() or [""])[-1]


def main() -> int:
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(hunt, MUTANTS))
    for mutant, what in zip(MUTANTS, found, strict=True):
        print(f"{mutant.number:>2}  {'caught' if what else 'MISSED':6}  {mutant.removed:48}  {what or '-'}")
    caught = sum(bool(what) for what in found)
    print(f"{caught} of {len(MUTANTS)} caught")
    return 0 if caught == len(MUTANTS) else 1


if __name__ == "__main__":
    raise SystemExit(main())
