"""FEIG command codes and status bytes, each with its meaning (manual H20800); a tag's errors: `iso15693`."""

from firmware_bridge import iso15693
from firmware_bridge.errors import (
    DeviceRefused,
    RfCommError,
    TagError,
    TagGone,
    TagWriteFailed,
)
from wire.errors import DeviceError

BAUD_RATE_DETECTION = 0x52
CPU_RESET = 0x63
SYSTEM_RESET = 0x64
SOFTWARE_VERSION = 0x65
READER_INFO = 0x66
RF_RESET = 0x69
RF_OUTPUT = 0x6A
NOISE_LEVEL = 0x6D
DIAGNOSTIC = 0x6E
SIGNAL_OUTPUT = 0x71
SET_OUTPUT = 0x72
GET_INPUT = 0x74
READ_CONFIGURATION = 0x80
WRITE_CONFIGURATION = 0x81
SAVE_CONFIGURATION = 0x82
RESET_CONFIGURATION = 0x83
SET_TIMER = 0x85
GET_TIMER = 0x86
LOGIN = 0xA0
READ_BUFFER = 0x22
BUFFER_INFO = 0x31
CLEAR_BUFFER = 0x32
INITIALIZE_BUFFER = 0x33
ISO_HOST = 0xB0
CUSTOM = 0xB1
TRANSPARENT = 0xBF

COMMANDS: dict[int, str] = {
    BAUD_RATE_DETECTION: "baud rate detection", CPU_RESET: "CPU reset", SYSTEM_RESET: "system reset",
    SOFTWARE_VERSION: "get software version", READER_INFO: "get reader info", RF_RESET: "RF reset",
    RF_OUTPUT: "RF output on/off", NOISE_LEVEL: "get noise level", DIAGNOSTIC: "reader diagnostic",
    SIGNAL_OUTPUT: "set output (OS, OSF)", SET_OUTPUT: "set output", GET_INPUT: "get input",
    READ_CONFIGURATION: "read configuration", WRITE_CONFIGURATION: "write configuration",
    SAVE_CONFIGURATION: "save configuration", RESET_CONFIGURATION: "set default configuration",
    SET_TIMER: "set system timer", GET_TIMER: "get system timer", LOGIN: "reader login",
    READ_BUFFER: "read buffer", BUFFER_INFO: "read data buffer info", CLEAR_BUFFER: "clear data buffer",
    INITIALIZE_BUFFER: "initialize buffer", ISO_HOST: "ISO 15693 host command",
    CUSTOM: "ISO 15693 custom command", TRANSPARENT: "ISO 15693 transparent command",
}  # fmt: skip
"""Command bytes by the names of the manuals (H20800, H60301, H90692, H90202; 6D: RF290R manual §7.7)."""

INVENTORY = 0x01
STAY_QUIET = 0x02
LOCK_BLOCKS = 0x22
READ_BLOCKS = 0x23
WRITE_BLOCKS = 0x24
SELECT = 0x25
RESET_TO_READY = 0x26
WRITE_AFI = 0x27
LOCK_AFI = 0x28
WRITE_DSFID = 0x29
LOCK_DSFID = 0x2A
SYSTEM_INFORMATION = 0x2B
BLOCK_SECURITY = 0x2C

ISO_COMMANDS: dict[int, str] = {
    INVENTORY: "inventory", STAY_QUIET: "stay quiet", LOCK_BLOCKS: "lock multiple blocks",
    READ_BLOCKS: "read multiple blocks", WRITE_BLOCKS: "write multiple blocks", SELECT: "select",
    RESET_TO_READY: "reset to ready", WRITE_AFI: "write AFI", LOCK_AFI: "lock AFI",
    WRITE_DSFID: "write DSFID", LOCK_DSFID: "lock DSFID", SYSTEM_INFORMATION: "get system information",
    BLOCK_SECURITY: "get multiple block security status",
}  # fmt: skip
"""Sub-commands of B0 (H60301 §6.1)."""

NXP = 0x04
SET_EAS = 0xA2
RESET_EAS = 0xA3
LOCK_EAS = 0xA4
EAS_ALARM = 0xA5

CUSTOM_COMMANDS: dict[int, str] = {
    SET_EAS: "set EAS", RESET_EAS: "reset EAS", LOCK_EAS: "lock EAS", EAS_ALARM: "EAS alarm",
}  # fmt: skip
"""Sub-commands of B1 for the maker 04 (H60301 §8.3)."""

NON_ADDRESSED = 0x00
ADDRESSED = 0x01
SELECTED = 0x02
WITH_SECURITY = 0x08
"""MODE of B0: bits 2-0 who is meant, bit 3 asks for the security status of each block that is read."""
INVENTORY_NEW = 0x00
INVENTORY_PRESENCE = 0x20
INVENTORY_NOTIFY = 0x40
INVENTORY_MORE = 0x80
TAG_TYPE_ISO14443A = 0x04
TAG_TYPE_ISO15693 = 0x03

