"""A serial line over a pseudo-terminal: bytes both ways, an adapter that vanishes, nothing left behind."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from firmware_bridge import serial_line
from firmware_bridge.errors import DeviceLost
from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.serial_line import open_serial
from sim.devices.feig_pad import FeigPad as SimPad
from sim.devices.tags import SimTag
from wire.errors import ConfigError


class Terminal:
    """A pseudo-terminal: `path` is opened by us, `far` is the device's end."""

    def __init__(self) -> None:
        self.far, self.near = os.openpty()
        tty.setraw(self.near)
        self.path = os.ttyname(self.near)
        self._ends = {self.far, self.near}

    def vanish(self) -> None:
        """Pull the adapter."""
        for end in list(self._ends):
            self._ends.discard(end)
            os.close(end)


@asynccontextmanager
async def carried(far: int, port: int) -> AsyncIterator[None]:
    """Carry bytes between the far end of a pseudo-terminal and a simulated device's TCP port."""
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    def out() -> None:
        with suppress(OSError):
            writer.write(os.read(far, 4096))

    async def back() -> None:
        with suppress(OSError):
            while data := await reader.read(4096):
                os.write(far, data)

    loop.add_reader(far, out)
    carrying = asyncio.create_task(back())
    try:
        yield
    finally:
        loop.remove_reader(far)
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        writer.close()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    found = Terminal()
    yield found
    found.vanish()


async def test_bytes_go_both_ways_whatever_they_are(terminal: Terminal) -> None:
    line = await open_serial(terminal.path, baud=38400)
    every = bytes(range(256))
    await line.write(every)
    assert os.read(terminal.far, 1000) == every

    os.write(terminal.far, every)
    came = b""
    while len(came) < len(every):
        came += await line.read()
    await line.close()

    assert came == every


async def test_a_read_waits_for_bytes_and_a_cancelled_one_takes_none(terminal: Terminal) -> None:
    line = await open_serial(terminal.path, baud=19200, parity="N")
    first = asyncio.create_task(line.read())
    await asyncio.sleep(0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    second = asyncio.create_task(line.read())
    await asyncio.sleep(0)
    os.write(terminal.far, b"late")

    assert await second == b"late"
    await line.close()


async def test_bytes_that_are_there_come_without_any_waiting(terminal: Terminal) -> None:
    line = await open_serial(terminal.path, baud=19200)
    os.write(terminal.far, b"unasked")

    async with asyncio.timeout(0):
        assert await line.read() == b"unasked"
    await line.close()


async def test_an_adapter_that_vanishes_ends_the_read_that_waits(terminal: Terminal) -> None:
    line = await open_serial(terminal.path, baud=38400, name="the pad")
    waiting = asyncio.create_task(line.read())
    await asyncio.sleep(0)
    terminal.vanish()

    with pytest.raises(DeviceLost, match="the pad: serial line lost"):
        await waiting
    with pytest.raises(DeviceLost):
        await line.write(b"x")
    await line.close()


async def test_whoever_waits_is_told_when_the_line_is_closed(terminal: Terminal) -> None:
    line = await open_serial(terminal.path, baud=38400)
    waiting = asyncio.create_task(line.read())
    await asyncio.sleep(0)
    await line.close()
    await line.close()

    for ended in (waiting, line.read(), line.write(b"x")):
        with pytest.raises(DeviceLost, match="it was closed"):
            await ended


async def test_a_device_that_takes_nothing_is_lost_after_a_while(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_line, "WRITE_S", 0.05)
    line = await open_serial(terminal.path, baud=38400)

    with pytest.raises(DeviceLost, match="took no byte"):
        await line.write(bytes(1_000_000))
    await line.close()


async def test_a_long_write_goes_on_when_there_is_room_again(terminal: Terminal) -> None:
    line = await open_serial(terminal.path, baud=38400)
    total = 200_000
    writing = asyncio.create_task(line.write(bytes(total)))
    os.set_blocking(terminal.far, False)  # a read that waits would stop the writer, too
    came = 0
    while came < total:
        await asyncio.sleep(0)
        with suppress(BlockingIOError):
            came += len(os.read(terminal.far, 65536))
    await writing
    await line.close()

    assert came == total


async def test_a_port_is_opened_by_one_program_and_free_after_it(terminal: Terminal) -> None:
    line = await open_serial(terminal.path, baud=38400)
    with pytest.raises(DeviceLost, match="cannot be opened"):
        await open_serial(terminal.path, baud=38400)
    await line.close()
    again = await open_serial(terminal.path, baud=38400)
    await again.close()


async def test_a_port_that_is_not_there_and_a_setting_that_cannot_be_are_named(terminal: Terminal) -> None:
    with pytest.raises(DeviceLost, match="no-such-port: cannot be opened"):
        await open_serial("/dev/no-such-port", baud=38400)
    with pytest.raises(ConfigError):
        await open_serial(terminal.path, baud=38400, bytesize=3)


async def test_feig_speaks_over_a_serial_port_and_comes_back_when_it_was_pulled(tmp_path: Path) -> None:
    sim = SimPad()
    await sim.start()
    tag = SimTag.for_item("E004015000000001", "item-1", "XX-TLF")
    sim.place(tag)
    first, second, link = Terminal(), Terminal(), tmp_path / "pad"
    link.symlink_to(first.path)
    pad = FeigPad.serial(str(link), timeout_s=2.0)

    async with carried(first.far, sim.port):
        before = await pad.write_afi(tag.uid, 0xC2)
        first.vanish()
        with pytest.raises(DeviceLost, match="pad: serial line lost"):
            await pad.inventory()
    link.unlink()
    link.symlink_to(second.path)
    async with carried(second.far, sim.port):
        after = await pad.read_all(tag.uid)
        await pad.close()
    second.vanish()
    await sim.stop()

    assert (before.outcome, tag.afi) == ("verified", 0xC2)
    assert (after.blocks, after.afi) == (bytes(tag.memory), 0xC2)
    assert pad.health.connections == 2
