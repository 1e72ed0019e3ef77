"""A TCP connection to a device: what waits unread is known at once, and nobody who is slow is flooded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from firmware_bridge.errors import DeviceLost
from firmware_bridge.feig.frames import Frame, Parser, encode
from firmware_bridge.transport import HIGH_WATER, TcpTransport, open_tcp


@asynccontextmanager
async def line() -> AsyncIterator[tuple[TcpTransport, asyncio.StreamReader, asyncio.StreamWriter]]:
    """Run both ends of a connection: ours, and the device's."""
    far: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()
    server = await asyncio.start_server(lambda r, w: far.set_result((r, w)), "127.0.0.1", 0)
    transport = await open_tcp("127.0.0.1", server.sockets[0].getsockname()[1])
    reader, writer = await far
    try:
        yield transport, reader, writer
    finally:
        await transport.close()
        writer.close()
        server.close()


async def test_bytes_that_wait_are_known_before_the_loop_has_brought_them() -> None:
    async with line() as (transport, _, device):
        before = transport.quiet()
        device.write(b"unasked")  # at the machine's door now: nothing was awaited since
        at_the_door = transport.quiet()
        await asyncio.sleep(0.05)
        taken_in = transport.quiet()
        data = await transport.read()
        after = transport.quiet()

    assert (before, at_the_door, taken_in, data, after) == (True, False, False, b"unasked", True)


async def test_an_end_is_not_quiet_and_is_told_after_the_last_bytes() -> None:
    async with line() as (transport, _, device):
        device.write(b"last")
        device.close()
        await asyncio.sleep(0.05)
        quiet, data = transport.quiet(), await transport.read()
        with pytest.raises(DeviceLost, match="closed the connection"):
            await transport.read()

    assert (quiet, data) == (False, b"last")


async def test_a_device_that_says_no_more_may_still_listen() -> None:
    async with line() as (transport, heard, device):
        device.write_eof()
        await asyncio.sleep(0.05)
        await transport.write(b"print this")

        assert await heard.read(100) == b"print this"


async def test_what_nobody_reads_is_left_to_the_device_and_comes_whole() -> None:
    sent = bytes(range(256)) * 65_536  # 16 MB: more than the machine holds for both ends
    async with line() as (transport, _, device):
        device.write(sent)
        await asyncio.sleep(0.2)
        held_back = device.transport.get_write_buffer_size()
        got = b""
        while len(got) < len(sent):
            got += await transport.read()

    assert held_back > HIGH_WATER
    assert got == sent


async def test_a_closed_line_is_lost_to_whoever_writes() -> None:
    async with line() as (transport, _, _device):
        await transport.close()
        with pytest.raises(DeviceLost):
            await transport.write(b"x")


def test_the_same_answer_again_is_the_same_frame_and_what_is_wrong_with_it_counts_each_time() -> None:
    said = Frame(0xB0, b"\x01")
    good = encode(said)
    rubbish = b"\x00" + good
    parser = Parser()
    frames = [parser.feed(data) for data in (good, good, rubbish, rubbish, good[:3], good[3:], good)]

    assert frames == [[said], [said], [said], [said], [], [said], [said]]
    assert (parser.skipped, parser.crc_errors, parser.pending) == (2, 0, False)
