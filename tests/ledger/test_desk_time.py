"""When it happened (design §4, time): every case in a table."""

from typing import Literal

import pytest

from central.desk_time import Heard, Placed, place

HEARD = Heard("b", offset=1_000_000, mono=0)


@pytest.mark.parametrize(
    ("why", "at", "clock", "boot", "mono", "heard", "after", "received", "favour", "expected"),
    [
        (
            "counter known: it decides",
            5,
            "free",
            "b",
            500,
            HEARD,
            0,
            1_060_000,
            "late",
            Placed(1_000_500, False),
        ),
        (
            "counter beats a synced clock",
            7,
            "synced",
            "b",
            500,
            HEARD,
            0,
            1_060_000,
            "late",
            Placed(1_000_500, False),
        ),
        (
            "the sighting came late: the synced clock says when",
            990_000,
            "synced",
            "b",
            500,
            HEARD,
            0,
            1_060_000,
            "early",
            Placed(990_000, False),
        ),
        (
            "a synced clock that is ahead of the counter is wrong: a sighting is never early",
            1_002_000,
            "synced",
            "b",
            500,
            HEARD,
            0,
            1_060_000,
            "early",
            Placed(1_000_500, False),
        ),
        (
            "a free clock says nothing beside the counter",
            990_000,
            "free",
            "b",
            500,
            HEARD,
            0,
            1_060_000,
            "early",
            Placed(1_000_500, False),
        ),
        (
            "never after it was received",
            0,
            "free",
            "b",
            90_000,
            HEARD,
            0,
            1_060_000,
            "late",
            Placed(1_060_000, False),
        ),
        (
            "never before the fact before it",
            0,
            "free",
            "b",
            500,
            HEARD,
            1_050_000,
            1_060_000,
            "late",
            Placed(1_050_001, False),
        ),
        (
            "another boot: the synced clock",
            1_000_700,
            "synced",
            "c",
            500,
            HEARD,
            0,
            1_060_000,
            "late",
            Placed(1_000_700, False),
        ),
        (
            "never heard: the synced clock",
            1_000_700,
            "synced",
            "b",
            5,
            None,
            1_000_000,
            1_060_000,
            "early",
            Placed(1_000_700, False),
        ),
        (
            "a little ahead is believed",
            1_061_000,
            "synced",
            "b",
            5,
            None,
            1,
            1_060_000,
            "early",
            Placed(1_060_000, False),
        ),
        (
            "ahead by far: a loan is late",
            9_000_000,
            "synced",
            "b",
            5,
            None,
            50,
            1_060_000,
            "late",
            Placed(1_060_000, True),
        ),
        (
            "ahead by far: a return is early",
            9_000_000,
            "synced",
            "b",
            5,
            None,
            50,
            1_060_000,
            "early",
            Placed(51, True),
        ),
        (
            "before the fact before it: doubt",
            10,
            "synced",
            "b",
            5,
            None,
            500_000,
            1_060_000,
            "early",
            Placed(500_001, True),
        ),
        (
            "a free clock alone: doubt",
            1_000_700,
            "free",
            "b",
            5,
            None,
            500_000,
            1_060_000,
            "late",
            Placed(1_060_000, True),
        ),
        (
            "no bound below: its own word",
            1_000_700,
            "free",
            "b",
            5,
            None,
            0,
            1_060_000,
            "early",
            Placed(1_000_700, True),
        ),
        (
            "order is kept within a millisecond",
            60,
            "synced",
            "b",
            5,
            None,
            1_060_000,
            1_060_000,
            "late",
            Placed(1_060_001, True),
        ),
    ],
)
def test_a_fact_is_placed(
    why: str, at: int, clock: Literal["synced", "free"], boot: str, mono: int, heard: Heard | None,
    after: int, received: int, favour: Literal["early", "late"], expected: Placed,
) -> None:  # fmt: skip
    placed = place(
        at=at, clock=clock, boot=boot, mono=mono, heard=heard, after=after, received=received, favour=favour
    )

    assert placed == expected, why


def test_the_smallest_difference_is_the_truest_but_clocks_may_part() -> None:
    late = HEARD.again(mono=1_000, now=1_009_000)
    assert late == Heard("b", 1_000_000, 1_000)
    prompt = late.again(mono=2_000, now=1_001_500)
    assert prompt == Heard("b", 999_500, 2_000)
    day_later = prompt.again(mono=86_402_000, now=86_402_000 + 1_004_000)

    assert day_later.offset == 1_004_000
