"""Whether a station is open, and why not: a pure decision over what its parts of the program say.

The narrowest word wins, and of two as narrow the first: an operator who closed it, then the outbox
(design §3: borrowing stops at 80 %, returns close at 100 %), then the daemon's own word (bin full, pad
lost, central away).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Service = Literal["open", "returns-only", "closed"]

LENDING_STOPS = 0.8
"""Share of the outbox at which nothing is lent any more; the rest is for what has happened."""

_NARROWNESS: dict[Service, int] = {"open": 0, "returns-only": 1, "closed": 2}


@dataclass(frozen=True, slots=True)
class Opening:
    """How far a station is open, and the reason when it is not."""

    service: Service
    reason: str = ""


def opening(daemon: Opening, fill: float, *, lends: bool, closed_by_operator: str | None) -> Opening:
    """Return what the station says of itself; `fill` is the share of the outbox in use."""
    words: list[Opening] = []
    if closed_by_operator is not None:
        words.append(Opening("closed", closed_by_operator or "closed by an operator"))
    if fill >= 1.0:
        words.append(Opening("closed", "outbox full"))
    elif fill >= LENDING_STOPS and lends:
        words.append(Opening("returns-only", "outbox nearly full"))
    words.append(daemon)
    return max(words, key=lambda word: _NARROWNESS[word.service])


class ClosedByOperator:
    """An operator's `close`, kept in a file of its own so that it outlives a restart."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.words: str | None = file.read_text(encoding="utf-8") if file.exists() else None

    def close(self, words: str) -> None:
        """Keep the station closed; `words` may be empty and stand on the screen."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(words, encoding="utf-8")
        fresh.replace(self._file)
        self.words = words

    def open(self) -> None:
        """Let the station open again."""
        self._file.unlink(missing_ok=True)
        self.words = None
