"""Asks that come too late or too many are not answered; replies to operators fit into a message."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from central_kit import KEY, seed

from central.asks import WAITING, Asks
from central.ledger.ledger import Ledger
from central.operate import REPLY_BYTES, _rows
from wire.clock import FakeClock
from wire.link import Inbound, LinkSettings
from wire.link_memory import MemoryBroker, MemoryLink
from wire.messages.asks import AskItem
from wire.messages.states import Operate
from wire.topics import topic

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)


async def test_an_ask_that_waited_too_long_is_not_answered_any_more(tmp_path: Path) -> None:
    seed(tmp_path)
    clock, broker = FakeClock(NOW), MemoryBroker()
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    link = MemoryLink(broker, LinkSettings("", 0, "central", "", "", ""))
    connecting = asyncio.create_task(link.run())
    await anext(link.events())
    asks = Asks(ledger, link, KEY, clock)

    def ask(name: str) -> None:
        payload = AskItem(ask=name, item="ITEM-0001").encode()
        asks.take("kiosk-1", Inbound(topic("ask", station="kiosk-1"), payload))

    for number in range(WAITING + 3):
        ask(f"late-{number}")
    clock.advance(9)
    running = asyncio.create_task(asks.run())
    async with asyncio.timeout(20):
        while asks.dropped < WAITING + 3:
            await asyncio.sleep(0.005)
        ask("in-time")
        while asks.answered < 1:
            await asyncio.sleep(0.005)
    for task in (running, connecting):
        task.cancel()
    await asyncio.gather(running, connecting, return_exceptions=True)
    ledger.close()

    assert len(broker.log) == 1
    assert b"in-time" in broker.log[0].payload


def test_rows_that_do_not_fit_are_left_out_and_counted() -> None:
    asked = Operate(request="r", until=NOW)
    few = _rows(asked, [{"at": "2026", "value": float(n)} for n in range(10)])
    many = _rows(asked, [{"detail": "ø" * 200, "n": n} for n in range(1000)])

    assert (len(few.rows), few.detail) == (10, "")
    assert len(many.encode()) <= REPLY_BYTES + 1024
    assert many.detail == f"{1000 - len(many.rows)} more are left out"
