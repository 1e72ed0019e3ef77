"""Patron cards on a real pcscd with a virtual reader, in a process of their own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware_bridge import apdu
from firmware_bridge.errors import DeviceRefused
from sim.devices.pcscd import Pcscd
from sim.devices.vpcd_card import ATR_ISO14443A, VpcdCard

WATCH = """
import asyncio, json
from firmware_bridge.pcsc import PcscCardReader, PcscSettings
async def main():
    async for event in PcscCardReader(PcscSettings(reader="00 00", data_bytes=8)).events():
        found = {"event": type(event).__name__, "uid": getattr(event, "uid", ""), "data": getattr(event, "data", b"").hex()}
        print(json.dumps(found), flush=True)
asyncio.run(main())
"""


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Pcscd]:
    found = Pcscd(tmp_path / "pcscd")
    await found.start()
    yield found
    await found.stop()


class Watcher:
    """A process that follows the first virtual reader."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def until(self, name: str) -> dict[str, str]:
        assert self._process.stdout is not None
        async with asyncio.timeout(15):
            while True:
                found = json.loads(await self._process.stdout.readline())
                if found["event"] == name:
                    return dict(found)


@pytest.fixture
async def watcher(daemon: Pcscd) -> AsyncIterator[Watcher]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WATCH, env=os.environ | daemon.environment, stdout=asyncio.subprocess.PIPE
    )
    yield Watcher(process)
    process.kill()
    await process.wait()


@pytest.mark.pcscd
async def test_a_card_is_seen_read_and_missed(daemon: Pcscd, watcher: Watcher) -> None:
    card = VpcdCard("04A1B210250180", memory=b"patron!!")
    await watcher.until("ReaderFound")
    await card.insert(daemon.port(0))
    placed = await watcher.until("CardPlaced")
    await card.eject()
    await watcher.until("CardRemoved")

    assert ("04A1B210250180", b"patron!!".hex()) == (placed["uid"], placed["data"])


@pytest.mark.pcscd
async def test_a_killed_daemon_under_a_card_comes_back_with_the_card(daemon: Pcscd, watcher: Watcher) -> None:
    card = VpcdCard("04A1B210250180")
    await card.insert(daemon.port(0))
    await watcher.until("CardPlaced")

    await daemon.kill()
    await watcher.until("ReaderLost")
    await daemon.start()
    placed = await watcher.until("CardPlaced")
    await card.eject()

    assert placed["uid"] == "04A1B210250180"


def test_the_uid_of_an_iso_15693_card_begins_with_e0_whatever_the_reader_does() -> None:
    forward = bytes.fromhex("E004010012345678")

    assert forward == apdu.uid(lambda _: forward + b"\x90\x00")
    assert forward == apdu.uid(lambda _: forward[::-1] + b"\x90\x00")


def test_a_card_without_a_uid_is_refused_with_its_status() -> None:
    with pytest.raises(DeviceRefused, match="6A81"):
        apdu.uid(lambda _: b"\x6a\x81")


def test_data_is_read_block_by_block_when_the_reader_caps_its_answers() -> None:
    memory = bytes(range(32))

    def reader(command: bytes) -> bytes:
        if command[4] > 4:
            return b"\x67\x00"
        return memory[command[3] * 4 : command[3] * 4 + 4] + b"\x90\x00"

    assert memory[:30] == apdu.read_data(reader, 30)


def test_an_atr_is_told_in_words() -> None:
    assert apdu.explain_atr(ATR_ISO14443A) == "ISO 14443 A, MIFARE Classic 1K"
    assert apdu.explain_atr(b"\x3b\x00") == "unknown card"
