"""The SIP2 listener: pieces and merged frames, repeats over a restart, limits, errors, and what is logged."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from sip2_server_kit import AT, POLICY, SECRET, framed, library, read, terminal, told

from central.pin_tries import PinTries
from central.sip2.accounts import Accounts
from central.sip2.fakes import ScriptedTerminals, Tell
from central.sip2.house import House, Limits
from central.sip2.reads import LedgerReads
from central.sip2.serve import accounts_of
from central.sip2.server import Sip2Server
from central.sip2.session import Terms
from central.terminal import AtTerminal
from wire.clock import SystemClock

ASK_63 = f"63001{AT}          AOharbour|AACARD4711|AC|"
LEND = f"11NN{AT}{AT}AOharbour|AACARD4711|ABITEM-0001|AC|"


def loans(ledger: Any) -> int:
    return int(ledger.hot.connection.execute("SELECT count(*) FROM loan").fetchone()[0])


# --- bytes


async def test_frames_in_pieces_and_many_in_one_piece_are_each_answered(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        for byte in framed(ASK_63, 5):
            await one.send(bytes((byte,)))
        assert (await one.reply()).startswith(b"64")
        await one.send(
            b"\r\n\r\n".join(framed(f"17{AT}AOx|ABITEM-{n:04d}|AC|", n % 10) for n in range(1, 200))
        )
        items = [read(await one.reply()).item for _ in range(1, 200)]  # type: ignore[union-attr]  # 18 has it

    assert items == [f"ITEM-{n:04d}" for n in range(1, 200)]


async def test_one_too_long_is_asked_for_again_and_the_next_is_answered(tmp_path: Path) -> None:
    async with library(tmp_path, longest=1000) as here, terminal(here.port) as one:
        for size in (1500, 20_000):
            await one.send(b"17" + b"x" * size + b"\r")
            assert (await one.reply()).startswith(b"96")
        assert (await one.say(ASK_63)).valid


async def test_telnet_before_the_first_frame_is_no_part_of_it(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port, None) as one:
        await one.send(b"\xff\xfd\x03\xff\xfb\x18")
        assert (await one.say(f"9300CNselfcheck-1|CO{SECRET}|")).ok


async def test_bytes_that_are_no_text_are_echoed_and_never_stored(tmp_path: Path) -> None:
    at = AT.encode()
    odd = b"\xff\xfe|"
    asked = [
        b"19" + at + b"AOx|ABITEM-0001|AC|CH" + odd, b"01N" + at + b"AOx|AL" + odd + b"AACARD4711|AC|",
        b"25" + at + b"AOx|AACARD4711|AC|", b"37" + at + b"04\xff\xffEURBV1.00|AOx|AACARD4711|AC|BK" + odd,
        b"15+" + at + b"BS" + odd + b"BY3|AOx|AACARD4711|ABITEM-0002|AC|AJ" + odd,
        b"29NN" + at * 2 + b"AOx|AACARD4711|AJ" + odd + b"AC|", b"11NN" + at * 2 + b"AOx|AACARD4711|AB" + odd,
        b"09N" + at * 2 + b"AP" + odd + b"AOx|AB" + odd, b"63\xff01" + at + b" " * 10 + b"AOx|AA" + odd,
        b"17" + at + b"AOx|AB" + odd, b"15+" + at + b"AOx|AACARD4711|AJ" + odd,
    ]  # fmt: skip
    async with library(tmp_path) as here, terminal(here.port) as one:
        replies = [await one.exchange(data + b"\r") for data in asked]
        assert (await one.say(ASK_63)).valid
        properties = here.ledger.hot.connection.execute(
            "SELECT properties FROM item WHERE item = 'ITEM-0001'"
        )
        assert properties.fetchone() == ("??",)

    assert [reply[:2] for reply in replies] == [
        b"20", b"24", b"26", b"38", b"16", b"30", b"12", b"10", b"64", b"18", b"16",
    ]  # fmt: skip
    assert all(b"\xff\xfe|" in reply for reply in (replies[6], replies[7], replies[9]))
    assert b"Something went wrong" not in b"".join(replies)


# --- repeats


async def test_the_same_frame_again_gets_the_same_bytes_and_is_not_done_twice(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        first = await one.exchange(framed(LEND, 4))
        again = await one.exchange(framed(LEND, 4))
        third = await one.exchange(b"97AZFEF5\r")
        refused = await one.exchange(framed(LEND, 5))

        assert first == again == third
        assert first.startswith(b"121")
        assert refused.startswith(b"120")
        assert loans(here.ledger) == 1


async def test_a_frame_is_known_again_after_a_restart(tmp_path: Path) -> None:
    async with library(tmp_path) as here, terminal(here.port) as one:
        assert (await one.exchange(framed(LEND, 4))).startswith(b"121")
    async with library(tmp_path) as here, terminal(here.port) as one:
        assert (await one.exchange(framed(LEND, 4))).startswith(b"121")
        assert (await one.exchange(framed(LEND, 5))).startswith(b"120")
        assert loans(here.ledger) == 1


# --- limits


async def test_one_too_many_is_turned_away_and_has_room_when_another_leaves(tmp_path: Path) -> None:
    async with library(tmp_path, connections=2) as here:
        async with terminal(here.port), terminal(here.port):
            reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(1)
            writer.close()
        async with asyncio.timeout(20):
            while True:
                try:
                    async with terminal(here.port) as one:
                        assert (await one.say(ASK_63)).valid
                        return
                except (asyncio.IncompleteReadError, ConnectionError):
                    await asyncio.sleep(0.01)


async def test_an_address_has_its_own_limit(tmp_path: Path) -> None:
    async with library(tmp_path, connections_per_address=1) as here, terminal(here.port):
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(1)
        writer.close()


async def test_who_does_not_log_in_or_says_nothing_is_hung_up_on(tmp_path: Path) -> None:
    async with library(tmp_path, login_s=0.2, idle_s=0.4) as here:
        async with terminal(here.port, None) as one:
            assert (await one.say("9900802.00")).online
            await one.send(b"17 and no end")
            assert await one.gone()
        async with terminal(here.port) as one:
            assert await one.gone()


async def test_two_hundred_connections_are_answered_at_once(tmp_path: Path) -> None:
    async def visit(port: int, n: int) -> bool:
        async with terminal(port) as one:
            item = f"ITEM-{n % 20 + 1:04d}"
            for _ in range(3):
                assert (await one.say(ASK_63)).valid
                seen = await one.say(f"17{AT}AOx|AB{item}|AC|")
                assert seen.item == item
            said = await one.say(f"11NN{AT}{AT}AOx|AACARD4711|AB{item}|AC|BK{n}|")
            return bool(said.ok)

    async with library(tmp_path) as here:
        async with asyncio.timeout(120):
            lent = await asyncio.gather(*(visit(here.port, n) for n in range(200)))
        assert sum(lent) == loans(here.ledger) == 20


# --- errors of ours


class Broken(ScriptedTerminals):
    """A desk that breaks."""

    def submit(self, request: AtTerminal, tell: Tell) -> None:
        raise RuntimeError(f"no disk for {request.do}")


async def test_what_breaks_here_is_answered_there_and_tells_no_card(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with library(tmp_path) as here:
        reads = LedgerReads(here.ledger.url)
        house = House(
            Terms(POLICY), Limits(), Accounts(accounts_of(told(tmp_path)), now=SystemClock().mono), reads,
            Broken(), PinTries(), SystemClock(),
        )  # fmt: skip
        server = Sip2Server(house)
        listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(server.run(listening.set_result))
        async with terminal(await listening) as one:
            lent = await one.say(LEND)
            reads.close()
            asked = await one.say(ASK_63)
            item = await one.say(f"17{AT}AOx|ABITEM-0001|AC|")
            assert (await one.say("9900802.00")).online
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert (lent.ok, lent.patron, lent.item) == (False, "CARD4711", "ITEM-0001")
    assert (asked.valid, asked.patron, item.item) == (False, "CARD4711", "ITEM-0001")
    assert lent.screen == ("Something went wrong. Please ask staff.",)
    assert "RuntimeError" in caplog.text
    assert "CARD4711" not in caplog.text


async def test_no_card_pin_item_or_title_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = ("CARD4711", "1111", "8642", "ITEM-0001", "The Title", "Wilhelmina", SECRET, "wrong-secret")
    asked = [
        "9900802.00", "9300CNselfcheck-9|COwrong-secret|", f"9300CNselfcheck-1|CO{SECRET}|",
        *(f"63001{AT}  Y       AOx|AACARD4711|AC|AD{pin}|" for pin in ("1111", "8642")),
        f"23001{AT}AOx|AACARD4711|AC|AD1111|", LEND + "AD8642|", LEND + "AD1111|",
        f"17{AT}AOx|ABITEM-0001|AC|", f"09N{AT}{AT}APx|AOx|ABITEM-0001|AC|",
        f"15+{AT}AOx|AACARD4711|ABITEM-0001|AC|AD8642|", f"29NN{AT}{AT}AOx|AACARD4711|ABITEM-0001|AC|",
        f"65{AT}AOx|AACARD4711|AC|", f"37{AT}0400EURBV1|AOx|AACARD4711|AC|", f"19{AT}AOx|ABITEM-0001|AC|CHx|",
        f"01N{AT}AOx|ALx|AACARD4711|AC|", f"25{AT}AOx|AACARD4711|AC|", f"35{AT}AOx|AACARD4711|AC|",
        "63CARD4711", "17ITEM-0001|AACARD4711", "CARD4711 rubbish 8642", "97",
    ]  # fmt: skip
    async with library(tmp_path) as here, terminal(here.port) as one:
        for n, text in enumerate(asked):
            await one.exchange(framed(text, n % 10))
        for _ in range(5):
            await one.exchange(b"CARD4711 8642\r")

    assert "selfcheck-1 at 127.0.0.1" in caplog.text
    assert [word for word in secret if word in caplog.text] == []
