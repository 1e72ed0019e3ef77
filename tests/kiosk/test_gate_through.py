"""A gate says which of its parts hang on its reader, so that a pulled cable is one alarm."""

from dataclasses import dataclass

import pytest

from firmware_bridge.gpio import GpioInputs, GpioLamp, GpioSettings
from kiosk.config_gate import BarrierSettings
from kiosk.gate_parts import GateParts
from kiosk.gate_pins import Pins
from kiosk.station_states import StationStates
from wire.clock import Stamper, SystemClock

CHIP = GpioSettings("/dev/gpiochip0", (17, 27))


@dataclass
class Said:
    """As much of a station as a part speaks to."""

    states: StationStates

    def set_part(self, part: str, state: str, info: object = None, seen: str = "") -> None:
        self.states.set_part(part, state, info, seen)


@pytest.mark.parametrize(("kind", "part"), [("pulses", "people-counter"), ("barriers", "barriers")])
@pytest.mark.parametrize(
    ("pins", "through"),
    [
        (Pins(), {"lines": "pad", "lamp": "pad"}),
        (Pins(inputs=GpioInputs(CHIP)), {"lines": None, "lamp": "pad"}),
        (Pins(lamp=GpioLamp(CHIP)), {"lines": "pad", "lamp": None}),
    ],
)
def test_a_part_on_the_readers_lines_says_so(
    kind: str, part: str, pins: Pins, through: dict[str, str | None]
) -> None:
    station = Said(StationStates("gate-1", Stamper(SystemClock(), "b")))
    gate = GateParts(station, BarrierSettings(kind=kind), pins, None)
    gate.stuck(frozenset({0}))
    station.set_part("lamp", "lost")
    station.set_part("pad", "lost")
    said = {one.part: one.through for one in station.states.parts()}

    assert said == {part: through["lines"], "lamp": through["lamp"], "pad": None}
