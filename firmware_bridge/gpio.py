"""Lamp, buzzer and inputs on a board's pins, through the kernel's GPIO character device (libgpiod 2).

A gate without a reader that switches outputs, a small computer with a relay board: `Lamp` and `Barriers` of
the ports. Lines are requested when they are first needed and kept, so that nobody else drives them meanwhile;
a lamp's are off at the start, and off again when the daemon ends.

A chip behind USB or I2C can hang in the kernel, so every call is made in a thread of its own.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from firmware_bridge.errors import DeviceLost
from firmware_bridge.ports import DeviceInfo
from firmware_bridge.worker import Worker

CLOSE_S = 0.5
"""A daemon that ends waits no longer for its lines to go off, seconds."""


class Lines(Protocol):
    """Output lines that can be switched together."""

    def switch(self, on: bool) -> None:
        """Switch all lines; raises OSError."""

    def release(self) -> None:
        """Switch off and let go; never raises."""


class InputLines(Protocol):
    """Input lines that are read together."""

    def read(self) -> int:
        """Return the lines as bits, the first in bit 0; raises OSError."""

    def release(self) -> None:
        """Let go; never raises."""


@dataclass(frozen=True, slots=True)
class GpioSettings:
    """Which lines carry lamp and buzzer, or are the inputs."""

    chip: str = "/dev/gpiochip0"
    lines: tuple[int, ...] = (17,)
    active_low: bool = False
    """Whether the relay closes when the line is low, or a contact pulls the line low."""


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
        self._worker = Worker("gpio lamp")
        self._lines: Lines | None = None
        self._off: asyncio.TimerHandle | None = None
        self._alarms = self._errors = 0

    @property
    def health(self) -> LampHealth:
        """How the lines were switched since this was made."""
        return LampHealth(self._alarms, self._errors)

    async def info(self) -> DeviceInfo:
        """Return the chip as the kernel names it; raises DeviceLost when it is not there."""
        return await _ask_chip(self._worker, self._settings, LAMP)

    async def alarm(self, seconds: float) -> None:
        """Light and sound for `seconds`; raises DeviceLost when the lines cannot be had.

        Whoever stops waiting for a chip that hangs leaves nothing lit: what it lights late goes out, too.
        """
        try:
            await self._worker.run(self._light)
        except OSError as error:
            raise _lost(self._settings, error, LAMP) from error
        finally:
            if self._off is not None:
                self._off.cancel()
            self._off = asyncio.get_running_loop().call_later(seconds, self._worker.post, self._dark)

    def _light(self) -> None:
        """Switch on, in the worker's thread as all that touches the lines."""
        try:
            if self._lines is None:
                self._lines = self._open(self._settings)
            self._lines.switch(True)
        except OSError:
            self._errors += 1
            self._let_go()
            raise
        self._alarms += 1

    def _dark(self) -> None:
        if self._lines is not None:
            try:
                self._lines.switch(False)
            except OSError:
                self._errors += 1
                self._let_go()  # a chip that went switches its lines off itself; the next alarm opens it anew

    def _let_go(self) -> None:
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.release()

    def close(self) -> None:
        """Switch off and let the lines go; a chip that hangs is left behind."""
        if self._off is not None:
            self._off.cancel()
            self._off = None
        self._worker.close(self._let_go, within_s=CLOSE_S)


class GpioInputs:
    """`Barriers` on two GPIO lines: the first in bit 0, the second in bit 1."""

    def __init__(
        self, settings: GpioSettings, open_lines: Callable[[GpioSettings], InputLines] | None = None
    ) -> None:
        self._settings = settings
        self._open = open_lines or open_gpiod_inputs
        self._worker = Worker("gpio inputs")
        self._lines: InputLines | None = None

    async def info(self) -> DeviceInfo:
        """Return the chip as the kernel names it; raises DeviceLost when it is not there."""
        return await _ask_chip(self._worker, self._settings, INPUTS)

    async def inputs(self) -> int:
        """Return the lines as bits; raises DeviceLost when they cannot be had."""
        try:
            return await self._worker.run(self._read)
        except OSError as error:
            raise _lost(self._settings, error, INPUTS) from error

    def _read(self) -> int:
        try:
            if self._lines is None:
                self._lines = self._open(self._settings)
            return self._lines.read()
        except OSError:
            self._let_go()
            raise

    def _let_go(self) -> None:
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.release()

    def close(self) -> None:
        """Let the lines go; a chip that hangs is left behind."""
        self._worker.close(self._let_go, within_s=CLOSE_S)


async def _ask_chip(worker: Worker, settings: GpioSettings, what: tuple[str, str]) -> DeviceInfo:
    try:
        return await worker.run(lambda: chip_info(settings.chip))
    except OSError as error:
        raise _lost(settings, error, what) from error


def chip_info(path: str) -> DeviceInfo:
    """Return what the kernel says of a GPIO chip: its label as the model, its name; raises OSError."""
    import gpiod

    with gpiod.Chip(path) as chip:
        found = chip.get_info()
        return DeviceInfo(model=f"{found.label} ({found.num_lines} lines)", serial=found.name)


LAMP = ("switched", "The gate cannot light its lamp.")
INPUTS = ("read", "People who pass the gate are not counted.")
"""What is done with the lines, and what it means that it cannot be done."""


def _lost(settings: GpioSettings, error: OSError, what: tuple[str, str]) -> DeviceLost:
    return DeviceLost(
        f"{settings.chip}: lines {settings.lines} cannot be {what[0]}: {error}",
        why=what[1],
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


def open_gpiod_inputs(settings: GpioSettings) -> InputLines:
    """Request the lines from the kernel as inputs; raises OSError.

    A contact that pulls a line low needs it high at rest, so the chip's own pull is asked for; the kernel
    leaves it out where the chip has none.
    """
    import gpiod
    from gpiod.line import Bias, Direction

    wanted = gpiod.LineSettings(
        direction=Direction.INPUT,
        bias=Bias.PULL_UP if settings.active_low else Bias.PULL_DOWN,
        active_low=settings.active_low,
    )
    request: Any = gpiod.request_lines(settings.chip, consumer="turnleaf", config={settings.lines: wanted})
    return _GpiodInputs(request, settings.lines)


class _GpiodInputs:
    def __init__(self, request: Any, lines: tuple[int, ...]) -> None:
        self._request = request
        self._numbers = lines

    def read(self) -> int:
        from gpiod.line import Value

        values = self._request.get_values(list(self._numbers))
        return sum(1 << bit for bit, value in enumerate(values) if value is Value.ACTIVE)

    def release(self) -> None:
        self._request.release()


class FakeInputs:
    """Inputs that are set by hand."""

    def __init__(self) -> None:
        self.value = 0
        self.broken: OSError | None = None
        self.released = False

    def read(self) -> int:
        """Return the bits that were set, unless told to break."""
        if self.broken is not None:
            raise self.broken
        return self.value

    def release(self) -> None:
        """Let go."""
        self.released = True


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