CONTROLLER = 0x00
DEVICE_ID = 0x80
"""Modes of command 66."""

OUTPUT_MODE = 0x01
OUTPUT_ON = 0x01
"""Command 72: its mode byte, and the state "on" of an output record."""

EEPROM = 0x80
"""Command 80: bit 7 of the configuration's address is its place, 0 RAM, 1 EEPROM."""

OK = 0x00
NO_TAG = 0x01
UNKNOWN_COMMAND = 0x80
RF_WARNING = 0x84
NO_VALID_DATA = 0x92
BUFFER_OVERFLOW = 0x93
MORE_DATA = 0x94
ISO_ERROR = 0x95
DONE = frozenset((OK, RF_WARNING))
"""The command was carried out; RF warning adds that the field or an antenna is not as it should be."""

STATUS: dict[int, tuple[type[DeviceError], str, str]] = {
    0x01: (TagGone, "no tag answered", "Put the item back on the pad."),
    0x02: (RfCommError, "the tag's answer was garbled", "Spread the items; it is tried again."),
    0x03: (TagWriteFailed, "the tag was not written", "Hold the item still and try again."),
    0x04: (DeviceRefused, "the address is outside the tag", "The tag has fewer blocks than expected."),
    0x05: (TagError, "the command does not fit this kind of tag", "The tag is of another kind."),
    0x08: (TagError, "the tag refused the password", "Check the passwords of the library's tags."),
    0x0E: (DeviceRefused, "general error of the reader", "If it stays, switch the reader off and on."),
    0x10: (DeviceRefused, "the reader's memory is faulty", "Replace the reader."),
    0x11: (DeviceRefused, "a parameter is out of range", "The reader's firmware may be too old."),
    0x13: (DeviceRefused, "the reader asks for a login", "Enter the reader's password in its configuration."),
    0x14: (DeviceRefused, "the reader refused the login", "Check the reader's password."),
    0x15: (DeviceRefused, "the reader does not let this be read", "Log in with the reader's password."),
    0x16: (DeviceRefused, "the reader does not let this be written", "Log in with the reader's password."),
    0x80: (DeviceRefused, "the reader does not know this command", "The reader's firmware may be too old."),
    0x81: (
        DeviceRefused,
        "the reader found the command's length wrong",
        "Report it with the reader's model.",
    ),
    0x82: (DeviceRefused, "the command is not possible in this mode", "Set the reader to ISO host mode."),
    0x83: (RfCommError, "no radio contact with the tag", "Put the item flat on the pad."),
    0x85: (DeviceRefused, "the reader's buffer is not ready", "Look at the reader's configuration."),
    0x92: (DeviceRefused, "the reader's buffer holds nothing", "Nothing; it is asked again."),
    0x93: (DeviceRefused, "the reader's buffer is full", "Put fewer items on the pad."),
    0xF1: (DeviceRefused, "the reader warns of its own hardware", "Read its diagnosis; replace the reader."),
}
"""Status byte -> error class, what was seen, what to do (H60301 annex D; 92: H90202; F1 from the maker's
list of constants, 85 without a public description)."""


def error_of(status: int, payload: bytes, doing: str) -> DeviceError:
    """Return the named error for a status byte other than OK; `doing` says what was tried."""
    why = "The item cannot be lent or returned while its tag does not answer."
    if status == ISO_ERROR:
        return iso15693.error_of(payload[0] if payload else iso15693.UNSAID, doing)
    error, seen, do = STATUS.get(status, (DeviceRefused, "an unknown status", "Note the reader's firmware."))
    return error(f"{doing}: {seen} (status {status:02X})", why=why, do=do)


READER_TYPES: dict[int, str] = {
    31: "ID ISC.M02", 33: "ID ISC.M02.M8", 40: "ID ISC.LR100", 41: "ID ISC.LR200", 42: "ID ISC.LR2000",
    43: "ID ISC.LR2500-B", 44: "ID ISC.LR2500-A", 45: "ID ISC.LR1002", 60: "ID ISC.PRH101",
    61: "ID ISC.PRH101-U", 62: "ID ISC.PRHD102", 63: "ID ISC.PRH102", 74: "ID ISC.MR100/PR100",
    75: "ID ISC.MR200", 76: "ID ISC.MR101", 77: "ID ISC.MR102", 78: "ID ISC.MR101-U", 80: "ID CPR.M02",
    81: "ID CPR.02", 82: "ID CPR40.xx-U", 83: "ID CPR40.xx", 84: "ID CPR50.xx", 85: "ID CPR44.xx",
    86: "ID CPR30.xx",
}  # fmt: skip
"""HF readers by the SW-TYPE of command 65 (manuals, "codes of reader types")."""
