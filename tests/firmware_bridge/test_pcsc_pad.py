"""A small pad behind the real pcscd and its virtual reader, in a process of its own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sim.devices.pcscd import Pcscd
from sim.devices.tags import SimTag
from sim.devices.vpcd_card import VpcdCard
from sim.devices.vpcd_tag import Oddities, TagOnReader

UID = "E004015000000001"
DRIVE = """
import asyncio, dataclasses, json, sys
from firmware_bridge.pcsc_pad import PcscPad, PcscPadSettings
from wire.errors import DeviceError

def plain(one):
    if dataclasses.is_dataclass(one):
        return dataclasses.asdict(one)
    return one.hex() if isinstance(one, bytes) else sorted(one)

def told(found):
    return json.dumps(found, default=plain)

async def main():
    pad = PcscPad(PcscPadSettings(reader=sys.argv[1], way=sys.argv[2]))
    while line := await asyncio.to_thread(sys.stdin.readline):
        name, *given = json.loads(line)
        if name == "write_blocks":
            given[2] = bytes.fromhex(given[2])
        try:
            print(told({"found": await getattr(pad, name)(*given)}), flush=True)
        except DeviceError as error:
            print(told({"error": type(error).__name__}), flush=True)
    await pad.close()

asyncio.run(main())
"""


class Driver:
    """The pad in its own process; the PC/SC library takes its socket once in a process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, *call: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(call).encode() + b"\n")
        async with asyncio.timeout(15):
            answer = json.loads(await self._process.stdout.readline())
        return answer["error"] if "error" in answer else answer["found"]

    async def until(self, wanted: object, *call: object) -> None:
        async with asyncio.timeout(15):
            while await self.ask(*call) != wanted:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def driving(daemon: Pcscd, way: str = "transparent", slot: str = "00 00") -> AsyncIterator[Driver]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DRIVE, slot, way,
        env=os.environ | daemon.environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    try:
        yield Driver(process)
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Pcscd]:
    found = Pcscd(tmp_path / "pcscd")
    await found.start()
    yield found
    await found.stop()


def item_tag() -> SimTag:
    return SimTag.for_item(UID, "31234", "DK-718500")


@pytest.mark.pcscd
@pytest.mark.parametrize("way", ["transparent", "utrust"])
async def test_an_item_is_read_written_and_lent_behind_a_real_daemon(daemon: Pcscd, way: Any) -> None:
    reader = TagOnReader(item_tag(), way, Oddities(deaf_writes=True, lsb_first=True))
    await reader.insert(daemon.port(0))
    async with driving(daemon, way) as pad:
        await pad.until([UID], "inventory")
        memory = await pad.ask("read_all", UID)
        await pad.ask("write_blocks", UID, 20, b"abcdefgh".hex(), 4)
        lent = await pad.ask("write_afi", UID, 0xC2)
    await reader.eject()

    assert bytes.fromhex(memory["blocks"])[:16] == bytes(reader.tag.memory[:16])
    assert (lent["outcome"], lent["afi"], reader.tag.afi) == ("verified", 0xC2, 0xC2)
    assert bytes(reader.tag.memory[80:88]) == b"abcdefgh"


@pytest.mark.pcscd
async def test_a_tag_that_goes_is_not_a_reader_that_goes(daemon: Pcscd) -> None:
    reader = TagOnReader(item_tag())
    await reader.insert(daemon.port(0))
    async with driving(daemon) as pad:
        await pad.until([UID], "inventory")
        await reader.eject()
        await pad.until([], "inventory")
        gone = await pad.ask("read_tag", UID)
        await daemon.kill()
        lost = await pad.ask("inventory")

    assert (gone, lost) == ("TagGone", "DeviceLost")


@pytest.mark.pcscd
async def test_a_daemon_killed_under_a_tag_in_use_comes_back_with_it(daemon: Pcscd) -> None:
    reader = TagOnReader(item_tag())
    await reader.insert(daemon.port(0))
    async with driving(daemon) as pad:
        await pad.until([UID], "inventory")
        for _ in range(3):
            await daemon.kill()
            assert await pad.ask("read_tag", UID) == "DeviceLost"
            await daemon.start()
            await pad.until([UID], "inventory")
        lent = await pad.ask("write_afi", UID, 0xC2)
    await reader.eject()

    assert lent["outcome"] == "verified"


@pytest.mark.pcscd
async def test_a_daemon_killed_in_the_middle_of_a_write_leaves_it_unknown_and_not_verified(
    daemon: Pcscd,
) -> None:
    class KilledInWrite(TagOnReader):
        def respond(self, command: bytes) -> bytes:
            before = len(self.tag.afi_log)
            answer = super().respond(command)
            if len(self.tag.afi_log) > before and daemon.pid:
                os.kill(daemon.pid, 9)
            return answer

    reader = KilledInWrite(item_tag())
    await reader.insert(daemon.port(0))
    async with driving(daemon) as pad:
        await pad.until([UID], "inventory")
        result = await pad.ask("write_afi", UID, 0xC2)
        await daemon.kill()
        await daemon.start()
        await pad.until([UID], "inventory")
        again = await pad.ask("write_afi", UID, 0xC2)
    await reader.eject()

    assert result["outcome"] == "unknown"
    assert again["outcome"] == "verified"


@pytest.mark.pcscd
async def test_two_readers_serve_at_once_one_for_cards_and_one_as_a_pad(daemon: Pcscd) -> None:
    card, reader = VpcdCard("04A1B210250180"), TagOnReader(item_tag(), "storage")
    await card.insert(daemon.port(0))
    await reader.insert(daemon.port(1))
    async with driving(daemon, "storage", "00 01") as pad, driving(daemon, "storage", "00 00") as other:
        await pad.until([UID], "inventory")
        memories = await asyncio.gather(pad.ask("read_tag", UID), other.ask("inventory"))
        refused = await pad.ask("write_afi", UID, 0xC2)
    await reader.eject()
    await card.eject()

    assert bytes.fromhex(memories[0]["blocks"]) == bytes(reader.tag.memory[:64])
    assert (memories[1], refused, reader.tag.afi) == ([], "DeviceRefused", 0x07)
