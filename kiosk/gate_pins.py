"""What of a gate is on this machine's own pins: its lamp, its inputs, both or nothing."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from firmware_bridge.gpio import GpioInputs, GpioLamp, GpioSettings
from kiosk.config_gate import BarrierSettings, LampSettings


@dataclass(frozen=True, slots=True)
class Pins:
    """The drivers of what is on pins."""

    lamp: GpioLamp | None = None
    inputs: GpioInputs | None = None

    def close(self) -> None:
        """Switch off and let the lines go."""
        for one in (self.lamp, self.inputs):
            if one is not None:
                one.close()


@runtime_checkable
class HasPins(Protocol):
    """A gate's device that knows what of it is on pins."""

    @property
    def pins(self) -> Pins:
        """What is on pins."""


def pins_of(lamp: LampSettings, barriers: BarrierSettings) -> Pins:
    """Return the drivers of what the settings put on pins; nothing is opened before it is needed."""
    return Pins(
        GpioLamp(GpioSettings(lamp.chip, lamp.pins, lamp.active_low)) if lamp.fitted and lamp.pins else None,
        GpioInputs(GpioSettings(barriers.chip, barriers.pins, barriers.active_low))
        if barriers.fitted and barriers.pins
        else None,
    )
