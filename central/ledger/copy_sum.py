"""The sum of a copy, in a file beside it as `sha256sum` writes it.

SQLite keeps no sums of its pages, and a byte that flips within a row breaks no rule of the ledger.
"""

import hashlib
import os
from pathlib import Path

SUFFIX = ".sha256"


def beside(copy: Path) -> Path:
    """Return where the sum of a copy stands."""
    return copy.with_name(f"{copy.name}{SUFFIX}")


def write(data: Path, copy: Path) -> None:
    """Write down the sum of `data` as that of `copy`, which it is about to become; durable on return."""
    with beside(copy).open("w", encoding="utf-8") as file:
        file.write(f"{_sum(data)}  {copy.name}\n")
        file.flush()
        os.fsync(file.fileno())


def faults(copy: Path) -> tuple[str, ...]:
    """Return what is wrong with a copy that does not have its sum; nothing where no sum is kept."""
    try:
        kept = beside(copy).read_text(encoding="utf-8", errors="replace").split()
    except FileNotFoundError:
        return ()
    if kept[:1] == [_sum(copy)]:
        return ()
    return (f"its bytes are not those that were copied, by {beside(copy).name}",)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
