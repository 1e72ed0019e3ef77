"""The days on which a branch is open: weekdays, less the days on which it is closed.

Everything is counted, nothing is walked through: a rebuilding of ten years costs as much as a public holiday,
and a branch that never opens is an answer (None), not a loop.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, timedelta
from typing import Final

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As they are named in settings; their places are those of `date.weekday`."""

_DAY: Final = timedelta(days=1)
_LEAP: Final = 2000
"""A year that has every day of every year."""
_PATIENCE: Final = 2000
"""Closures passed over in search of an open day. Every year closed in whole takes one or two of them."""


@dataclass(frozen=True, slots=True)
class Closure:
    """Days on which a branch is closed, both ends included: of one year, or of every year.

    Of every year when `yearly`; only month and day count then, and an end before the start lies in the
    next year (24 December to 2 January).
    """

    first: date
    last: date
    yearly: bool = False

    def spans(self, begin: date, end: date) -> Iterator[tuple[date, date]]:
        """Give the closed days that fall into begin..end as spans, cut to it."""
        if not self.yearly:
            whole: Iterable[tuple[date, date]] = [(self.first, self.last)]
        else:
            whole = (self._in(year) for year in range(max(begin.year - 1, MINYEAR), end.year + 1))
        for first, last in whole:
            if begin <= last and first <= min(last, end):
                yield max(first, begin), min(last, end)

    def covers(self, day: date) -> date | None:
        """Return the last day of this closure when `day` lies in it."""
        if not self.yearly:
            return self.last if self.first <= day <= self.last else None
        for year in range(max(day.year - 1, MINYEAR), day.year + 1):
            first, last = self._in(year)
            if first <= day <= last:
                return last
        return None

    def _in(self, year: int) -> tuple[date, date]:
        wraps = (self.last.month, self.last.day) < (self.first.month, self.first.day)
        if wraps and year == MAXYEAR:
            return _on(self.first, year, later=True), date.max
        return _on(self.first, year, later=True), _on(self.last, year + wraps, later=False)


def _on(day: date, year: int, *, later: bool) -> date:
    """Return the same day of another year. Where there is no 29 February: a first day moves later, a last
    one earlier, so that "02-29" alone closes nothing in a common year."""
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 3, 1) if later else date(year, 2, 28)


def closure(text: str) -> Closure:
    """Read a closure: `2026-06-05`, `12-25` (every year), or two of a kind with a slash between them.

    Raises ValueError saying what is wrong with it.
    """
    first, slash, last = (part.strip() for part in text.partition("/"))
    one, yearly = _date_in(first)
    if not slash:
        return Closure(one, one, yearly)
    other, too = _date_in(last)
    if yearly != too:
        raise ValueError(f"{text!r} names a year at one end only")
    if other < one and not yearly:
        raise ValueError(f"{text!r} ends before it begins")
    return Closure(one, other, yearly)


def _date_in(text: str) -> tuple[date, bool]:
    yearly = re.fullmatch(r"[0-9]{2}-[0-9]{2}", text) is not None
    if not yearly and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
        raise ValueError(f"{text!r} is no day; write 2026-06-05, or 12-25 for every year")
    try:
        return date.fromisoformat(f"{_LEAP}-{text}" if yearly else text), yearly
    except ValueError:
        raise ValueError(f"{text!r} is not in the calendar") from None


@dataclass(frozen=True, slots=True)
class Calendar:
    """When one branch is open. Without arguments: always."""

    weekdays: frozenset[int] = frozenset(range(7))
    """Days of the week on which it opens, as `date.weekday` numbers them: 0 is Monday."""
    closures: tuple[Closure, ...] = ()

    def is_open(self, day: date) -> bool:
        """Say whether the branch opens on this day."""
        return day.weekday() in self.weekdays and all(c.covers(day) is None for c in self.closures)

    def next_open(self, day: date) -> date | None:
        """Return the first open day that is not before `day`; None when none is found."""
        if not self.weekdays:
            return None
        for _ in range(_PATIENCE):
            while day.weekday() not in self.weekdays:
                if day == date.max:
                    return None
                day += _DAY
            ends = [last for c in self.closures if (last := c.covers(day)) is not None]
            if not ends:
                return day
            if max(ends) == date.max:
                return None
            day = max(ends) + _DAY
        return None

    def open_days_between(self, after: date, until: date) -> int:
        """Return how many days it opens later than `after`, up to and with `until`."""
        if until <= after:
            return 0
        begin = after + _DAY
        closed = _merged(span for c in self.closures for span in c.spans(begin, until))
        return self._count(begin, until) - sum(self._count(first, last) for first, last in closed)

    def _count(self, first: date, last: date) -> int:
        """Return how many days of its weekdays lie in first..last."""
        weeks, rest = divmod((last - first).days + 1, 7)
        begin = first.weekday()
        return weeks * len(self.weekdays) + sum((begin + n) % 7 in self.weekdays for n in range(rest))


ALWAYS: Final = Calendar()
"""A branch that is open every day."""


def _merged(spans: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    """Return spans in order, those that overlap as one."""
    merged: list[tuple[date, date]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged
