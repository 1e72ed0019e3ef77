"""Patron cards on a real pcscd with a virtual reader, in a process of their own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge import apdu
from firmware_bridge.errors import DeviceRefused
from firmware_bridge.pcsc import PcscCardReader
from sim.devices.pcscd import Pcscd
from sim.devices.vpcd_card import ATR_ICODE, ATR_ISO14443A, VpcdCard
from wire.errors import ConfigError

WATCH = """
import asyncio, json, sys, threading, time
from firmware_bridge.pcsc import PcscCardReader, PcscSettings

def tell(**found):
    print(json.dumps(found), flush=True)

async def follow():
    async for event in PcscCardReader(PcscSettings(reader=sys.argv[1], data_bytes=8)).events():
        tell(
            event=type(event).__name__, uid=getattr(event, "uid", ""), kind=getattr(event, "kind", ""),
            data=getattr(event, "data", b"").hex(), seen=str(getattr(event, "error", "")),
        )

async def main():
    task = asyncio.create_task(follow())
    await asyncio.to_thread(sys.stdin.readline)
    before = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    names = [thread.name for thread in threading.enumerate()]
    tell(event="Stopped", seconds=time.monotonic() - before, left="pcsc-status" in names)

asyncio.run(main())
"""


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Pcscd]:
    found = Pcscd(tmp_path / "pcscd")
    await found.start()
    yield found
    await found.stop()


class Watcher:
    """A process that follows one virtual reader; the PC/SC library takes its socket once in a process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told: list[str] = []

    async def until(self, name: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(15):
            while True:
                found = json.loads(await self._process.stdout.readline())
                self.told.append(found["event"])
                if found["event"] == name:
                    return dict(found)

    async def stop(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(b"stop\n")
        return await self.until("Stopped")


@asynccontextmanager
async def following(environment: dict[str, str], reader: str = "00 00") -> AsyncIterator[Watcher]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WATCH, reader,
        env=os.environ | environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    try:
        yield Watcher(process)
    finally:
        process.stdin.close()  # which ends it, as a stop does
        try:
            await asyncio.wait_for(process.wait(), 5.0)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise


@pytest.fixture
async def watcher(daemon: Pcscd) -> AsyncIterator[Watcher]:
    async with following(daemon.environment) as found:
        yield found


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
    assert watcher.told == [
        "ReaderFound", "CardPlaced", "CardRemoved", "ReaderLost", "ReaderFound", "CardPlaced",
    ]  # fmt: skip


@pytest.mark.pcscd
async def test_a_daemon_killed_again_and_again_is_found_again_and_again(
    daemon: Pcscd, watcher: Watcher
) -> None:
    for _ in range(3):
        await watcher.until("ReaderFound")
        await daemon.kill()
        lost = await watcher.until("ReaderLost")
        assert "What to do" in lost["seen"]
        await daemon.start()
    await watcher.until("ReaderFound")

    assert watcher.told == ["ReaderFound", "ReaderLost"] * 3 + ["ReaderFound"]


@pytest.mark.pcscd
async def test_another_card_is_another_event(daemon: Pcscd, watcher: Watcher) -> None:
    await watcher.until("ReaderFound")
    first, second = VpcdCard("04A1B210250180"), VpcdCard("E004015000000001", atr=ATR_ICODE)
    await first.insert(daemon.port(0))
    placed = await watcher.until("CardPlaced")
    await first.eject()
    await second.insert(daemon.port(0))
    await watcher.until("CardRemoved")
    other = await watcher.until("CardPlaced")
    await second.eject()

    assert (placed["uid"], placed["kind"]) == ("04A1B210250180", "ISO 14443 A, MIFARE Classic 1K")
    assert (other["uid"], other["kind"]) == ("E004015000000001", "ISO 15693, ICODE SLI")


@pytest.mark.pcscd
@pytest.mark.parametrize("reader", ["00 00", "there is no such reader"])
async def test_following_ends_within_a_second_and_leaves_no_thread(daemon: Pcscd, reader: str) -> None:
    async with following(daemon.environment, reader) as watcher:
        await watcher.until("ReaderFound" if reader == "00 00" else "ReaderLost")

        stopped = await watcher.stop()

    assert stopped["seconds"] < 1.5
    assert not stopped["left"]


@pytest.mark.pcscd
async def test_a_daemon_that_is_not_there_yet_is_said_and_waited_for(tmp_path: Path) -> None:
    daemon = Pcscd(tmp_path / "pcscd")
    async with following({"PCSCLITE_CSOCK_NAME": str(tmp_path / "pcscd/pcscd.comm")}) as watcher:
        lost = await watcher.until("ReaderLost")
        await daemon.start()
        await watcher.until("ReaderFound")
        await daemon.stop()

    assert "PC/SC daemon does not answer" in lost["seen"]


@pytest.mark.pcscd
async def test_a_card_that_does_not_say_who_it_is_is_no_card(daemon: Pcscd, watcher: Watcher) -> None:
    class Mute(VpcdCard):
        def respond(self, command: bytes) -> bytes:
            return b"\x6a\x81"

    await watcher.until("ReaderFound")
    mute, card = Mute("00"), VpcdCard("04A1B210250180")
    await mute.insert(daemon.port(0))
    await mute.eject()
    await card.insert(daemon.port(0))
    placed = await watcher.until("CardPlaced")
    await card.eject()

    assert placed["uid"] == "04A1B210250180"
    assert watcher.told == ["ReaderFound", "CardPlaced"]


@pytest.mark.pcscd
async def test_a_daemon_ends_with_whoever_started_it_however_that_ends(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from sim.devices.pcscd import Pcscd\n"
        "async def main():\n"
        "    daemon = Pcscd(Path(sys.argv[1])); await daemon.start(); print(daemon.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path / "own"), stdout=asyncio.subprocess.PIPE
    )
    assert starter.stdout is not None
    pid = int(await starter.stdout.readline())
    starter.kill()
    await starter.wait()

    async with asyncio.timeout(5):
        while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
            await asyncio.sleep(0.02)


async def test_a_station_without_the_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard", None)

    with pytest.raises(ConfigError, match="PC/SC library"):
        await anext(PcscCardReader().events())


@pytest.mark.parametrize("response", [b"", b"\x90", b"\x90\x00"])
def test_a_response_without_a_status_or_a_uid_is_refused(response: bytes) -> None:
    with pytest.raises(DeviceRefused):
        apdu.uid(lambda _: response)


def test_a_block_that_cannot_be_read_is_named() -> None:
    with pytest.raises(DeviceRefused, match="block 0"):
        apdu.read_data(lambda _: b"\x6a\x82", 16)


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


def test_every_published_atr_is_told_in_words() -> None:
    vectors = json.loads((Path(__file__).parents[1] / "data/rfid-vectors.json").read_text())
    told = {
        v["hex"]: apdu.explain_atr(bytes.fromhex(v["hex"]))
        for v in vectors
        if v["standard"] == "PC/SC part 3 storage-card ATR"
    }

    assert len(told) == 7
    assert "unknown card" not in told.values(), told
    assert any("ICODE SLI" in words for words in told.values())
