"""A mapping, made ready: from the cells of a row to what it says, or to the fault in it.

Compiled once for a file, because it runs for every row of a million.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import Any

from central.imports.fields import Field, Take
from central.imports.records import Fault, Raw, Row
from central.imports.values import Unfit, clean

Pick = Callable[[list[str]], str]


@dataclass(frozen=True, slots=True)
class _Step:
    field: Field
    column: str
    """For faults: the first column it is taken from."""
    pick: Pick
    values: dict[str, str]


class Plan:
    """Reads rows of one file."""

    def __init__(
        self, columns: tuple[str, ...], taken: Mapping[str, Take], fields: Mapping[str, Field], today: date
    ) -> None:
        index = {column: n for n, column in reversed(list(enumerate(columns)))}
        self.names = tuple(taken)
        self.unused = tuple(
            column
            for column in columns
            if column and not any(column in take.columns for take in taken.values())
        )
        self.notices: Counter[str] = Counter()
        """What was noticed since somebody took this over and cleared it."""
        self._column = {name: (*take.columns, name)[0] for name, take in taken.items()}
        self._steps = [
            _Step(fields[name], self._column[name], _pick(take, index, today), take.values)
            for name, take in taken.items()
        ]

    def column(self, name: str) -> str:
        """Return the file's name of a field of ours."""
        return self._column.get(name, name)

    def row(self, raw: Raw) -> Row | Fault:
        """Return what a row says, or its first fault."""
        if raw.wrong:
            return Fault(raw.line, "", raw.wrong)
        told: dict[str, Any] = {}
        cells = raw.cells
        for step in self._steps:
            field = step.field
            try:
                cell = clean(step.pick(cells))
                if step.values:
                    cell = step.values.get(cell) or (step.values.get("*", cell) if cell else "")
                told[field.name] = self._value(field, cell) if cell else _blank(field)
            except Unfit as fault:
                return Fault(raw.line, step.column, str(fault))
        return Row(raw.line, told)

    def _value(self, field: Field, cell: str) -> Any:
        value = field.parse(cell)
        if value is None:  # how some systems write that there is none
            return _blank(field)
        if field.limit is not None and len(value) > field.limit:
            if not field.cut:
                raise Unfit(f"is longer than {field.limit} characters")
            self.notices[f"{field.name} cut to {field.limit} characters"] += 1
            return value[: field.limit - 1].rstrip() + "…"
        return value


def _blank(field: Field) -> Any:
    if field.must:
        raise Unfit("is empty")
    return field.blank


def _pick(take: Take, index: Mapping[str, int], today: date) -> Pick:
    if take.constant is not None:
        constant = take.constant
        return lambda _cells: constant
    places = [index[column] for column in take.columns]
    if len(places) == 1 and take.how != "flags":
        return itemgetter(places[0])
    match take.how:
        case "first":
            return lambda cells: next((cells[n] for n in places if cells[n].strip()), "")
        case "flags":
            word = lru_cache(maxsize=4096)(lambda set_to: _flag(set_to, take.words, today))
            return lambda cells: word(tuple([cells[n] for n in places]))
        case _:
            return lambda cells: take.glue.join(part for n in places if (part := cells[n].strip()))


def _flag(cells: Sequence[str], words: tuple[dict[str, str], ...], today: date) -> str:
    """Return the word of the first cell that is set. A date is set until it is over (Koha's `debarred`)."""
    for told, known in zip(cells, words, strict=True):
        cell = told.strip()
        if cell in ("", "0", "N", "n", "no", "false") or cell.startswith("0000-00-00"):
            continue
        if len(cell) >= 10 and cell[:4].isdecimal() and cell[4] == "-" and cell[:10] < today.isoformat():
            continue
        return known.get(cell, known["*"])
    return ""
