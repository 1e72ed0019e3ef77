"""The three CRC-16 of library RFID, by bit order and constants; small, and table-driven."""


def _table_msb(poly: int) -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ poly if crc & 0x8000 else crc << 1) & 0xFFFF
        rows.append(crc)
    return tuple(rows)


def _table_lsb(poly: int) -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ poly if crc & 1 else crc >> 1
        rows.append(crc)
    return tuple(rows)


_CCITT = _table_msb(0x1021)
_REFLECTED = _table_lsb(0x8408)


def ccitt_false(data: bytes) -> int:
    """Return CRC-16/IBM-3740 (1021, FFFF): the CRC of ISO 28560-3 data blocks."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc << 8 & 0xFFFF) ^ _CCITT[(crc >> 8) ^ byte]
    return crc


def mcrf4xx(data: bytes) -> int:
    """Return CRC-16/MCRF4XX (8408 reflected, FFFF, no final XOR): the CRC of FEIG frames."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _REFLECTED[(crc ^ byte) & 0xFF]
    return crc


def x25(data: bytes) -> int:
    """Return CRC-16/X-25: the CRC of ISO 15693 frames (ISO 15693-3 annex C)."""
    return mcrf4xx(data) ^ 0xFFFF
