"""People counted from the pulses of two lines, which bounce."""

import asyncio

import pytest

from firmware_bridge.counter import Counting, LineCounter, Pulses
from firmware_bridge.fakes import FakeBarriers

IN, OUT, BOTH = 1, 2, 3


def walked(counting: Counting, looks: list[int], step_ms: int = 100) -> tuple[int, int]:
    for number, lines in enumerate(looks):
        counting = counting.see(lines, number * step_ms)
    return counting.entered, counting.left


def test_a_contact_that_bounces_when_it_opens_counts_once_however_long_it_was_closed() -> None:
    assert walked(Pulses(debounce_ms=50), [0, *[IN] * 20, 0, IN, 0, IN, 0], 10) == (1, 0)


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
