"""The console as a program in a real terminal on a real Mosquitto, and a reader that goes away."""

import asyncio
import contextlib
import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from real.broker import RealBroker, running
from test_feed_broker import alarm, online, say, station

from broker_config.render import ports
from wire.link import Inbound, Outgoing
from wire.messages.states import Operate, Operated
from wire.topics import topic

pytestmark = pytest.mark.broker
TURNLEAF = (sys.executable, "-m", "turnleaf")
REQUESTS = topic("request")


def aimed(broker: RealBroker, home: Path) -> tuple[str, ...]:
    return ("--broker", f"127.0.0.1:{ports(broker.folder).operators}", "--cert", str(home))


class Terminal:
    """A program in a terminal of 80×24: what it wrote so far, and its keyboard."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self.process = process
        self._master = master
        self._seen = bytearray()
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            self._seen += os.read(self._master, 65536)
        except OSError:  # the program has ended and the terminal is closed
            asyncio.get_running_loop().remove_reader(self._master)
        self._news.set()

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    async def until(self, text: str, timeout: float = 30) -> None:
        """Wait until the program has written `text` since the last call that found something."""
        async with asyncio.timeout(timeout):
            while (found := self._seen.find(text.encode())) < 0:
                self._news.clear()
                await self._news.wait()
        del self._seen[: found + len(text)]


@contextlib.asynccontextmanager
async def terminal(*words: str) -> AsyncIterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *TURNLEAF, *words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
    )  # fmt: skip
    os.close(slave)
    shown = Terminal(process, master)
    try:
        yield shown
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)


async def test_a_technician_opens_the_console_sees_a_station_and_leaves(real_broker: RealBroker) -> None:
    home = real_broker.enrol("technician", "operator")
    central = real_broker.link("central", subscriptions=[REQUESTS])
    async with running(central):
        await say(central, online(), station("kiosk-77"))
        async with terminal("console", *aimed(real_broker, home)) as shown:
            await shown.until("kiosk-77")
            shown.press("q")
            await asyncio.wait_for(shown.process.wait(), 20)

            assert shown.process.returncode == 0


async def test_a_lost_broker_is_the_first_thing_on_the_screen(real_broker: RealBroker) -> None:
    home = real_broker.enrol("technician", "operator")
    central = real_broker.link("central", subscriptions=[REQUESTS])
    async with running(central):
        await say(central, online(), station("kiosk-77"))
        async with terminal("console", *aimed(real_broker, home)) as shown:
            await shown.until("kiosk-77")
            await real_broker.kill()
            await shown.until("No broker")
            shown.press("q")
            await asyncio.wait_for(shown.process.wait(), 20)

            assert shown.process.returncode == 0


async def test_an_alarm_acknowledged_by_keys_reaches_central_as_a_request(real_broker: RealBroker) -> None:
    home = real_broker.enrol("technician", "operator")
    central = real_broker.link("central", subscriptions=[REQUESTS])
    async with running(central) as heard:
        await say(central, online(), station("kiosk-1"), alarm())
        async with terminal("console", "--operate", *aimed(real_broker, home)) as shown:
            await shown.until("kiosk-1")
            shown.press("3")
            await shown.until("Why")
            shown.press("a")
            await shown.until("Acknowledge this alarm?")
            shown.press("on my way\r")
            request = await heard.until(
                lambda events: next(
                    (e for e in events if isinstance(e, Inbound) and e.topic.endswith("/alarm-ack")), None
                )
            )
            asked = Operate.decode(request.payload)
            where = topic("response", identity="technician", verb="alarm-ack")
            await say(central, Outgoing(where, Operated(request=asked.request, outcome="done").encode()))
            await shown.until("Acknowledged.")

    assert request.topic == topic("request", identity="technician", verb="alarm-ack")
    assert asked.args == {"alarm": "a1", "note": "on my way"}


async def test_watch_ends_quietly_when_nobody_reads_on(real_broker: RealBroker) -> None:
    home = real_broker.enrol("technician", "operator")
    central = real_broker.link("central", subscriptions=[REQUESTS])
    async with running(central):
        await say(central, online())
        process = await asyncio.create_subprocess_exec(
            *TURNLEAF, "watch", *aimed(real_broker, home),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        async with asyncio.timeout(40):
            first = await process.stdout.readline()
            process.stdout._transport.close()  # type: ignore[attr-defined]  # as head does after its line
            while process.returncode is None:
                await say(central, station("kiosk-1"))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(process.wait()), 0.2)
            told = await process.stderr.read()

    assert first.decode() == "Central is online.\n"
    assert (process.returncode, told) == (1, b"")
