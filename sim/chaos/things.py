"""Tags and the account of what was made: plain files that outlive every process.

A tag is written by appending one line to its file; a line of that size is written whole or not at all when
the process dies (POSIX write to a file opened with O_APPEND). An item is at one place at a time: whoever
handles it holds its lock, and a death lets go of it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Side = Literal["secured", "unsecured"]


def _append(path: Path, line: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, f"{line}\n".encode())
    finally:
        os.close(file)


def _lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


class Tags:
    """The tags of all items."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def at(self, item: str) -> Iterator[bool]:
        """Hold an item on one's pad; False when it lies on another."""
        file = os.open(self._folder / f"{item}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(file)

    def write(self, item: str, side: Side, why: str) -> None:
        """Write a tag; `why` is the id of the request or return."""
        _append(self._folder / item, f"{side} {why}")

    def side(self, item: str) -> Side:
        """Return what stands on a tag."""
        lines = _lines(self._folder / item)
        return "unsecured" if lines and lines[-1][0] == "unsecured" else "secured"

    def written(self) -> dict[str, list[tuple[str, str]]]:
        """Return (side, id of request or return) of every writing, by item, in order."""
        return {
            path.name: [(line[0], line[1]) for line in _lines(path)]
            for path in sorted(self._folder.iterdir())
            if path.suffix != ".lock"
        }


class Account:
    """What one disk committed, in its order: written down right after each commit."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def made(self, fact: str, kind: str) -> None:
        """Note a fact that is on the disk."""
        _append(self.path, f"{fact} {kind}")

    def facts(self) -> list[str]:
        """Return the ids, in the order in which they were made."""
        return [line[0] for line in _lines(self.path) if len(line) == 2]
