"""Pads of FEIG and 3M run over bad cables and against odd firmware: what came, counted."""

import asyncio
import os
import tty
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from firmware_bridge.feig.driver import FeigPad
from firmware_bridge.serial_line import SerialTransport, open_serial
from firmware_bridge.tags import ItemTag, SecurityBits, decode_tag
from firmware_bridge.threem.driver import ThreeMPad
from sim.cables import Cable, Fault
from sim.devices.feig_pad import FeigPad as SimFeig
from sim.devices.tags import SimTag
from sim.devices.threem_pad import ThreeMPad as SimThreeM
from wire.errors import DeviceError

HERE = "127.0.0.1"
TURNS = 4
PATIENCE_S, LONG_S = 0.1, 2.0
"""Patience with a fault that is to be noticed, and with one that the driver shall not even feel."""
UIDS = [f"E0040150000000{n:02X}" for n in range(3)]
Came = Counter[str]
AnyPad = FeigPad | ThreeMPad


async def turn(pad: AnyPad, tags: list[SimTag], number: int) -> str:
    """Read a tag whole, change its AFI, EAS and a block; "wrong" when a value is not the tag's own."""
    at, even = number % len(tags), number % 2 == 0
    tag, afi, data = tags[at], 0x07 if even else 0xC2, f"{number:04d}".encode()
    try:
        memory = await pad.read_all(tag.uid)
        found = decode_tag(memory, frozenset(), SecurityBits())
        inventory = await pad.inventory()
        if not isinstance(found, ItemTag) or found.item != f"item-{at}" or not inventory <= set(UIDS):
            return "wrong"
        written = await pad.write_afi(tag.uid, afi)
        if written.outcome != "unknown" and ((written.outcome == "verified") != (tag.afi == afi)):
            return "wrong"
        eas = await pad.set_eas(tag.uid, even)
        if eas.on is not None and eas.on is not tag.eas:
            return "wrong"
        await pad.write_blocks(tag.uid, 20, data, 4)
    except DeviceError as error:
        return type(error).__name__
    if bytes(tag.memory[80:84]) != data:
        return "wrong"
    return "unknown" if written.outcome == "unknown" or eas.on is None else "right"


class Bridge:
    """A converter between a serial port and a device's TCP port; it connects again when it was cut off."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        self.path = os.ttyname(self._near)
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> "Bridge":
        asyncio.get_running_loop().add_reader(self._far, self._out)
        self._task = asyncio.create_task(self._back())
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._far)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for end in (self._far, self._near):
            os.close(end)

    def _out(self) -> None:
        with suppress(OSError):
            data = os.read(self._far, 4096)
            if self._writer is not None:
                self._writer.write(data)

    async def _back(self) -> None:
        while True:
            with suppress(OSError):
                reader, self._writer = await asyncio.open_connection(HERE, self._port)
                try:
                    while data := await reader.read(4096):
                        os.write(self._far, data)
                finally:
                    self._writer.close()
            await asyncio.sleep(0.01)

    async def open(self) -> SerialTransport:
        """Open the near end as a scanner's port is opened."""
        return await open_serial(self.path, baud=9600, parity="N")


@asynccontextmanager
async def pad_on(driver: str, port: int, patience_s: float) -> AsyncIterator[AnyPad]:
    """Yield the production driver of a pad behind `port`."""
    async with AsyncExitStack() as stack:
        make, way = driver.split("-")
        path = (await stack.enter_async_context(Bridge(port))).path if way == "serial" else ""
        pad: AnyPad
        if make == "feig":
            pad = (
                FeigPad.serial(path, timeout_s=patience_s)
                if path
                else FeigPad.tcp(HERE, port, timeout_s=patience_s)
            )
        elif path:
            pad = ThreeMPad.serial(path, timeout_s=patience_s, write_tries=3)
        else:
            pad = ThreeMPad.tcp(HERE, port, timeout_s=patience_s, write_tries=3)
        stack.push_async_callback(pad.close)
        yield pad


async def pads(driver: str, fault: Fault, seed: int, patience_s: float) -> Came:
    """Run a pad's driver over a bad cable; then over a good one, until it works again."""
    sim = SimFeig() if driver.startswith("feig") else SimThreeM()
    await sim.start()
    tags = laid_down(sim)
    came = Came()
    try:
        async with (
            Cable(HERE, sim.port, fault, seed=seed) as cable,
            pad_on(driver, cable.port, patience_s) as pad,
        ):
            for number in range(TURNS):
                came[await turn(pad, tags, number)] += 1
            cable.mend()
            while (again := await turn(pad, tags, 0)) not in ("right", "wrong"):
                came["came back after"] += 1
            came["wrong"] += again == "wrong"
    finally:
        await sim.stop()
    return came


def laid_down(sim: SimFeig | SimThreeM) -> list[SimTag]:
    tags = [SimTag.for_item(uid, f"item-{n}", "XX-TLF") for n, uid in enumerate(UIDS)]
    for tag in tags:
        sim.place(tag)
    return tags


async def odd_feig(name: str) -> Came:
    """Run the FEIG driver against an odd firmware."""
    sim = SimFeig()
    await sim.start()
    tags = laid_down(sim)
    match name:
        case "standard":
            sim.form = "standard"
        case "itself":
            sim.firmware.memory_less_one = False
        case "unknown-2C":
            sim.unknown = {0x2C}
    return await odd_turns("feig-tcp", sim, tags, name)


async def odd_threem(name: str) -> Came:
    """Run the 3M driver against an odd firmware."""
    sim = SimThreeM()
    await sim.start()
    tags = laid_down(sim)
    if name == "810":
        sim.unknown = {0x0D}
    return await odd_turns("3m-tcp", sim, tags, name)


async def odd_turns(driver: str, sim: SimFeig | SimThreeM, tags: list[SimTag], name: str) -> Came:
    came, patience_s = Came(), PATIENCE_S if name in ("late", "crc") else LONG_S
    try:
        async with pad_on(driver, sim.port, patience_s) as pad:
            for number in range(TURNS):
                match name:
                    case "late":
                        sim.late = [0.0, 0.0, PATIENCE_S * 1.5]
                    case "twice":
                        sim.twice = 40
                    case "crc":
                        sim.wrong_crcs = 1
                came[await turn(pad, tags, number)] += 1
    finally:
        await sim.stop()
    return came
