"""Due dates: local dates in the branch's zone, never instants; on open days, where a library wants that."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from circulation.calendar import Calendar


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_date(at_ms: int, zone: str) -> date:
    """Return the date on the wall at `at_ms` (milliseconds since 1970 UTC) in an IANA zone."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(_zone(zone)).date()


def due_date(at_ms: int, zone: str, loan_days: int, calendar: Calendar | None = None) -> date:
    """Return the last day of a loan of `loan_days` days that begins at `at_ms`.

    With a `calendar` it moves on to the next open day; if there is none, it stays.
    """
    due = local_date(at_ms, zone) + timedelta(days=loan_days)
    return due if calendar is None else calendar.next_open(due) or due
