"""Lamp and buzzer on a board's pins, through the kernel's GPIO character device (libgpiod 2).

A gate without a reader that switches outputs, a small computer with a relay board: `Lamp` of the ports.
The lines are requested when the alarm begins and kept, so that nobody else drives them meanwhile; they are
off at the start, and off again when the daemon ends.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from firmware_bridge.errors import DeviceLost
from firmware_bridge.ports import DeviceInfo


class Lines(Protocol):
    """Output lines that can be switched together."""

    def switch(self, on: bool) -> None:
        """Switch all lines; raises OSError."""

    def release(self) -> None:
        """Switch off and let go; never raises."""


@dataclass(frozen=True, slots=True)
class GpioSettings:
    """Which lines carry lamp and buzzer."""

    chip: str = "/dev/gpiochip0"
    lines: tuple[int, ...] = (17,)
    active_low: bool = False
    """Whether the relay closes when the line is low."""


@dataclass(frozen=True, slots=True)
class LampHealth:
    """How lamp and buzzer were switched since the driver was made."""

    alarms: int = 0
    """Times that they were switched on."""
    errors: int = 0
    """Times that the chip refused, or was gone."""


class GpioLamp:
    """`Lamp` on GPIO lines. A new alarm makes the light last from then on."""

    def __init__(
        self, settings: GpioSettings, open_lines: Callable[[GpioSettings], Lines] | None = None
    ) -> None:
        self._settings = settings
        self._open = open_lines or open_gpiod
        self._lines: Lines | None = None
        self._off: asyncio.TimerHandle | None = None
        self._health = LampHealth()

    @property
    def health(self) -> LampHealth:
        """How the lines were switched since this was made."""
        return self._health

    async def info(self) -> DeviceInfo:
        """Return the chip as the kernel names it; raises DeviceLost when it is not there."""
        try:
            return await asyncio.to_thread(chip_info, self._settings.chip)
        except OSError as error:
            raise _lost(self._settings, error) from error

    async def alarm(self, seconds: float) -> None:
        """Light and sound for `seconds`; raises DeviceLost when the lines cannot be had."""
        try:
            if self._lines is None:
                self._lines = self._open(self._settings)
            self._lines.switch(True)
        except OSError as error:
            self._health = replace(self._health, errors=self._health.errors + 1)
            self.close()
            raise _lost(self._settings, error) from error
        self._health = replace(self._health, alarms=self._health.alarms + 1)
        if self._off is not None:
            self._off.cancel()
        self._off = asyncio.get_running_loop().call_later(seconds, self._switch_off)

    def _switch_off(self) -> None:
        self._off = None
        if self._lines is not None:
            try:
                self._lines.switch(False)
            except OSError:
                self._health = replace(self._health, errors=self._health.errors + 1)
                self.close()  # a chip that went switches its lines off itself; the next alarm opens it anew

    def close(self) -> None:
        """Switch off and let the lines go."""
        if self._off is not None:
            self._off.cancel()
            self._off = None
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.release()


def chip_info(path: str) -> DeviceInfo:
    """Return what the kernel says of a GPIO chip: its label as the model, its name; raises OSError."""
    import gpiod

    with gpiod.Chip(path) as chip:
        found = chip.get_info()
        return DeviceInfo(model=f"{found.label} ({found.num_lines} lines)", serial=found.name)


def _lost(settings: GpioSettings, error: OSError) -> DeviceLost:
    return DeviceLost(
        f"{settings.chip}: lines {settings.lines} cannot be switched: {error}",
        why="The gate cannot light its lamp.",
        do="Look at the chip's name (gpiodetect), and whether another program holds the lines.",
    )


def open_gpiod(settings: GpioSettings) -> Lines:
    """Request the lines from the kernel; raises OSError."""
    import gpiod
    from gpiod.line import Direction, Value

    wanted = gpiod.LineSettings(
        direction=Direction.OUTPUT, output_value=Value.INACTIVE, active_low=settings.active_low
    )
    request: Any = gpiod.request_lines(settings.chip, consumer="turnleaf", config={settings.lines: wanted})
    return _GpiodLines(request, settings.lines)


class _GpiodLines:
    def __init__(self, request: Any, lines: tuple[int, ...]) -> None:
        self._request = request
        self._numbers = lines

    def switch(self, on: bool) -> None:
        from gpiod.line import Value

        value = Value.ACTIVE if on else Value.INACTIVE
        self._request.set_values(dict.fromkeys(self._numbers, value))

    def release(self) -> None:
        with suppress(OSError):
            self.switch(False)
        self._request.release()


class FakeLines:
    """Lines that remember how they were switched."""

    def __init__(self) -> None:
        self.on = False
        self.history: list[bool] = []
        self.broken: OSError | None = None
        self.released = False

    def switch(self, on: bool) -> None:
        """Switch, unless told to break."""
        if self.broken is not None:
            raise self.broken
        self.on = on
        self.history.append(on)

    def release(self) -> None:
        """Let go."""
        self.on = False
        self.released = True
