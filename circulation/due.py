"""Due dates: local dates in the branch's zone, never instants; on open days, where a library wants that."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from circulation.calendar import Calendar

SLOT_MS = 15 * 60 * 1000
"""What happens within a quarter of an hour mostly has one date, which is then worked out once."""


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_date(at_ms: int, zone: str) -> date:
    """Return the date on the wall at `at_ms` (milliseconds since 1970 UTC) in an IANA zone."""
    return _date_of_slot(at_ms // SLOT_MS, zone) or _date(at_ms, zone)


@lru_cache(maxsize=1024)
def _date_of_slot(slot: int, zone: str) -> date | None:
    """Return the date that holds for a whole quarter of an hour; None when a day ends within it."""
    first, last = _date(slot * SLOT_MS, zone), _date((slot + 1) * SLOT_MS - 1, zone)
    return first if first == last else None


def _date(at_ms: int, zone: str) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(_zone(zone)).date()


def due_date(at_ms: int, zone: str, loan_days: int, calendar: Calendar | None = None) -> date:
    """Return the last day of a loan of `loan_days` days that begins at `at_ms`.

    With a `calendar` it moves on to the next open day; if there is none, it stays.
    """
    due = local_date(at_ms, zone) + timedelta(days=loan_days)
    return due if calendar is None else calendar.next_open(due) or due
