"""A receipt as lines of paper: what is printed, in the columns that the printer has. Pure.

Who calls gives the words, already in the patron's language; by default nothing on it says whose it is.
"""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Align = Literal["left", "center"]


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph; it is folded where the paper ends."""

    text: str = ""
    right: str = ""
    """Stands at the right edge of the last line, e.g. a due date."""
    bold: bool = False
    align: Align = "left"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is printed in one go and cut off."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of paper, ready."""

    text: str
    bold: bool = False


def laid_out(receipt: Receipt, columns: int) -> tuple[Row, ...]:
    """Return the rows, none longer than `columns`; long words are broken, nothing is left out."""
    return tuple(row for line in receipt.lines for row in _rows(line, columns))


def _rows(line: Line, columns: int) -> Iterable[Row]:
    text = "".join(one if one.isprintable() else " " for one in line.text)
    right = "".join(one if one.isprintable() else " " for one in line.right)
    folded = textwrap.wrap(text, columns) or [""]
    if right:
        room = columns - len(right) - 1
        if room < len(folded[-1]):
            folded = [*textwrap.wrap(text, columns), ""]
        *folded, last = folded
        filled = f"{last:<{max(room, 0)}} {right}" if room >= 0 else right
        folded += textwrap.wrap(filled, columns, drop_whitespace=False) if len(filled) > columns else [filled]
    for one in folded:
        yield Row(one.center(columns).rstrip() if line.align == "center" and one else one, line.bold)
