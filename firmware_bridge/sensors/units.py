"""Measures and their units: whatever unit a sensor speaks, a measure travels under one name in one unit.

The name of a value says its unit (`temperature_c`), as everywhere in samples. Factors: SI prefixes; the
Fahrenheit and Kelvin scales as defined by NIST SP 811 (2008), appendix B.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Measure = Literal[
    "temperature",
    "humidity",
    "pressure",
    "power",
    "energy",
    "voltage",
    "current",
    "noise",
    "light",
    "co2",
    "battery",
    "signal",
    "door",
    "motion",
    "water",
    "other",
]
"""What is measured. `other` is anything else: its name and its unit are the mapping's own."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """value x factor + shift, from a sensor's unit into the unit of the wire."""

    factor: float = 1.0
    shift: float = 0.0


SAME: Final = Conversion()

UNITS: Final[MappingProxyType[str, tuple[str, MappingProxyType[str, Conversion]]]] = MappingProxyType(
    {
        measure: (name, MappingProxyType(units))
        for measure, name, units in (
            (
                "temperature",
                "temperature_c",
                {"C": SAME, "F": Conversion(5 / 9, -160 / 9), "K": Conversion(1.0, -273.15)},
            ),
            ("humidity", "humidity_percent", {"%": SAME, "share": Conversion(100.0)}),
            (
                "pressure",
                "pressure_hpa",
                {"hPa": SAME, "mbar": SAME, "Pa": Conversion(0.01), "kPa": Conversion(10.0)},
            ),
            ("power", "power_w", {"W": SAME, "kW": Conversion(1000.0), "mW": Conversion(0.001)}),
            (
                "energy",
                "energy_kwh",
                {
                    "kWh": SAME,
                    "Wh": Conversion(0.001),
                    "MWh": Conversion(1000.0),
                    "Wmin": Conversion(1 / 60_000),
                },
            ),
            ("voltage", "voltage_v", {"V": SAME, "mV": Conversion(0.001)}),
            ("current", "current_a", {"A": SAME, "mA": Conversion(0.001)}),
            ("noise", "noise_db", {"dB": SAME}),
            ("light", "light_lx", {"lx": SAME, "klx": Conversion(1000.0)}),
            ("co2", "co2_ppm", {"ppm": SAME}),
            ("battery", "battery_percent", {"%": SAME, "share": Conversion(100.0)}),
            ("signal", "signal_dbm", {"dBm": SAME}),
            ("door", "door_open", {"": SAME}),
            ("motion", "motion_seen", {"": SAME}),
            ("water", "water_found", {"": SAME}),
        )
    }
)
"""Measure -> the name on the wire, and unit -> how it becomes that name's; the first is that unit."""

STATES: Final = frozenset({"door", "motion", "water"})
"""Measures that are yes (1) or no (0) and hold until something else is told."""
