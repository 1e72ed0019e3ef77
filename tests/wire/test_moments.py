from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from wire.messages.base import Instant, Message


class Seen(Message):
    at: Instant


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


FIRST, LAST = datetime(2, 1, 1), datetime(9998, 12, 31)  # noqa: DTZ001 - bounds have no zone


@given(st.datetimes(FIRST, LAST, timezones=ZONES))
def test_a_moment_of_any_zone_is_written_in_utc_to_the_millisecond(at: datetime) -> None:
    written = Seen(at=at).encode().decode()

    assert (
        f'{{"at":"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")}Z"}}' == written
    )
    assert at.replace(microsecond=at.microsecond // 1000 * 1000) == Seen.decode(written.encode()).at
