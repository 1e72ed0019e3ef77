"""What terminals write in ways of their own is read as it was meant, or told to be unread."""

from datetime import date
from pathlib import Path

import pytest
from sip2_server_kit import AT, library, terminal

from central.sip2.fields import read_day

WHO = "AOharbour|AACARD4711|AC|"
LENT = ("ITEM-0001", "ITEM-0002", "ITEM-0003")


@pytest.mark.parametrize(
    ("asked", "told"),
    [("", 3), ("BP1|BQ0|", 3), ("BP0|BQ0|", 3), ("BP2|BQ0|", 2), ("BP2|BQ2|", 1), ("BP3|BQ1|", 0), ("BQ1|", 1)],
)  # fmt: skip
async def test_a_list_that_ends_at_0_has_no_end(tmp_path: Path, asked: str, told: int) -> None:
    async with library(tmp_path) as here, terminal(here.port) as sc:
        for item in LENT:
            assert (await sc.say(f"11NN{AT}{AT}AOharbour|AACARD4711|AB{item}|AC|")).ok
        seen = await sc.say(f"63001{AT}  Y       {WHO}{asked}")

    assert (seen.charged, len(seen.charged_items)) == (3, told)


@pytest.mark.parametrize("text", ["20261231    235900", "20261231", "2026-12-31", " 20261231 "])
def test_a_day_is_read_however_it_is_written(text: str) -> None:
    found = read_day(text)

    assert found is not None
    assert found.date() == date(2026, 12, 31)


@pytest.mark.parametrize(
    "text", ["", "31.12.2026", "12/31/2026", "20261331", "2026-13-31", "soon", "2026_12_31"]
)
def test_a_day_is_not_guessed(text: str) -> None:
    assert read_day(text) is None


async def test_a_hold_whose_last_day_cannot_be_read_counts_and_says_so(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as sc:
        held = await sc.say(f"15+{AT}BW12/31/2026|AOharbour|AACARD4711|ABITEM-0001|AC|")
        kept = await sc.say(f"15*{AT}BW12/31/2026|AOharbour|AACARD4711|ABITEM-0001|AC|")
        moved = await sc.say(f"15*{AT}BW2027-12-31|AOharbour|AACARD4711|ABITEM-0001|AC|")

    assert (held.ok, held.expires, held.screen) == (True, "", ("That day cannot be read.",))
    assert (kept.ok, kept.screen) == (False, ("That day cannot be read.",))
    assert (moved.ok, moved.expires[:8], moved.screen) == (True, "20271231", ())
