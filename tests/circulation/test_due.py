"""Due dates are local dates."""

from datetime import UTC, date, datetime

import pytest

from circulation.due import due_date, local_date


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-01-05T22:59:59", "Europe/Copenhagen", date(2026, 1, 5)),
        ("2026-01-05T23:00:00", "Europe/Copenhagen", date(2026, 1, 6)),
        ("2026-07-05T22:00:00", "Europe/Copenhagen", date(2026, 7, 6)),
        ("2026-01-05T23:00:00", "America/New_York", date(2026, 1, 5)),
        ("2026-01-05T11:00:00", "Pacific/Auckland", date(2026, 1, 6)),
    ],
)
def test_the_date_is_the_one_on_the_wall_of_the_branch(at: str, zone: str, expected: date) -> None:
    assert expected == local_date(ms(at), zone)


def test_a_loan_over_the_change_to_summer_time_is_counted_in_days_not_hours() -> None:
    assert date(2026, 4, 4) == due_date(ms("2026-03-28T23:30:00"), "Europe/Copenhagen", 6)
