"""Ids of facts: UUIDs of version 7, in the order of time and never twice."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from wire.ids import fact_id

MOMENTS = st.integers(10**9, 7 * 10**12).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))


@given(MOMENTS)
def test_an_id_is_a_uuid_of_version_7_of_its_millisecond(at: datetime) -> None:
    told = fact_id(at)
    read = UUID(hex=told)
    assert (len(told), read.hex, read.version, read.variant) == (32, told, 7, RFC_4122)
    assert read.int >> 80 == int(at.timestamp() * 1000)


@given(MOMENTS, st.integers(1, 10**12))
def test_what_is_later_by_a_millisecond_has_the_greater_id(at: datetime, ms: int) -> None:
    assert fact_id(at) < fact_id(at + timedelta(milliseconds=ms))


def test_ids_of_one_moment_differ() -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert len({fact_id(at) for _ in range(10_000)}) == 10_000


def test_a_clock_of_another_age_makes_ids_too() -> None:
    before, after = datetime(1969, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    assert all(UUID(hex=fact_id(at)).version == 7 for at in (before, after))
