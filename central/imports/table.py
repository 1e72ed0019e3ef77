"""A table of text (CSV, RFC 4180, and what spreadsheets make of it), row by row.

Rows come with the line at which they begin. A row that cannot be read comes too, as a wrong one, and the next
follows; bytes that are not of the encoding stay in their cell, where the field that needs it finds them.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from central.imports.mapping import Delimiter, Encoding
from central.imports.records import Raw
from wire.errors import ConfigError

_DELIMITERS: tuple[Delimiter, ...] = (",", ";", "\t", "|")
_CELL = 1 << 20
"""No cell is longer: a quote that is never closed would else swallow the rest of the file."""


class Table:
    """A file of text in columns, whose first line names them."""

    def __init__(self, path: Path, encoding: Encoding, delimiter: Delimiter | None) -> None:
        self._path = path
        self._size = max(1, path.stat().st_size)
        self._bytes = path.open("rb")
        head = self._bytes.read(2)
        self._bytes.seek(0)
        if head in (b"\xff\xfe", b"\xfe\xff"):
            self._bytes.close()
            raise ConfigError(
                f"{path} is written in UTF-16",
                why="Half of its bytes would be taken for characters of their own.",
                do="Save it as UTF-8 (in a spreadsheet: CSV UTF-8).",
            )
        codec = "utf-8-sig" if encoding == "utf-8" else encoding
        self._text = io.TextIOWrapper(self._bytes, codec, "surrogateescape", newline="")
        csv.field_size_limit(_CELL)
        first = self._text.readline(_CELL)
        self.delimiter = delimiter or _sniff(first)
        self._reader = csv.reader(_again(first, self._text), delimiter=self.delimiter)
        self.columns = self._header()

    def _header(self) -> tuple[str, ...]:
        try:
            names = next(self._reader, [])
        except csv.Error:
            names = []
        columns = tuple(name.strip() for name in names)
        named = [name for name in columns if name]
        if not named or len(set(named)) < len(named):
            self.close()
            raise ConfigError(
                f"{self._path}: the first line does not name the columns"
                + (", each once" if len(named) > 1 else ""),
                why="Without names nobody knows what stands in which column.",
                do="Put a line with the columns' names at the top.",
            )
        return columns

    def rows(self) -> Iterator[Raw]:
        """Give the rows; empty lines are passed over."""
        width = len(self.columns)
        while True:
            line = self._reader.line_num + 1
            try:
                cells = next(self._reader, None)
            except csv.Error:
                yield Raw(line, [""] * width, "cannot be read: look for a quotation mark that is not closed")
                continue
            if cells is None:
                return
            if not cells:
                continue
            if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
                del cells[width:]
            if len(cells) != width:
                wrong = f"has {len(cells)} cells, the first line has {width}"
                yield Raw(line, (cells + [""] * width)[: max(width, len(cells))], wrong)
                continue
            yield Raw(line, cells)

    def part(self) -> float:
        """Return how much of the file was read, from 0 to 1."""
        return min(1.0, self._bytes.tell() / self._size)

    def close(self) -> None:
        """Close the file."""
        self._text.close()


def _sniff(line: str) -> Delimiter:
    """Return what separates the columns' names: whatever makes the most of them."""

    def names(delimiter: str) -> int:
        try:
            return len(next(csv.reader([line], delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=names)


def _again(first: str, rest: io.TextIOWrapper) -> Iterator[str]:
    yield first
    yield from rest
