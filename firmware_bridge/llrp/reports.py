"""Tag reports in one pass: the part of LLRP that comes a thousand times a second.

Reads the body of RO_ACCESS_REPORT without building parameters. What a gate does not use is stepped over.
A property test holds it against the general codec. Source: LLRP 1.1 §14.2.3 (TagReportData).
"""

from firmware_bridge.llrp.codec import HEADER, MalformedError, shape_of
from firmware_bridge.llrp.tables import TV
from firmware_bridge.ports import UhfTagSeen

TAG_REPORT_DATA, EPC_DATA = 240, 241
_SIZES = {
    number: sum(bits * 8 if kind == "x" else bits for _, kind, bits in shape_of(shape)) // 8
    for number, (_, shape) in TV.items()
}


def tags(message: bytes) -> list[UhfTagSeen]:
    """Return what a whole RO_ACCESS_REPORT message reports; raises MalformedError."""
    found = []
    at, end = HEADER, len(message)
    while at < end:
        if end - at < 4:
            raise MalformedError("cut inside the head of a parameter", end)
        number = (message[at] << 8 | message[at + 1]) & 0x3FF
        after = at + (message[at + 2] << 8 | message[at + 3])
        if after > end or after < at + 4:
            raise MalformedError(f"parameter {number} is longer than the message", at + 2)
        if number == TAG_REPORT_DATA and not message[at] & 0x80:
            found.append(_tag(message, at + 4, after))
        at = after
    return found


def _tag(data: bytes, at: int, end: int) -> UhfTagSeen:
    epc, pc, antenna, rssi, count = b"", None, None, None, 1
    while at < end:
        number = data[at]
        if number & 0x80:
            number &= 0x7F
            value, at = at + 1, at + 1 + _SIZES.get(number, end)
            if at > end:
                raise MalformedError(f"parameter {number} is not known, or cut", value - 1)
            if number == 13:
                epc = data[value:at]
            elif number == 6:
                rssi = data[value] - (data[value] >> 7 << 8)
            elif number == 1:
                antenna = data[value] << 8 | data[value + 1]
            elif number == 12:
                pc = data[value] << 8 | data[value + 1]
            elif number == 8:
                count = data[value] << 8 | data[value + 1]
            continue
        if end - at < 4:
            raise MalformedError("cut inside the head of a parameter", end)
        size = data[at + 2] << 8 | data[at + 3]
        if size < 4 or at + size > end:
            raise MalformedError("a parameter is longer than its report", at + 2)
        if (data[at] << 8 | data[at + 1]) & 0x3FF == EPC_DATA:
            epc = _epc(data, at, size)
        at += size
    return UhfTagSeen(epc, pc, antenna, rssi, max(1, count))


def _epc(data: bytes, at: int, size: int) -> bytes:
    used = ((data[at + 4] << 8 | data[at + 5]) + 7) // 8 if size >= 6 else size
    if 6 + used > size:
        raise MalformedError("an EPC is longer than its parameter", at + 4)
    return data[at + 6 : at + 6 + used]
