"""How scanners are opened, held and let go. The grab is tested on a stand-in for evdev: no keyboard is here."""

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import pytest

from firmware_bridge.barcode_keys import typed
from firmware_bridge.errors import DeviceLost
from firmware_bridge.ports import CodeScanned, DeviceInfo, ReaderFound, ReaderLost
from firmware_bridge.scanner import EV_KEY, KeyboardScanner, KeyboardSettings, SerialScanner, open_evdev
from firmware_bridge.serial_line import open_serial
from sim.devices.scanner import SerialScannerDevice
from wire.errors import ConfigError

PATH = "/dev/input/by-id/scanner"


class Keyboard:
    """evdev's InputDevice, as far as a scanner needs it; `held` is who has the grab."""

    held: "Keyboard | None" = None
    refuses: OSError | None = None
    types = ""
    name, uniq, info = "Honeywell Scanner", "S99", SimpleNamespace(version=0x0110)

    def __init__(self, path: str) -> None:
        assert path == PATH
        if Keyboard.refuses is not None:
            raise Keyboard.refuses
        self.fd = os.open(os.devnull, os.O_RDONLY)

    def grab(self) -> None:
        if Keyboard.held is not None:
            raise OSError(errno.EBUSY, "busy")
        Keyboard.held = self

    def close(self) -> None:
        os.close(self.fd)
        if Keyboard.held is self:
            Keyboard.held = None

    async def async_read_loop(self) -> AsyncIterator[Any]:
        for at, key in enumerate(typed(Keyboard.types, "us")):
            yield SimpleNamespace(type=0, code=0, value=0, timestamp=lambda: 0.0)  # a SYN, as the kernel's
            yield SimpleNamespace(
                type=EV_KEY, code=key.code, value=key.value, timestamp=lambda at=at: at / 100
            )
        raise OSError(errno.ENODEV, "No such device")


@pytest.fixture(autouse=True)
def evdev(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evdev", SimpleNamespace(InputDevice=Keyboard))
    monkeypatch.setattr(Keyboard, "held", None)
    monkeypatch.setattr(Keyboard, "refuses", None)
    monkeypatch.setattr(Keyboard, "types", "4711")


async def test_a_keyboard_is_grabbed_read_and_let_go_when_it_was_unplugged() -> None:
    scanner = KeyboardScanner(KeyboardSettings(PATH), retry_s=0.01)
    async with asyncio.timeout(10), aclosing(scanner.events()) as events:  # type: ignore[type-var]  # a generator
        found = await anext(events)
        held = Keyboard.held
        scanned = await anext(events)
        lost = await anext(events)
        again = await anext(events)

    assert found == ReaderFound(DeviceInfo(model="Honeywell Scanner", firmware="1.10", serial="S99"))
    assert held is not None
    assert scanned == CodeScanned("4711")
    assert isinstance(lost, ReaderLost)
    assert "No such device" in lost.error.seen
    assert again == found
    assert Keyboard.held is None


async def test_who_stops_listening_gives_the_keyboard_back() -> None:
    async def listen() -> None:
        async with aclosing(KeyboardScanner(KeyboardSettings(PATH)).events()) as events:  # type: ignore[type-var]  # a generator
            await anext(events)
            held.set()
            await asyncio.Event().wait()

    held = asyncio.Event()
    listening = asyncio.create_task(listen())
    await held.wait()
    before = Keyboard.held
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)

    assert before is not None
    assert Keyboard.held is None


async def test_a_keyboard_that_another_program_holds_is_a_lost_device_and_is_closed() -> None:
    other = await open_evdev(PATH)

    with pytest.raises(DeviceLost, match="held by another program"):
        await open_evdev(PATH)

    await other.close()
    await (await open_evdev(PATH)).close()


@pytest.mark.parametrize(
    ("refusal", "error", "seen"),
    [
        (PermissionError(errno.EACCES, "denied"), ConfigError, "may not be opened"),
        (FileNotFoundError(errno.ENOENT, "none"), DeviceLost, "is gone"),
    ],
)
async def test_a_keyboard_that_cannot_be_opened_says_who_must_act(
    refusal: OSError, error: type[Exception], seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keyboard, "refuses", refusal)

    with pytest.raises(error, match=seen):
        await open_evdev(PATH)


async def test_a_serial_scanner_lets_its_line_go_and_another_may_have_it() -> None:
    far = SerialScannerDevice()
    try:
        for code in ("1", "2"):
            scanner = SerialScanner(lambda: open_serial(far.path, baud=9600, parity="N"))
            async with asyncio.timeout(10), aclosing(scanner.events()) as events:  # type: ignore[type-var]  # a generator
                assert isinstance(await anext(events), ReaderFound)
                far.scan(code)
                assert await anext(events) == CodeScanned(code)
    finally:
        far.unplug()
