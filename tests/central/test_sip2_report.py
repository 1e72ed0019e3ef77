"""Who is on call sees in the log which terminals are connected, and nothing of patrons."""

import asyncio
import logging
from pathlib import Path

import pytest
from sip2_server_kit import AT, POLICY, account, library, terminal, told

from central.pin_tries import PinTries
from central.sip2.accounts import Accounts
from central.sip2.fakes import ScriptedTerminals
from central.sip2.house import House, Limits
from central.sip2.reads import LedgerReads
from central.sip2.serve import accounts_of
from central.sip2.server import Report, Sip2Server
from central.sip2.session import Terms
from wire.clock import SystemClock


async def test_the_log_says_who_is_connected_and_how_many_answers_went_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "turnleaf")
    settings = told(tmp_path, accounts=[account(), account("sorter")])
    async with library(tmp_path) as here:
        reads = LedgerReads(here.ledger.url)
        house = House(
            Terms(POLICY), Limits(), Accounts(accounts_of(settings), now=SystemClock().mono), reads,
            ScriptedTerminals(), PinTries(), SystemClock(),
        )  # fmt: skip
        server = Sip2Server(house, report_s=0.05)
        listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(server.run(listening.set_result))
        port = await listening
        async with terminal(port) as one, terminal(port, "sorter"), terminal(port, None):
            await one.say(f"63001{AT}{' ' * 10}AOx|AACARD4711|AC|AD8642|")
            expected = Report(3, {"": 1, "selfcheck-1": 1, "sorter": 1}, 3, 0)
            async with asyncio.timeout(20):
                while str(expected) not in caplog.text:
                    await asyncio.sleep(0.01)
            assert server.report() == expected
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        reads.close()

    assert str(expected) == (
        "SIP2: 3 connections (not logged in 1, selfcheck-1 1, sorter 1), 3 answers, 0 turned away"
    )
    assert "CARD4711" not in caplog.text
