"""Barcode scanners: a keyboard that is grabbed, or a serial line. Each comes back by itself.

A scanner that plays keyboard is taken with EVIOCGRAB, so that its keys reach this process alone and never the
page on the screen. A serial scanner sends text that ends with CR, LF or both. Codes are judged by `CodeRules`
before anyone sees them.
"""

import asyncio
import os
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Protocol

from firmware_bridge.backoff import Backoff
from firmware_bridge.barcode import MOST, CodeRules, judge
from firmware_bridge.barcode_keys import Key, Keys, Layout, keymap, step
from firmware_bridge.errors import DeviceLost
from firmware_bridge.ports import CodeRefused, DeviceInfo, ReaderFound, ReaderLost, ScanEvent, Transport
from wire.errors import ConfigError

RETRY_S = 0.5
EV_KEY = 1
EVIOCSCLOCKID = 0x400445A0
"""ioctl of Linux's input.h that chooses the clock of an event device's stamps: _IOW('E', 0xa0, int)."""
CLOCK_MONOTONIC = 1
"""Number of that clock in Linux's time.h."""


class KeySource(Protocol):
    """A grabbed keyboard."""

    @property
    def info(self) -> DeviceInfo:
        """What the device says it is."""

    def keys(self) -> AsyncIterator[Key]:
        """Yield key events; raises DeviceLost when the device is gone."""

    async def close(self) -> None:
        """Let the keyboard go; never raises."""


@dataclass(frozen=True, slots=True)
class KeyboardSettings:
    """Which keyboard is the scanner, and how it types."""

    device: str = "/dev/input/by-id/scanner"
    """Path of the event device; below by-id or by-path it survives another plug order."""
    layout: Layout = "us"
    rules: CodeRules = field(default_factory=CodeRules)


class KeyboardScanner:
    """`Scanner` of the ports over a keyboard; `open_keys` is the seam to the kernel."""

    def __init__(
        self,
        settings: KeyboardSettings,
        open_keys: Callable[[str], Awaitable[KeySource]] | None = None,
        *,
        retry_s: float = RETRY_S,
    ) -> None:
        self._settings = settings
        self._open = open_keys or open_evdev
        self._retry_s = retry_s

    async def events(self) -> AsyncIterator[ScanEvent]:
        """Yield codes and losses, for ever; raises ConfigError when the device may not be opened."""
        told, backoff, loop = "", Backoff(self._retry_s), asyncio.get_running_loop()
        while True:
            try:
                source = await self._open(self._settings.device)
            except DeviceLost as error:
                if error.seen != told:
                    told = error.seen
                    yield ReaderLost(error)
                await asyncio.sleep(backoff.pause_s())
                continue
            told, since = "", loop.time()
            try:
                yield ReaderFound(source.info)
                async with aclosing(self._codes(source)) as codes:
                    async for event in codes:
                        yield event
            except DeviceLost as error:
                told = error.seen
                yield ReaderLost(error)
            finally:
                await source.close()
            await asyncio.sleep(backoff.pause_s(loop.time() - since))

    async def _codes(self, source: KeySource) -> AsyncGenerator[ScanEvent, None]:
        layout, keys = keymap(self._settings.layout), Keys()
        async for key in source.keys():
            keys, code = step(keys, key, layout)
            if code == "":
                yield CodeRefused("a key came that has no character in the scanner's layout")
            elif code is not None:
                yield judge(code, self._settings.rules)


class EvdevKeys:
    """`KeySource` over a grabbed evdev device."""

    def __init__(self, device: object, path: str) -> None:
        self._device = device
        self._path = path

    @property
    def info(self) -> DeviceInfo:
        """What the device says it is: its name, its release (bcdDevice of USB), its serial number."""
        said = self._device
        version = int(getattr(getattr(said, "info", None), "version", 0))
        return DeviceInfo(
            model=str(getattr(said, "name", "")),
            firmware=f"{version >> 8:x}.{version & 0xFF:02x}" if version else "",
            serial=str(getattr(said, "uniq", "")),
        )

    async def keys(self) -> AsyncIterator[Key]:
        """Yield key events; raises DeviceLost when it was unplugged."""
        try:
            async for event in self._device.async_read_loop():  # type: ignore[attr-defined]  # evdev is untyped
                if event.type == EV_KEY:
                    yield Key(event.code, event.value, event.timestamp())
        except OSError as error:
            raise _gone(self._path, error) from error

    async def close(self) -> None:
        """Let the keyboard go; never raises."""
        self._device.close()  # type: ignore[attr-defined]  # evdev is untyped


