"""Command codes and error codes of 3M readers, each with its meaning.

Source: 3M RFID Reader Model 210 Protocol Specification 1.0.0. What it leaves open, or what was taken from
programs that talk to these readers, is marked where it is used.
"""

from typing import Final

from firmware_bridge.errors import (
    DeviceRefused,
    RfCommError,
    TagError,
    TagGone,
    TagLocked,
    TagWriteFailed,
)
from wire.errors import DeviceError

QUIET: Final = 0x01
READ_BLOCKS: Final = 0x02
CHECK_EAS: Final = 0x03
WRITE_BLOCKS: Final = 0x04
WRITE_BLOCK: Final = 0x05
LOCK_AFI: Final = 0x06
WRITE_AND_LOCK: Final = 0x07
LOCK_BLOCK: Final = 0x08
WRITE_AFI: Final = 0x09
GET_AFI: Final = 0x0A
WRITE_DSFID: Final = 0x0B
EAS_CONTROL: Final = 0x0C
TAG_INFO: Final = 0x0D
LOCK_DSFID: Final = 0x0E
GET_DSFID: Final = 0x0F
VERSION: Final = 0x11
PASS_THROUGH: Final = 0x14
INVENTORY: Final = 0xFE

COMMANDS: Final[dict[int, str]] = {
    QUIET: "quiet", READ_BLOCKS: "read multiblock", CHECK_EAS: "check EAS", WRITE_BLOCKS: "write multiblock",
    WRITE_BLOCK: "write block", LOCK_AFI: "lock AFI", WRITE_AND_LOCK: "write and lock block",
    LOCK_BLOCK: "lock block", WRITE_AFI: "write AFI", GET_AFI: "get AFI", WRITE_DSFID: "write DSFID",
    EAS_CONTROL: "EAS control", TAG_INFO: "tag info", LOCK_DSFID: "lock DSFID", GET_DSFID: "get DSFID",
    VERSION: "reader version", PASS_THROUGH: "ISO pass through", INVENTORY: "read block UID",
}  # fmt: skip
"""Commands by the names of the specification, §7.1 to §7.18."""
TO_A_TAG: Final = frozenset(COMMANDS) - {VERSION, PASS_THROUGH, INVENTORY}
"""Commands that carry a UID, and whose answers carry it again."""

OK: Final = 0x00
NO_TAG: Final = 0x06

ERRORS: Final[dict[int, tuple[type[DeviceError], str, str]]] = {
    0x02: (DeviceRefused, "the reader does not have this command", "The reader's firmware may be too old."),
    NO_TAG: (TagGone, "no tag answered", "Put the item back on the pad."),
    0x11: (TagError, "the tag does not have what was asked for", "The tag is of another kind."),
    0x12: (TagLocked, "it is locked", "Set the item aside for staff."),
    0x15: (RfCommError, "the tag could not be read", "Put the item flat on the pad."),
    0x16: (TagWriteFailed, "the tag was not written", "Hold the item still and try again."),
    0x21: (TagError, "the tag answered with an error", "Set the item aside for staff."),
    0x22: (TagError, "the tag answered with an error", "Set the item aside for staff."),
    0x23: (TagError, "the tag answered with an error", "Set the item aside for staff."),
    0x30: (DeviceRefused, "not supported for this tag", "The tag is of another kind."),
    0x31: (DeviceRefused, "not supported for this tag", "The tag is of another kind."),
}
"""Error code -> error class, what was seen, what to do (Appendix A). 21 to 23 are errors of ISO 15693 tags;
which is which is not used here."""


def error_of(code: int, doing: str) -> DeviceError:
    """Return the named error for an error code other than 00; `doing` says what was tried."""
    kind, seen, do = ERRORS.get(code, (DeviceRefused, "an unknown error", "Note the reader's firmware."))
    return kind(
        f"{doing}: {seen} (error {code:02X})",
        why="The item cannot be lent or returned while its tag does not answer.",
        do=do,
    )
