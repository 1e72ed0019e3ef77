"""Terminals whose clocks are wrong: nothing of it may stop the desk, or cost a patron money."""

from pathlib import Path

import pytest
from sip2_server_kit import AT, library, terminal

BLANK = " " * 18


def lent(card: str, item: str, at: str, due: str = BLANK) -> str:
    return f"11NY{at}{due}AOx|AA{card}|AB{item}|AC|"


@pytest.mark.parametrize("at", ["00010101    000000", "00010101+14 000000", "19700101    000000"])
async def test_a_clock_that_stood_still_neither_stops_the_desk_nor_dates_a_loan(
    tmp_path: Path, at: str
) -> None:
    async with library(tmp_path) as here, terminal(here.port) as sc:
        assert (await sc.say(lent("CARD4711", "ITEM-0001", at))).ok
        assert (await sc.say(f"09Y{at}{at}APx|AOx|ABITEM-0002|AC|")).ok
        read = await sc.say(f"17{AT}AOx|ABITEM-0001|AC|")
        assert read.circulation_status == 4
        assert read.due[:4] >= "2026"


async def test_a_due_date_before_the_loan_began_is_not_believed(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as sc:
        told = await sc.say(lent("CARD4711", "ITEM-0001", AT, "00010101    000000"))
        assert told.ok
        assert told.due[:4] >= "2026"
        back = await sc.say(f"09N{AT}{AT}APx|AOx|ABITEM-0001|AC|")
        assert back.ok
        assert back.screen == ()
        account = await sc.say(f"63000{AT}{' ' * 10}AOx|AACARD4711|AC|")
        assert account.fees == "0.00"
