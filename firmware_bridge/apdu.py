"""Storage-card commands of PC/SC part 3, without I/O: UID, data block by block, what an ATR says."""

from collections.abc import Callable

from firmware_bridge.errors import DeviceRefused

Transmit = Callable[[bytes], bytes]
"""Sends one command APDU, returns the response with its status word."""

GET_UID = bytes.fromhex("FFCA000000")
BLOCK = 4

STANDARDS: dict[int, str] = {
    0x03: "ISO 14443 A",
    0x07: "ISO 14443 B",
    0x09: "ISO 15693 part 1",
    0x0A: "ISO 15693 part 2",
    0x0B: "ISO 15693",
    0x0C: "ISO 15693 part 4",
    0x11: "FeliCa",
}
CARDS: dict[int, str] = {
    0x0000: "no name given",
    0x0001: "MIFARE Classic 1K",
    0x0002: "MIFARE Classic 4K",
    0x0003: "MIFARE Ultralight",
    0x000E: "Infineon my-d vicinity",
    0x0012: "TI Tag-it",
    0x0013: "ST LRI",
    0x0014: "ICODE SLI",
    0x001C: "iCLASS 16K",
}
"""Card names of PC/SC part 3 supplement (registered application provider A0 00 00 03 06)."""
PCSC_RID = bytes.fromhex("A000000306")


def split(response: bytes) -> tuple[bytes, int]:
    """Return (data, status word) of a response APDU."""
    if len(response) < 2:
        raise DeviceRefused(f"a response of {len(response)} bytes has no status word")
    return response[:-2], int.from_bytes(response[-2:], "big")


def uid(transmit: Transmit) -> bytes:
    """Return the card's UID, E0 first for ISO 15693 whatever the reader's byte order.

    PC/SC wants the least significant byte first, several readers send it the other way round; an
    ISO 15693 UID begins with E0, so the order can be told.
    """
    data, status = split(transmit(GET_UID))
    if status != 0x9000 or not data:
        raise DeviceRefused(f"the card has no UID for us (status {status:04X})", do="Try another card.")
    if len(data) == 8 and data[0] != 0xE0 and data[7] == 0xE0:
        return data[::-1]
    return data


def read_data(transmit: Transmit, length: int) -> bytes:
    """Return the first `length` bytes of a storage card; falls back to reading block by block."""
    data, status = split(transmit(bytes((0xFF, 0xB0, 0, 0, length))))
    if status == 0x9000 and len(data) >= length:
        return data[:length]
    found = b""
    for block in range(-(-length // BLOCK)):
        data, status = split(transmit(bytes((0xFF, 0xB0, 0, block, BLOCK))))
        if status not in (0x9000, 0x6282) or not data:
            raise DeviceRefused(f"block {block} of the card cannot be read (status {status:04X})")
        found += data
    return found[:length]


def explain_atr(atr: bytes) -> str:
    """Return what an ATR says of a card: its standard and name, or "unknown card"."""
    at = atr.find(PCSC_RID)
    if at < 0 or len(atr) < at + 8:
        return "unknown card"
    standard = STANDARDS.get(atr[at + 5], f"standard {atr[at + 5]:02X}")
    number = int.from_bytes(atr[at + 6 : at + 8], "big")
    return f"{standard}, {CARDS.get(number, f'card {number:04X}')}"
