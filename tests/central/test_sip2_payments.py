"""Payments at terminals (37): each counts once, and a number that comes round again hides none.

Terminals number payments in their own ways (BK): for ever, by day, or from 1 after each restart.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from sip2_server_kit import Library, Terminal, library, terminal

from wire.clock import FakeClock

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
HOUR = 3600
NO_CLOCK = " " * 18
P63 = f"63001{NO_CLOCK}{' ' * 10}AOharbour|AACARD4711|AC|"


@asynccontextmanager
async def owing(folder: Path, minor: int) -> AsyncIterator[tuple[Library, Terminal, FakeClock]]:
    """Run a library in which a patron owes so many cents."""
    clock = FakeClock(START)
    async with library(folder, clock=clock) as here, terminal(here.port) as sc:
        hot = here.ledger.hot
        await here.desk.write(
            lambda _: hot.connection.execute(
                "INSERT INTO fee VALUES ('f1', 'patron-77', NULL, 'damage', ?, 0, 1)", (minor,)
            )
        )
        yield here, sc, clock


async def pays(sc: Terminal, amount: str, number: str = "1", at: str = NO_CLOCK, more: str = "") -> bool:
    """Pay, and say whether it was accepted."""
    said = await sc.say(f"37{at}0400EURBV{amount}|AOharbour|AACARD4711|AC|BK{number}|{more}")
    return bool(said.accepted)


async def owes(sc: Terminal) -> str:
    return str((await sc.say(P63)).fees)


async def test_a_terminal_that_counts_from_1_again_has_its_payments_settled(tmp_path: Path) -> None:
    async with owing(tmp_path, 300) as (_, sc, clock):
        assert await pays(sc, "1.00", at="20261121    100000")
        clock.advance(2 * HOUR)

        assert await pays(sc, "1.00", at="20261121    120000")
        assert await owes(sc) == "1.00"


async def test_a_number_that_comes_round_with_another_amount_is_another_payment(tmp_path: Path) -> None:
    async with owing(tmp_path, 300) as (_, sc, _):
        assert await pays(sc, "1.00", at="20261121    100000")

        assert await pays(sc, "0.50", at="20261121    100100")
        assert await owes(sc) == "1.50"


async def test_one_number_for_the_fees_of_one_visit_pays_each(tmp_path: Path) -> None:
    async with owing(tmp_path, 100) as (here, sc, _):
        hot = here.ledger.hot
        await here.desk.write(
            lambda _: hot.connection.execute(
                "INSERT INTO fee VALUES ('f2', 'patron-77', NULL, 'damage', 100, 0, 2)"
            )
        )
        assert await pays(sc, "1.00", at="20261121    100000", more="CGf1|")

        assert await pays(sc, "1.00", at="20261121    100000", more="CGf2|")
        assert await owes(sc) == "0.00"


async def test_a_payment_told_anew_after_its_link_was_back_counts_once(tmp_path: Path) -> None:
    async with owing(tmp_path, 300) as (_, sc, clock):
        assert await pays(sc, "1.00", at="20261121    100000")
        clock.advance(HOUR // 2)

        assert await pays(sc, "1.00", at="20261121    103000")
        assert await owes(sc) == "2.00"


async def test_a_payment_that_keeps_its_time_counts_once_however_late_it_comes_again(tmp_path: Path) -> None:
    async with owing(tmp_path, 300) as (_, sc, clock):
        assert await pays(sc, "1.00", at="20261121    100000")
        clock.advance(400 * HOUR)

        assert await pays(sc, "1.00", at="20261121    100000")
        assert await owes(sc) == "2.00"


async def test_a_terminal_without_a_clock_pays_again_after_its_restart(tmp_path: Path) -> None:
    async with owing(tmp_path, 300) as (_, sc, clock):
        assert await pays(sc, "1.00")
        clock.advance(HOUR // 2)
        assert await pays(sc, "1.00")
        assert await owes(sc) == "2.00"
        clock.advance(2 * HOUR)

        assert await pays(sc, "1.00")
        assert await owes(sc) == "1.00"
