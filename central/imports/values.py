"""One cell of a file to one value of the ledger. Pure; what does not fit raises `Unfit`, quoting nothing.

Cells hold what people are called and where they live, and a report of faults is mailed around: so a fault
says what is wrong with a value, and never the value.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal

from circulation.money import minor
from wire.ids import is_station_name

DateOrder = Literal["iso", "dmy", "mdy"]
"""How 1/2/2026 is read. With `iso` it is not: it would be guessing."""

Parser = Callable[[str], Any]


class Unfit(ValueError):
    """A value that cannot be taken; its text says why, without the value."""


def clean(cell: str) -> str:
    """Return a cell as one line of printable text without white space at its ends."""
    cell = cell.strip()
    if cell.isprintable():
        return cell
    if any("\ud800" <= letter <= "\udfff" for letter in cell):
        raise Unfit("holds bytes that its encoding does not have (see --encoding)")
    return re.sub(r"[\x00-\x1f\x7f-\x9f\s]+", " ", cell).strip()


def ident(cell: str) -> str:
    """Return an id: of a card, an item, a title. A `|` cannot be in one, because SIP2 ends fields with it."""
    if "|" in cell or "  " in cell:
        raise Unfit("has a character that an id cannot have")
    return cell


def text(cell: str) -> str:
    """Return text as it is."""
    return cell


@lru_cache(maxsize=4096)
def branch(cell: str) -> str:
    """Return the name of a branch as topics have it: a code like CPL becomes `cpl`, North_1 `north-1`."""
    name = cell.lower().replace("_", "-").replace(" ", "-")
    if not is_station_name(name):
        raise Unfit("cannot be a branch: a branch is named in letters, digits and hyphens; map its values")
    return name


@lru_cache(maxsize=1024)
def language(cell: str) -> str:
    """Return a language tag (BCP 47) of at most eight characters; Koha's `default` is none."""
    if cell.lower() in ("default", "und"):
        return ""
    if re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", cell) is None:
        raise Unfit("is no language tag like en or pt-BR")
    tag = cell.replace("_", "-")
    return tag if len(tag) <= 8 else tag.split("-")[0]


@lru_cache(maxsize=256)
def yes(cell: str) -> bool:
    """Return a yes or a no; a code other than 0 is a yes, as in Koha's `withdrawn`."""
    word = cell.lower()
    if word in ("", "0", "no", "n", "false", "f"):
        return False
    if word in ("yes", "y", "true", "t") or re.fullmatch(r"-?[0-9]{1,9}", word):
        return True
    raise Unfit("is neither yes nor no")


def count(cell: str) -> int:
    """Return a count from 0."""
    if re.fullmatch(r"[0-9]{1,6}", cell) is None:
        raise Unfit("is no whole number")
    return int(cell)


def one_of(*words: str) -> Parser:
    """Return a parser of one of some words."""

    def parse(cell: str) -> str:
        if cell.lower() not in words:
            raise Unfit(f"is none of {', '.join(words)}")
        return cell.lower()

    return parse


def amount(currency: str) -> Parser:
    """Return a parser of amounts, in minor units; below zero it is a credit."""

    def parse(cell: str) -> int:
        found = re.fullmatch(r"(-?)([0-9]{1,9})(?:[.,]([0-9]{1,9}))?", cell)
        if found is None:
            raise Unfit("is no amount like 12.50")
        decimals = (found[3] or "").rstrip("0")
        try:
            value = minor(f"{found[2]}.{decimals}" if decimals else found[2], currency)
        except ValueError as error:
            raise Unfit(f"has more decimals than {currency} has") from error
        return -value if found[1] else value

    return parse


_TIME = r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,]\d+)?(Z|[+-]\d{2}:?\d{2})?)?"
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"(\d{{4}})-(\d{{1,2}})-(\d{{1,2}}){_TIME}", re.ASCII), "ymd"),
    (re.compile(rf"(\d{{4}})(\d{{2}})(\d{{2}}){_TIME}", re.ASCII), "ymd"),
    (re.compile(rf"(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}){_TIME}", re.ASCII), "dmy"),
)
_SLASHES = re.compile(rf"(\d{{1,2}})[/-](\d{{1,2}})[/-](\d{{4}}){_TIME}", re.ASCII)


def moment(order: DateOrder) -> Parser:
    """Return a parser of a date with or without a time. A time with an offset is aware, others are local."""

    def parse(cell: str) -> datetime | None:
        if cell.startswith("0000-00-00"):
            return None  # how MySQL writes that there is none
        for form, parts in _FORMS:
            found = form.fullmatch(cell)
            if found is not None:
                return _moment(found, parts)
        found = _SLASHES.fullmatch(cell)
        if found is None:
            raise Unfit("is no date like 2026-05-31")
        if order == "iso":
            raise Unfit("is a date that can be read in two ways; say --dates dmy or --dates mdy")
        return _moment(found, order)

    return parse


def day(order: DateOrder) -> Parser:
    """Return a parser of a date; a time beside it is left off."""
    whole = moment(order)

    def parse(cell: str) -> date | None:
        at: datetime | None = whole(cell)
        return None if at is None else at.date()

    return parse


def _moment(found: re.Match[str], parts: str) -> datetime:
    numbers = dict(zip(parts, found.groups()[:3], strict=True))
    hour, minute, second, zone = found.groups()[3:]
    shape = f"{int(numbers['y']):04}-{int(numbers['m']):02}-{int(numbers['d']):02}"
    clock = f"T{int(hour or 0):02}:{minute or '00'}:{second or '00'}{(zone or '').replace('Z', '+00:00')}"
    try:
        return datetime.fromisoformat(shape + clock)
    except ValueError as error:
        raise Unfit("is a day or a time that does not exist") from error
