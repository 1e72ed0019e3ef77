"""Requests to a FEIG reader itself, and their answers: what it is, how it is, outputs, inputs, configuration.

Pure. The numbers in brackets are command bytes (`words.COMMANDS`). What the manuals say is named with each
function; two things stand here on less than a manual: the bits of the diagnosis are as the maker's own
published header names them for HF readers, and the noise level is described for the RF290R alone.
No documented command tells operating hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_bridge.errors import FrameError
from firmware_bridge.feig import words
from firmware_bridge.feig.frames import Frame
from firmware_bridge.ports import DeviceInfo

CONFIGURATION_BYTES = 14
"""Bytes of a configuration block (H60301 §4.1)."""

ANTENNA_STATE, IMPEDANCE, INTERNAL_STATE = 0x01, 0x02, 0x04
"""Modes of the diagnosis [6E]."""

FLAGS_A = (
    "rf_hardware", "rf_noise", "impedance_below_50_ohm", "impedance_above_50_ohm", "power_amplifier",
    "temperature_warning", "synchronisation_timeout", "temperature_alarm",
)  # fmt: skip
"""Diagnosis mode 01, first byte, from bit 0, of HF readers."""
FLAGS_B = ("multiplexer", "antenna_tuner", "antenna_dc_power")
"""Diagnosis mode 01, second byte, from bit 0, of HF readers."""

SIGNAL_ON = 0b01
LED_GREEN, LED_RED, BEEPER = 0, 2, 4
"""Command 71: where the two bits of each signal stand in OS (H60301 §5.8)."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise that the reader receives, in steps of its own: only its change says something."""

    lowest: int
    mean: int
    highest: int


@dataclass(frozen=True, slots=True)
class Buffers:
    """How long a frame may be, in bytes, to the reader and from it."""

    receive: int
    transmit: int


def device_id() -> Frame:
    """Ask the reader for its device id [66, mode 80]."""
    return Frame(words.READER_INFO, bytes((words.DEVICE_ID,)))


def buffers() -> Frame:
    """Ask how long frames may be [66, mode 00]."""
    return Frame(words.READER_INFO, bytes((words.CONTROLLER,)))


def diagnostic(mode: int = ANTENNA_STATE) -> Frame:
    """Ask the reader how it is [6E]."""
    return Frame(words.DIAGNOSTIC, bytes((mode,)))


def rf_output(on: bool) -> Frame:
    """Switch the field [6A]."""
    return Frame(words.RF_OUTPUT, bytes((int(on),)))


def login(password: bytes) -> Frame:
    """Log in with the reader's 4-byte password [A0]; a wrong one logs out."""
    if len(password) != 4:
        raise ValueError("a reader's password has 4 bytes")
    return Frame(words.LOGIN, password)


def read_configuration(block: int, *, stored: bool = True) -> Frame:
    """Ask for configuration block `block` (0-63) as it is stored, or as it is in force [80]."""
    if not 0 <= block <= 0x3F:
        raise ValueError("a reader has configuration blocks 0 to 63")
    return Frame(words.READ_CONFIGURATION, bytes((block | (words.EEPROM if stored else 0),)))


def set_outputs(outputs: Sequence[int], seconds: float) -> Frame:
    """Switch digital outputs on for `seconds`, in steps of 100 ms [72]: number, state, time each."""
    time = _tenths(seconds).to_bytes(2, "big")
    records = b"".join(bytes((number, words.OUTPUT_ON)) + time for number in outputs)
    return Frame(words.SET_OUTPUT, bytes((words.OUTPUT_MODE, len(outputs))) + records)


def signal(seconds: float, signals: Sequence[int] = (LED_GREEN, BEEPER)) -> Frame:
    """Switch light and beeper on for `seconds`, in steps of 100 ms [71]; small pads have no outputs [72]."""
    state = sum(SIGNAL_ON << at for at in signals)
    parts = (state, 0, _tenths(seconds), 0)
    return Frame(words.SIGNAL_OUTPUT, b"".join(part.to_bytes(2, "big") for part in parts))


def _tenths(seconds: float) -> int:
    return max(1, min(round(seconds * 10), 0xFFFF))


def parse_software_version(data: bytes) -> DeviceInfo:
    """Return what command 65 tells: revision (2), development revision, hardware, reader type, tags (2)."""
    if len(data) < 5:
        raise FrameError(f"a software version of {len(data)} bytes is too short")
    kind = data[4]
    model = words.READER_TYPES.get(kind, f"OBID reader type {kind}")
    return DeviceInfo("FEIG", model, f"{data[0]}.{data[1]:02d}", "")


def parse_device_id(data: bytes) -> str:
    """Return the device id of command 66, mode 80, as 8 hex digits."""
    if len(data) < 4:
        raise FrameError(f"a device id of {len(data)} bytes is too short")
    return data[:4].hex().upper()


def parse_buffers(data: bytes) -> Buffers:
    """Return the frame lengths of command 66, mode 00 (H60301 §5.5): they stand behind the version."""
    if len(data) < 11:
        raise FrameError(f"a reader info of {len(data)} bytes is too short")
    return Buffers(int.from_bytes(data[7:9], "big"), int.from_bytes(data[9:11], "big"))


def parse_inputs(data: bytes) -> int:
    """Return the input lines as bits, input 1 in bit 0."""
    if len(data) != 1:
        raise FrameError(f"{len(data)} bytes came where one byte of inputs was expected")
    return data[0]


def parse_diagnostic(data: bytes) -> frozenset[str]:
    """Return the names of what the reader finds wrong (mode 01); bits without a name are "flag A6" and so."""
    if len(data) < 2:
        raise FrameError(f"a diagnosis of {len(data)} bytes is too short")
    found = set()
    for letter, byte, names in (("A", data[0], FLAGS_A), ("B", data[1], FLAGS_B)):
        for bit in range(8):
            if byte >> bit & 1:
                found.add(names[bit] if bit < len(names) else f"flag_{letter.lower()}{bit}")
    return frozenset(found)


def parse_noise(data: bytes) -> Noise:
    """Return the noise level [6D]: least, mean and greatest, 2 bytes each (RF290R manual §7.7)."""
    if len(data) != 6:
        raise FrameError(f"a noise level of {len(data)} bytes is none")
    return Noise(*(int.from_bytes(data[at : at + 2], "big") for at in (0, 2, 4)))


def parse_configuration(data: bytes) -> bytes:
    """Return the 14 bytes of a configuration block."""
    if len(data) != CONFIGURATION_BYTES:
        raise FrameError(f"a configuration block of {len(data)} bytes is none")
    return data
