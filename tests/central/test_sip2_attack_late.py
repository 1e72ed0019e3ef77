"""Terminals that were cut off for long, and say once more what they had said."""

from pathlib import Path

from sip2_server_kit import AT, framed, library, terminal

BLANK = " " * 18


async def test_what_happened_off_line_is_done_once_however_late_it_is_told_again(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as sc:
        assert (await sc.say(f"11NN{AT}{BLANK}AOx|AACARD4711|ABITEM-0004|AC|")).ok
        assert (await sc.say(f"29NY{AT}{BLANK}AOx|AACARD4711|ABITEM-0004|AC|")).ok
        frame = framed(f"29NY{AT}{BLANK}AOx|AACARD4711|ABITEM-0004|AC|", sc.digit)
        run = here.ledger.hot.connection.execute
        run("UPDATE repeat SET at = at - 3600000")
        async with terminal(here.port) as again:
            await again.exchange(frame)
        assert run("SELECT renewals FROM loan WHERE item = 'ITEM-0004'").fetchall() == [(1,)]
