"""ISO 15693 requests and responses, with and without their CRC."""

from firmware_bridge import iso15693 as iso
from firmware_bridge.errors import FrameError
from firmware_bridge.explain.iso15693 import explain

UID = "E004010809B9CB12"
_REQUESTS = (
    iso.inventory(),
    iso.inventory(afi=0x07, one_slot=False, mask=b"\x12", bits=8),
    iso.addressed(iso.READ_BLOCKS, UID, b"\0\x0f", option=True),
    iso.addressed(iso.WRITE_BLOCK, UID, b"\x03abcd"),
    iso.addressed(iso.WRITE_AFI, UID, b"\xc2"),
    iso.nxp(iso.EAS_ALARM, UID),
    iso.nxp(iso.SET_PASSWORD, UID, b"\x10abcd"),
)
_RESPONSES = (
    iso.Response(bytes.fromhex("0f2e985c8a000104e000001b0301")),
    iso.Response(bytes.fromhex("000228e06d580104e0")),
    iso.Response(error=0x12),
    iso.Response(iso.EAS_SEQUENCE),
)
SEEDS = tuple(iso.encode_request(one, crc=True) for one in _REQUESTS) + tuple(
    iso.encode_response(one, crc=True) for one in _RESPONSES
)


def fix(data: bytes) -> bytes:
    """Set the CRC right."""
    return iso.with_crc(data[:-2]) if len(data) > 2 else data


def decode(data: bytes) -> object:
    """Explain the bytes in each direction, and read what may be read of them."""
    found: list[object] = [
        explain(data),
        explain(data, direction="request"),
        explain(data, direction="answer"),
    ]
    for read in (
        iso.decode_request,
        iso.decode_response,
        iso.decode_system_information,
        iso.decode_inventory,
    ):
        try:
            found.append(read(data))
        except FrameError as error:
            found.append(error)
    return found
