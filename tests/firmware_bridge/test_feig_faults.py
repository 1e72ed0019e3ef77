"""Tag tools over bad cables and a serial line: never wrong content under a UID, never a security that is not so."""

import asyncio
import os
import select
import tty
from collections import Counter

import pytest

from firmware_bridge.errors import DeviceLost
from firmware_bridge.feig.driver import FeigPad
from sim.cables import Cable, Fault
from sim.devices import air
from sim.devices.feig_pad import FeigPad as SimPad
from sim.devices.tags import SimTag
from wire.errors import DeviceError

UIDS = [f"E0040150000000{n:02X}" for n in range(4)]
TURNS = 5
CABLES = {
    "one byte at a time": Fault(chop=True),
    "a fifth is lost": Fault(lose=0.2),
    "late": Fault(delay_s=0.07),
    "everything twice now and then": Fault(repeat=0.3),
    "cut in mid-frame": Fault(cut=0.05),
    "bits flip": Fault(garbage=0.15),
}


async def one_turn(pad: FeigPad, tag: SimTag, turn: int) -> str:
    """Read a tag whole, write and lock blocks, set EAS; return what came, or "wrong", which must never be."""
    on, data = bool(turn % 2), bytes((turn,)) * 8
    try:
        before = bytes(tag.memory)
        found = await pad.read_all(tag.uid)
        if (found.uid, found.blocks, found.locked) != (tag.uid, before, frozenset(tag.locked)):
            return "wrong content"
        await pad.write_blocks(tag.uid, 10, data, 4)
        if bytes(tag.memory[40:48]) != data:
            return "wrong write"
        await pad.lock_blocks(tag.uid, turn + 16, 1)
        if turn + 16 not in tag.locked:
            return "wrong lock"
        heard = await pad.set_eas(tag.uid, on)
        if heard.on is not None and heard.on is not tag.eas:
            return "wrong EAS"
    except DeviceError as error:
        return type(error).__name__
    return "done" if heard.on is on else "unknown"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", CABLES)
async def test_over_a_bad_cable_what_is_said_of_a_tag_is_so(name: str, seed: int) -> None:
    sim = SimPad()
    await sim.start()
    tags = [SimTag(uid, memory=bytearray(os.urandom(40 * 4))) for uid in UIDS]
    for tag in tags:
        sim.place(tag)
    came: Counter[str] = Counter()
    async with Cable("127.0.0.1", sim.port, CABLES[name], seed=seed) as cable, asyncio.timeout(90):
        pad = FeigPad.tcp("127.0.0.1", cable.port, timeout_s=0.1, connect_timeout_s=1.0)
        for turn in range(TURNS):
            came[await one_turn(pad, tags[turn % len(tags)], turn)] += 1
        await pad.close()
    await sim.stop()

    assert not [what for what in came if what.startswith("wrong")], came
    assert came.total() == TURNS
    if name == "one byte at a time":
        assert came["done"] == TURNS


class Pty:
    """A serial line as the driver's transport: one end of a pseudo-terminal."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    async def read(self) -> bytes:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._handle, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._handle)
        try:
            return os.read(self._handle, 4096)
        except OSError as error:
            raise DeviceLost("the line was closed") from error

    async def write(self, data: bytes) -> None:
        os.write(self._handle, data)

    async def close(self) -> None:
        return None

    def quiet(self) -> bool:
        return not select.select([self._handle], [], [], 0)[0]


async def bridge(handle: int, port: int) -> None:
    """Carry bytes between the other end of the pseudo-terminal and the simulated pad."""
    far, writer = await asyncio.open_connection("127.0.0.1", port)
    near = Pty(handle)

    async def out() -> None:
        while True:
            writer.write(await near.read())

    async def back() -> None:
        while data := await far.read(4096):
            await near.write(data)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(out())
            group.create_task(back())
    finally:
        writer.close()


async def test_over_a_serial_line_the_driver_is_the_same() -> None:
    sim = SimPad()
    await sim.start()
    tag = SimTag.for_item(UIDS[0], "item-0", "XX-TLF")
    sim.place(tag)
    ours, theirs = os.openpty()
    for end in (ours, theirs):
        tty.setraw(end)
    carrying = asyncio.create_task(bridge(theirs, sim.port))

    async def connect() -> Pty:
        return Pty(ours)

    pad = FeigPad(connect, timeout_s=2.0)
    found, result = await pad.read_all(tag.uid), await pad.write_afi(tag.uid, 0xC2)
    carrying.cancel()
    await asyncio.gather(carrying, return_exceptions=True)
    await sim.stop()
    for end in (ours, theirs):
        os.close(end)

    assert (found.blocks, result.outcome, tag.afi) == (bytes(tag.memory), "verified", 0xC2)


def test_air_time_is_that_of_the_bit_rates() -> None:
    assert round(air.BYTE_S * 1e6, 2) == 302.06
    single_block_read = air.exchange_s(13, 7)
    assert 0.006 < single_block_read < 0.008
    assert air.inventory_s(8) < air.inventory_s(9)
    assert air.exchange_s(13, 3, writes=1) - air.exchange_s(13, 3) == pytest.approx(air.PROGRAM_S)
