"""People counted from lines: pulses that bounce, barriers crossed either way, and who turns round."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.counter import Counting, Crossings, LineCounter, Pulses
from firmware_bridge.fakes import FakeBarriers

IN, OUT, BOTH = 1, 2, 3
COMING, GOING = (OUT, BOTH, IN, 0), (IN, BOTH, OUT, 0)
TURNING = ((OUT, 0), (OUT, BOTH, OUT, 0), (IN, BOTH, IN, 0), (IN, 0))


def walked(counting: Counting, looks: list[int], step_ms: int = 100) -> tuple[int, int]:
    for number, lines in enumerate(looks):
        counting = counting.see(lines, number * step_ms)
    return counting.entered, counting.left


@given(st.lists(st.sampled_from([COMING, GOING, *TURNING])), st.integers(1, 3))
def test_any_row_of_people_is_counted_by_direction(people: list[tuple[int, ...]], repeats: int) -> None:
    looks = [0] + [lines for person in people for lines in person for _ in range(repeats)]

    assert walked(Crossings(), looks) == (people.count(COMING), people.count(GOING))


def test_who_stands_in_the_door_for_long_is_not_counted() -> None:
    assert walked(Crossings(within_ms=1000), [0, OUT, BOTH] + [BOTH] * 20 + [IN, 0]) == (0, 0)


def test_two_at_once_count_as_one_crossing_at_most() -> None:
    assert walked(Crossings(), [0, BOTH, BOTH, 0]) == (0, 0)


@pytest.mark.parametrize(("step_ms", "counted"), [(10, 1), (60, 3)])
def test_a_contact_that_bounces_counts_once(step_ms: int, counted: int) -> None:
    assert walked(Pulses(debounce_ms=50), [0, IN, 0, IN, 0, IN], step_ms) == (counted, 0)


def test_pulses_count_both_directions() -> None:
    assert walked(Pulses(), [0, IN, 0, OUT, 0, BOTH, 0]) == (2, 2)


def test_a_line_that_is_closed_at_the_start_counts_when_it_closed_once() -> None:
    assert walked(Pulses(), [IN, IN, IN]) == (1, 0)


class Watched(FakeBarriers):
    """Barriers that know how often they were looked at."""

    looks = 0

    async def inputs(self) -> int:
        self.looks += 1
        return await super().inputs()

    async def seen(self) -> None:
        """Wait until the lines, as they are now, were looked at."""
        before = self.looks
        while self.looks <= before:
            await asyncio.sleep(0.001)


async def test_a_device_is_polled_and_its_counts_can_be_asked_for() -> None:
    barriers = Watched()
    counter = LineCounter(barriers, Pulses(debounce_ms=0), poll_s=0.001)
    running = asyncio.create_task(counter.run())
    try:
        async with asyncio.timeout(10):
            for wanted in (1, 2, 3):
                barriers.value = IN
                await barriers.seen()
                assert await counter.counts() == (wanted, 0)
                barriers.value = 0
                await barriers.seen()
    finally:
        running.cancel()
