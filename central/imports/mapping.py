"""Which columns of a file are which fields of ours: by their names, by a mapping file, by constants.

A mapping file (TOML) says only what the names do not:

    delimiter = ";"
    encoding = "cp1252"
    dates = "dmy"

    [fields]
    item = "Mediennummer"
    title = ["Titel", "Zusatz"]                             # joined with a space
    phone = { first = ["Telefon", "Mobil"] }                # the first that is not empty
    address = { join = ["Strasse", "PLZ", "Ort"], glue = ", " }
    place = ""                                              # not from this file, whatever is in it

    [values.class]
    "Buch" = "book"
    "*" = "other"                                           # any other value

    [constants]
    owner = "DE-718"
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from pydantic import Field as Setting
from pydantic import field_validator

from central.imports.fields import COLUMNS, MARC_ITEMS, NEEDED, Take
from central.imports.records import Kind
from central.imports.values import DateOrder
from wire.errors import ConfigError
from wire.settings import Settings

Encoding = Literal["utf-8", "iso-8859-1", "cp1252", "cp850"]
ENCODINGS: tuple[Encoding, ...] = ("utf-8", "iso-8859-1", "cp1252", "cp850")
Delimiter = Literal[",", ";", "\t", "|"]


class Join(Settings):
    """A field from several columns, joined."""

    join: tuple[str, ...] = Setting(min_length=1, description="Columns; empty ones are left out.")
    glue: str = Setting(" ", description="What stands between them.")


class First(Settings):
    """A field from the first column that is not empty."""

    first: tuple[str, ...] = Setting(min_length=1, description="Columns, in the order in which they count.")


class MapFile(Settings):
    """A mapping file."""

    delimiter: Delimiter | None = Setting(None, description="What stands between cells; unset: looked for.")
    encoding: Encoding | None = Setting(None, description="How letters are written down; unset: UTF-8.")
    dates: DateOrder | None = Setting(None, description="How 1/2/2026 is read; unset: not at all.")
    fields: dict[str, str | tuple[str, ...] | Join | First] = Setting(
        {}, description="Our field to their column, or columns."
    )
    values: dict[str, dict[str, str]] = Setting({}, description="For a field, their value to ours.")
    constants: dict[str, str] = Setting({}, description="For a field, one value for all rows.")

    @field_validator("fields")
    @classmethod
    def _columns(cls, told: dict[str, object]) -> dict[str, object]:
        for name, columns in told.items():
            if columns == ():
                raise ValueError(f"{name} names no column")
        return told

    def take(self, name: str) -> Take | None:
        """Return where a field is taken from; a `Take` of no column: from nowhere. None: not told."""
        match self.fields.get(name):
            case None:
                return None
            case "":
                return Take(())
            case str() as column:
                return Take((column,))
            case Join(join=columns, glue=glue):
                return Take(columns, "join", glue)
            case First(first=columns):
                return Take(columns, "first")
            case columns:
                return Take(tuple(columns), "join")


def wanted_of_marc(told: MapFile) -> dict[str, Take]:
    """Return where each field of an item is taken from in MARC records."""
    chosen = {name: alternatives[0] for name, alternatives in MARC_ITEMS.items()}
    return _with_map("items", chosen, told)


def wanted_of_table(kind: Kind, columns: tuple[str, ...], told: MapFile) -> dict[str, Take]:
    """Return where each field of a kind is taken from in a table with these columns."""
    there = {_plain(column): column for column in reversed(columns)}
    chosen: dict[str, Take] = {}
    for name, alternatives in COLUMNS[kind].items():
        for one in alternatives:
            found = [n for n, column in enumerate(one.columns) if _plain(column) in there]
            if found:
                words = tuple(one.words[n] for n in found) if one.words else ()
                named = tuple(there[_plain(one.columns[n])] for n in found)
                chosen[name] = replace(one, columns=named, words=words)
                break
    taken = _with_map(kind, chosen, told)
    missing = sorted({column for one in taken.values() for column in one.columns} - set(columns))
    if missing:
        raise ConfigError(
            f"The file has no column {', '.join(missing)}, which the mapping names",
            why="A field would be empty in every row.",
            do="Name the columns as they stand in the file's first line.",
        )
    return taken


def check(kind: Kind, taken: Mapping[str, Take]) -> None:
    """Raise ConfigError when the file cannot hold rows of this kind."""
    lacking = [" or ".join(group) for group in NEEDED[kind] if not set(group) & set(taken)]
    if not lacking:
        return
    names = [
        f"{name} ({' or '.join(one.columns[0] for one in COLUMNS[kind][name])})"
        for group in NEEDED[kind]
        for name in group
    ]
    raise ConfigError(
        f"No column for {', '.join(lacking)} was found: this is no file of {kind}, or its columns have"
        " names that are not known here",
        why=f"Rows of {kind} need {', '.join(names)}.",
        do="Give the first line these names, or say with --map which column is which field.",
    )


def _with_map(kind: Kind, chosen: dict[str, Take], told: MapFile) -> dict[str, Take]:
    strangers = sorted((set(told.fields) | set(told.values) | set(told.constants)) - set(COLUMNS[kind]))
    if strangers:
        raise ConfigError(
            f"{', '.join(strangers)}: no field of {kind}",
            why="A field that nobody reads would be lost in silence.",
            do=f"The fields of {kind} are {', '.join(COLUMNS[kind])}.",
        )
    for name in COLUMNS[kind]:
        take = told.take(name)
        if take is not None and not take.columns:
            chosen.pop(name, None)
        elif take is not None:
            chosen[name] = take
        if name in told.constants:
            chosen[name] = Take((), constant=told.constants[name])
        elif name in told.values and name in chosen:
            chosen[name] = replace(chosen[name], values={**chosen[name].values, **told.values[name]})
    return chosen


def _plain(column: str) -> str:
    """Return a column's name as it is compared: without case and white space at its ends."""
    return column.strip().casefold()
