"""`turnleaf sip2 serve` is killed between request and answer, again and again: no loan twice, none lost."""

import asyncio
import contextlib
import json
import random
import sqlite3
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sip2_server_kit import SECRET
from test_sip2_serve import write

from central.sip2.codec import Frame, decode, encode
from central.sip2.messages import Login, Message, PatronInformation, PatronInformationResponse
from central.sip2.messages_items import Checkin, CheckinResponse, Checkout, CheckoutResponse

KILLS = 50
ITEMS = [f"ITEM-{n:04d}" for n in range(1, 21)]
START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC).replace(tzinfo=None)


class Serving:
    """The process, started anew after each death, on one port."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.process: asyncio.subprocess.Process | None = None
        self.port = 0

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "turnleaf", "sip2", "serve", "--config", str(self.file), "--json",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            self.port = json.loads(await self.process.stdout.readline())["port"]

    async def kill(self) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.communicate()


@dataclass
class Kiosk:
    """A terminal that sends a frame until it has its answer: over another connection, the very same bytes."""

    serving: Serving
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.serving.port)
        await self.ask(encode(Login(user="selfcheck-1", password=SECRET), sequence="0"))

    async def send(self, frame: bytes) -> None:
        assert self.writer is not None
        self.writer.write(frame)
        await self.writer.drain()

    async def answer(self) -> Message | None:
        """Return the answer; None: the other side is gone."""
        assert self.reader is not None
        try:
            async with asyncio.timeout(60):
                raw = await self.reader.readuntil(b"\r")
        except (asyncio.IncompleteReadError, OSError):
            return None
        found = decode(raw)
        assert isinstance(found, Frame)
        assert found.check == "right"
        return found.message

    async def ask(self, frame: bytes) -> Message:
        await self.send(frame)
        said = await self.answer()
        assert said is not None
        return said

    async def leave(self) -> None:
        if self.writer is not None:
            self.writer.close()
            with contextlib.suppress(OSError):
                await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(file: Path) -> AsyncIterator[Serving]:
    one = Serving(file)
    await one.start()
    try:
        yield one
    finally:
        await one.kill()


def journal(folder: Path) -> tuple[int, dict[str, int]]:
    """Return how many loans were made in all, and of each item how many are open."""
    db = sqlite3.connect(folder / "ledger.db")
    try:
        (made,) = db.execute("SELECT count(*) FROM loan WHERE NOT withdrawn").fetchone()
        still = dict(
            db.execute("SELECT item, count(*) FROM loan WHERE ended IS NULL GROUP BY item").fetchall()
        )
        return made, still
    finally:
        db.close()


@pytest.mark.slow
async def test_fifty_deaths_between_request_and_answer_lose_and_double_nothing(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    file = write(tmp_path)
    out: set[str] = set()
    lent = unanswered = 0
    async with serving(file) as server:
        kiosk = Kiosk(server)
        await kiosk.connect()
        for n in range(KILLS):
            item = ITEMS[chance.randrange(len(ITEMS))]
            digit, at = str((n + 1) % 10), START + timedelta(minutes=n)
            if item in out:
                frame = encode(Checkin(at=at, returned=at, item=item, institution="harbour"), sequence=digit)
            else:
                asked = Checkout(at=at, patron="CARD4711", item=item, institution="harbour")
                frame = encode(asked, sequence=digit)
            await kiosk.send(frame)
            await asyncio.sleep(chance.random() * chance.choice((0.0, 0.004, 0.03)))  # anywhere in the commit
            await server.kill()
            said = await kiosk.answer()
            unanswered += said is None
            await kiosk.leave()
            await server.start()
            await kiosk.connect()
            again = await kiosk.ask(frame)

            assert isinstance(again, CheckinResponse if item in out else CheckoutResponse)
            assert (again.ok, again.item) == (True, item), (n, again)
            if said is not None:  # a 10 names who had it only the first time: after that nobody knows
                assert replace(again, at=said.at, patron=said.patron) == said
            if item not in out:
                lent += 1
            out ^= {item}
            made, still = journal(tmp_path)
            assert (made, still) == (lent, dict.fromkeys(out, 1)), n
        account = await kiosk.ask(
            encode(PatronInformation(at=START, summary="  Y       ", patron="CARD4711"), sequence="7")
        )
        await kiosk.leave()

    assert isinstance(account, PatronInformationResponse)
    assert (account.charged, set(account.charged_items)) == (len(out), out)
    assert 5 < unanswered <= KILLS, "the deaths all came too late, or too early"
