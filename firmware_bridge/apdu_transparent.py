"""ISO 15693 commands through a PC/SC reader, without I/O: transparent session and uTrust's own way.

The transparent session (PC/SC part 3 amendment 1, `FF C2`) carries data objects: begin, protocol, timer,
transceive; it can carry every command. The uTrust 372xF of Identiv takes commands by `FF FC`, without flags
and UID. A reader answers 6401, "the tag was silent", for writes that were done: a writer looks after.

Two sources differ on the byte order of the timer object 5F46. The bytes of a published trace that worked are
least significant first, and that is the default. It was not tried on hardware here.
"""

from dataclasses import dataclass
from typing import Final, Literal

from firmware_bridge.apdu import OK, split, status_words
from firmware_bridge.errors import DeviceRefused, TagGone

BEGIN: Final = bytes.fromhex("FFC2000002810000")
END: Final = bytes.fromhex("FFC2000002820000")
ISO15693_LAYER3: Final = bytes.fromhex("FFC20002048F02020300")
"""Switch protocol: ISO 15693, layer 3."""
WRITE_TIMER_US: Final = 1_000_000
"""Time given to a tag for a write, microseconds: that of the published trace."""
TAG_SILENT: Final = 0x6401

TIMER: Final = 0x5F46
TRANSCEIVE: Final = 0x95
STATUS: Final = 0xC0
ICC_RESPONSE: Final = 0x97
OBJECTS: Final[dict[int, str]] = {
    0x80: "version",
    0x81: "start_transparent_session",
    0x82: "end_transparent_session",
    0x83: "rf_field_off",
    0x84: "rf_field_on",
    0x8F: "switch_protocol",
    0x90: "transmission_and_reception_flag",
    0x91: "transmission_bit_framing",
    0x92: "reception_bit_framing",
    0x93: "transmit",
    0x94: "receive",
    0x95: "transceive",
    0x96: "response_status",
    0x97: "icc_response",
    0xC0: "generic_error_status",
    0x5F46: "timer",
    0xFF6E: "set_parameters",
    0xFF6D: "get_parameters",
}
"""Data objects of FF C2 (PC/SC part 3 amendment 1)."""
ByteOrder = Literal["little", "big"]


@dataclass(frozen=True, slots=True)
class DataObject:
    """One object: tag, value and where it stands."""

    tag: int
    value: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects of a message, and where the first wrong byte stands."""

    found: tuple[DataObject, ...]
    wrong: int | None = None

    def get(self, tag: int) -> bytes | None:
        """Return the value of the first object with a tag."""
        return next((one.value for one in self.found if one.tag == tag), None)


def objects(data: bytes) -> Objects:
    """Take data objects apart (BER-TLV, tags of one or two bytes); takes any bytes."""
    found: list[DataObject] = []
    at = 0
    while at < len(data):
        start, tag = at, data[at]
        at += 1
        if tag & 0x1F == 0x1F and at < len(data) and tag in (0x5F, 0xFF):
            tag = tag << 8 | data[at]
            at += 1
        if at >= len(data):
            return Objects(tuple(found), start)
        length, at = data[at], at + 1
        if length in (0x81, 0x82):
            width = length & 0x0F
            length, at = int.from_bytes(data[at : at + width], "big"), at + width
        if length > len(data) - at or at > len(data):
            return Objects(tuple(found), start)
        found.append(DataObject(tag, data[at : at + length], start))
        at += length
    return Objects(tuple(found))


def _object(tag: int, value: bytes) -> bytes:
    name = tag.to_bytes(2 if tag > 0xFF else 1, "big")
    size = bytes((len(value),)) if len(value) < 0x80 else bytes((0x81, len(value)))
    return name + size + value


def exchange(request: bytes, *, timer_us: int = 0, order: ByteOrder = "little") -> bytes:
    """Return the APDU that sends an ISO 15693 request; `timer_us` sets the time for its answer, 0 leaves it.

    Raises ValueError when the request does not fit a short APDU.
    """
    body = _object(TIMER, timer_us.to_bytes(4, order)) if timer_us else b""
    body += _object(TRANSCEIVE, request)
    if len(body) > 0xFF:
        raise ValueError(f"a request of {len(request)} bytes does not fit one APDU")
    return bytes((0xFF, 0xC2, 0, 1, len(body))) + body + b"\x00"


def answer(response: bytes) -> bytes:
    """Return the tag's response (flags first); raises TagGone when it was silent, DeviceRefused."""
    data, status = split(response)
    if status == TAG_SILENT:
        raise TagGone("the tag was silent")
    if status != OK:
        raise DeviceRefused(f"the reader refused: {status:04X}, {status_words(status)}")
    found = objects(data)
    told = found.get(STATUS)
    inner = int.from_bytes(told[1:3], "big") if told is not None and len(told) >= 3 else OK
    if inner == TAG_SILENT:
        raise TagGone("the tag was silent (6401)")
    if inner != OK:
        raise DeviceRefused(f"the reader refused object {told[0] if told else 0}: {inner:04X}")
    value = found.get(ICC_RESPONSE)
    if not value:
        raise TagGone("the reader had no answer of the tag")
    return value


def utrust(command: int, parameters: bytes = b"") -> bytes:
    """Return uTrust 372xF's APDU for an ISO 15693 command (reference manual v1.00, ISO 15693 APDUs)."""
    body = bytes((command,)) + parameters
    return bytes((0xFF, 0xFC, 0, 0, len(body))) + body