async def open_evdev(path: str) -> EvdevKeys:
    """Open and grab a keyboard; raises DeviceLost when it is not there, ConfigError when it is not ours."""
    from evdev import InputDevice  # a station without such a scanner does not load it

    try:
        device = InputDevice(path)
    except PermissionError as error:
        raise ConfigError(
            f"{path} may not be opened",
            why="The barcode scanner cannot be read.",
            do="Give the station's account the group `input`, or a udev rule for the scanner.",
        ) from error
    except OSError as error:
        raise _gone(path, error) from error
    try:
        device.grab()
    except OSError as error:
        device.close()
        raise DeviceLost(
            f"{path} is held by another program",
            why="Its keys would go there, not to this station.",
            do="End the other program.",
        ) from error
    _steady(device.fd)
    return EvdevKeys(device, path)


def _steady(descriptor: int) -> None:
    """Let the kernel stamp keys by its monotonic clock: one that is set meanwhile tears no code in two."""
    import fcntl

    with suppress(OSError):  # a kernel without it keeps its own stamps
        fcntl.ioctl(descriptor, EVIOCSCLOCKID, struct.pack("i", CLOCK_MONOTONIC))


class SerialScanner:
    """`Scanner` of the ports over a line that carries text; `open_line` opens it."""

    def __init__(
        self,
        open_line: Callable[[], Awaitable[Transport]],
        rules: CodeRules | None = None,
        *,
        info: Callable[[], DeviceInfo] | None = None,
        retry_s: float = RETRY_S,
    ) -> None:
        self._open = open_line
        self._rules = rules or CodeRules()
        self._info = info or (lambda: DeviceInfo(model="serial scanner"))
        self._retry_s = retry_s

    async def events(self) -> AsyncIterator[ScanEvent]:
        """Yield codes and losses, for ever."""
        told, backoff, loop = "", Backoff(self._retry_s), asyncio.get_running_loop()
        while True:
            line: Transport | None = None
            since = loop.time()
            try:
                line = await self._open()
                told = ""
                yield ReaderFound(self._info())
                lines = Lines()
                while True:
                    for code in lines.feed(await line.read()):
                        yield judge(code, self._rules)
            except DeviceLost as error:
                if error.seen != told:
                    told = error.seen
                    yield ReaderLost(error)
            finally:
                if line is not None:
                    await line.close()
            await asyncio.sleep(backoff.pause_s(loop.time() - since))


class Lines:
    """Text in pieces -> lines; CR, LF and both end one, and an empty line is none. Without I/O."""

    def __init__(self) -> None:
        self._rest = b""
        self._skip = False

    def feed(self, data: bytes) -> list[str]:
        """Take bytes, return the lines that are complete; what is longer than any code is dropped."""
        *whole, rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        if self._skip and whole:
            whole, self._skip = whole[1:], False
        if len(rest) > MOST:
            rest, self._skip = b"", True
        self._rest = b"" if self._skip else rest
        return [one.decode("utf-8", errors="replace") for one in whole if 0 < len(one) <= MOST]


class FakeScanner:
    """`Scanner` that says what it is told to: for tests of applications."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[ScanEvent] = asyncio.Queue()

    def say(self, event: ScanEvent) -> None:
        """Let something happen."""
        self._queue.put_nowait(event)

    async def events(self) -> AsyncIterator[ScanEvent]:
        """Yield what was said, for ever."""
        yield ReaderFound(DeviceInfo(model="fake scanner"))
        while True:
            yield await self._queue.get()


def _gone(path: str, error: OSError) -> DeviceLost:
    return DeviceLost(
        f"{path} is gone ({os.strerror(error.errno) if error.errno else error})",
        why="No barcode can be read.",
        do="Look at the scanner's plug.",
    )
