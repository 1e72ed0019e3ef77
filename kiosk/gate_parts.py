"""Lamp and input lines of a gate as parts of its station: watched, said, sampled.

A light barrier that is dirty, a counter whose contact hangs, a relay board that was pulled out: the gate
rules on without them, and they say so. Lines on this machine's pins, and a people counter's, are polled here,
beside the loop that rules on tags; barriers on the reader's inputs are looked at by that loop, which tells
here what it found stuck.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from firmware_bridge.counter import STUCK_S, LineCounter, LineHealth, LineWatch, Pulses
from firmware_bridge.gpio import GpioInputs, LampHealth
from firmware_bridge.ports import Barriers, DeviceInfo
from kiosk.config_gate import BarrierSettings
from kiosk.gate_lamp import LAMP_S, Sounded
from kiosk.gate_pins import Pins
from kiosk.station import Station
from wire.errors import DeviceError, TurnleafError

LAMP, BARRIERS, COUNTER = "lamp", "barriers", "people-counter"
"""Names of the parts."""
READER = "pad"
"""The part that carries those of them that are on no pins of this machine."""
LOOK_EVERY_S = 1.0
"""Seconds between two looks at how the lines are heard."""
PIN_POLL_S = 0.02
LOOKS_A_PULSE = 3
"""A pulse is looked at so often, so that one late look loses nothing."""


@dataclass(frozen=True, slots=True)
class LinesStuck:
    """Which input lines (0, 1) are on without a break; empty when they move again."""

    lines: frozenset[int]


def watched_lines(settings: BarrierSettings, lines: Barriers, pins: Pins) -> LineWatch | None:
    """Return what polls a gate's lines by itself; None where the gate's own loop looks at the reader's."""
    if not settings.fitted or (settings.kind == "barriers" and pins.inputs is None):
        return None
    return line_watch(settings, lines)


def line_watch(settings: BarrierSettings, lines: Barriers) -> LineWatch:
    """Return what polls two lines: a counter of pulses, or a watch for barriers."""
    if settings.kind == "barriers":
        return LineWatch(lines, poll_s=PIN_POLL_S)
    poll_ms = settings.pulse_ms / LOOKS_A_PULSE
    return LineCounter(lines, Pulses(settings.pulse_ms // 2), poll_s=poll_ms / 1000)


def stuck_words(lines: frozenset[int]) -> str:
    """Return which inputs are stuck, for a technician."""
    which = " and ".join(f"input {line + 1}" for line in sorted(lines))
    return f"{which} on for {STUCK_S:g} s without a break: nobody is counted there" if lines else ""


async def chip_of(inputs: GpioInputs) -> DeviceInfo | None:
    """Return what chip carries the lines; None when it does not say."""
    with suppress(TimeoutError, DeviceError):
        async with asyncio.timeout(LAMP_S):
            return await inputs.info()
    return None


class GateParts:
    """Lamp and lines of one gate, said by its station."""

    def __init__(
        self, station: Station, settings: BarrierSettings, pins: Pins, lines: LineWatch | None
    ) -> None:
        self._station = station
        self._pins = pins
        self._lines = lines
        self._part = COUNTER if settings.kind == "pulses" else BARRIERS
        for part, pin in ((self._part, pins.inputs), (LAMP, pins.lamp)):
            if pin is None:
                station.states.reach(part, READER)
        self._lost: tuple[str, int] | None = None
        """What was seen at the last loss of the lines, and how many looks there had been."""
        self._line_told = LineHealth()
        self._lamp_told = LampHealth()
        self._lamp_failed = ""
        self._lamp_said = False

    async def run(self) -> None:
        """Watch until cancelled; returns at once where nothing is watched here."""
        async with asyncio.TaskGroup() as tasks:
            if self._lines is not None:
                tasks.create_task(self._lines.watch(self._lines_lost), name="lines")
                tasks.create_task(self._watch_lines(self._lines), name="health of the lines")
            if self._pins.lamp is not None:
                tasks.create_task(self._watch_lamp(), name="health of the lamp")

    def sounded(self, told: Sounded) -> None:
        """Take what came of an alarm. A reader's own output is a part from its first failure on."""
        self._lamp_failed = told.seen
        if not told.ok or self._lamp_said:
            self._say_lamp()

    def stuck(self, lines: frozenset[int]) -> None:
        """Say which lines do not move any more."""
        self._station.set_part(self._part, "degraded" if lines else "ok", seen=stuck_words(lines))

    def sample(self) -> None:
        """Post what the devices did since the last sample."""
        if self._lines is not None:
            now, old = self._lines.health, self._line_told
            self._line_told = now
            self._station.sample(
                self._part,
                looks=float(now.looks - old.looks),
                losses=float(now.losses - old.losses),
                response_ms=now.response_ms,
                stuck=float(len(now.stuck)),
            )
        if self._pins.lamp is not None:
            did, before = self._pins.lamp.health, self._lamp_told
            self._lamp_told = did
            alarms, errors = did.alarms - before.alarms, did.errors - before.errors
            self._station.sample(LAMP, alarms=float(alarms), errors=float(errors))

    def _lines_lost(self, error: TurnleafError) -> None:
        assert self._lines is not None
        self._lost = (error.seen, self._lines.health.looks)
        self._station.set_part(self._part, "lost", seen=error.seen)

    async def _watch_lines(self, lines: LineWatch) -> None:
        info: DeviceInfo | None = None
        while True:
            health = lines.health
            if health.looks > (0 if self._lost is None else self._lost[1]):
                self._lost = None
                if info is None and self._pins.inputs is not None:
                    info = await chip_of(self._pins.inputs)
                stuck = health.stuck
                self._station.set_part(self._part, "degraded" if stuck else "ok", info, stuck_words(stuck))
            await asyncio.sleep(LOOK_EVERY_S)

    async def _watch_lamp(self) -> None:
        assert self._pins.lamp is not None
        while True:
            try:
                async with asyncio.timeout(LAMP_S):
                    info = await self._pins.lamp.info()
            except TimeoutError:
                self._station.set_part(LAMP, "lost", seen="the chip of the lamp's lines does not answer")
            except DeviceError as error:
                self._station.set_part(LAMP, "lost", seen=error.seen)
            else:
                self._say_lamp(info)
            await asyncio.sleep(LAMP_S)

    def _say_lamp(self, info: DeviceInfo | None = None) -> None:
        """Say how the lamp is; a chip that is lost stays so until it was heard again."""
        if info is None and self._station.states.part_state(LAMP) == "lost":
            return
        self._lamp_said = True
        self._station.set_part(LAMP, "degraded" if self._lamp_failed else "ok", info, self._lamp_failed)
