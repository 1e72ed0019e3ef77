"""What stands in a SIP2 message: fields of a fixed width, and fields with a name of two characters.

A field is described where it is declared, by an annotation:

    renewal: Annotated[bool, Fixed(1, Y_N)]
    item: Annotated[str, Named("AB")]

Reading never fails: a value that is not what the field may hold becomes the field's empty value, and is told
as a problem. Writing is strict: what does not fit raises `ValueError`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Generic, TypeVar

T = TypeVar("T")
FEW = 1024
"""Values of a small field (a count, a status) whose text is kept: the same ones come again and again."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """How values of one kind stand in text. `read` returns None for a text that is none of them."""

    name: str
    read: Callable[[str], T | None]
    write: Callable[[T], str]
    empty: T
    plain: bool = True
    """Whether what is written is always ASCII without anything that would break a frame."""


def _flag(yes: str, no: str, name: str) -> Kind[bool]:
    meaning = {yes: True, no: False, yes.lower(): True, no.lower(): False}
    return Kind(name, meaning.get, {True: yes, False: no}.__getitem__, False)


Y_N = _flag("Y", "N", "Y or N")
ONE_ZERO = _flag("1", "0", "1 or 0")
Y_BLANK = _flag("Y", " ", "Y or blank")


def _read_digits(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def digits(width: int) -> Kind[int]:
    """Return the kind of a number with leading zeros."""
    return Kind(f"{width} digits", _read_digits, lambda value: f"{value:0{width}d}", 0)


def _read_count(text: str) -> int | None:
    return -1 if not text.strip() else _read_digits(text.strip())


def count(width: int = 4) -> Kind[int]:
    """Return the kind of a count; blanks, here -1, say that the count is not kept."""
    blank, most, form = " " * width, 10**width - 1, f"%0{width}d"
    return Kind(
        f"{width} digits or blanks",
        _read_count,
        lru_cache(maxsize=FEW)(
            lambda value: blank if value < 0 else form % (value if value < most else most)
        ),
        -1,
    )


def word(width: int) -> Kind[str]:
    """Return the kind of a text of exactly `width` characters."""

    def write(value: str) -> str:
        if len(value) != width:
            raise ValueError(f"{value!r} is not {width} characters long")
        return value

    return Kind(f"{width} characters", str, lru_cache(maxsize=FEW)(write), " " * width, plain=False)


def one_of(letters: str, empty: str) -> Kind[str]:
    """Return the kind of one letter out of a few."""

    def write(value: str) -> str:
        if len(value) != 1 or value not in letters:
            raise ValueError(f"{value!r} is none of {letters}")
        return value

    return Kind(f"one of {letters}", lambda text: text if text in letters else None, write, empty)


def read_date(text: str) -> datetime | None:
    """Return a SIP2 date: YYYYMMDD, a zone of 4 characters, HHMMSS. No zone is local time: no `tzinfo`.

    `   Z` is UTC. Other zones in the field are offsets of whole hours (`  +2`), or letters, which are taken
    as local time. Blanks are no date.
    """
    day, zone, clock = text[:8], text[8:12].strip(), text[12:18]
    whole = day + clock
    if len(whole) != 14 or not whole.isascii() or not whole.isdigit():
        return None
    try:
        at = datetime.fromisoformat(f"{day}T{clock}")
    except ValueError:
        return None
    if not zone:
        return at
    if zone.upper() == "Z":
        return at.replace(tzinfo=UTC)
    if zone[:1] in ("+", "-") and zone.isascii() and zone[1:].isdigit() and int(zone[1:]) <= 14:
        return at.replace(tzinfo=timezone(timedelta(hours=int(zone))))
    return at


def read_day(text: str) -> datetime | None:
    """Return a day that terminals write in other ways, too: a SIP2 date, YYYYMMDD or YYYY-MM-DD.

    A day and a month in figures are not guessed at.
    """
    text = text.strip()
    found = read_date(text)
    if found is not None:
        return found
    day = text.replace("-", "") if len(text) == 10 and text[4] == text[7] == "-" else text
    return read_date(f"{day}    000000") if len(day) == 8 else None


@lru_cache(maxsize=512)
def write_date(at: datetime | None) -> str:
    """Return the 18 characters; None is 18 blanks. A time with a zone is written in UTC."""
    if at is None:
        return " " * 18
    zone = "    "
    if at.tzinfo is not None:
        at, zone = at.astimezone(UTC), "   Z"
    return f"{at.year:04d}{at.month:02d}{at.day:02d}{zone}{at.hour:02d}{at.minute:02d}{at.second:02d}"


def _date_or_blank(text: str) -> datetime | None:
    return read_date(text)


DATE: Kind[datetime | None] = Kind("a date of 18 characters", _date_or_blank, write_date, None)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A field of fixed width; they stand in the order in which they are declared."""

    width: int
    kind: Kind[Any]


@dataclass(frozen=True, slots=True)
class Named:
    """A field with a name; a required one is written even when empty, others when they hold something."""

    id: str
    kind: Kind[Any] | None = None
    """None is text as it stands."""
    required: bool = False
    repeated: bool = False
    """It may come several times; the value is a tuple of texts."""
