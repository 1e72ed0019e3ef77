"""What travels through an import: a row as it stood in the file, what it says, and what came of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Kind = Literal["patrons", "items", "loans", "holds", "fees"]
KINDS: tuple[Kind, ...] = ("patrons", "items", "loans", "holds", "fees")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row is not taken. Says nothing of what stands in it."""

    line: int
    """Line of the file; of MARC, the record's number."""
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Raw:
    """A row as it stood in the file; `wrong` when it could not even be read."""

    line: int
    cells: list[str] = field(repr=False)
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says, by the names of our fields; only of fields that the file has."""

    line: int
    told: dict[str, Any] = field(repr=False)


Pair = tuple[Raw, Row | Fault]
"""A row as it stood, and what it says."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that is no concern of ours, by a rule: a loan that is over, a fee that is paid."""

    reason: str


Done = Literal["added", "changed", "unchanged"]
Outcome = Done | LeftOut | Fault


class Source(Protocol):
    """A file, row by row."""

    columns: tuple[str, ...]

    def rows(self) -> Iterator[Raw]:
        """Give the rows, from the first."""

    def part(self) -> float:
        """Return how much of the file was read, from 0 to 1."""


@dataclass(slots=True)
class Tally:
    """What came of the rows so far."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    left_out: int = 0
    rejected: int = 0
    notices: dict[str, int] = field(default_factory=dict)
    """What somebody should know of rows that went in, and why others were left out; how often."""

    def take(self, outcome: Outcome) -> None:
        """Count one row."""
        self.rows += 1
        match outcome:
            case Fault():
                self.rejected += 1
            case LeftOut(reason=reason):
                self.left_out += 1
                self.note({reason: 1})
            case "added":
                self.added += 1
            case "changed":
                self.changed += 1
            case "unchanged":
                self.unchanged += 1

    def note(self, notices: Mapping[str, int]) -> None:
        """Add notices."""
        for notice, times in notices.items():
            self.notices[notice] = self.notices.get(notice, 0) + times
