"""`turnleaf explain gen2-crc`: the StoredCRC that belongs to PC word and EPC of a Gen2 tag."""

import binascii

from firmware_bridge.explained import Explained, Problem


def stored_crc(data: bytes) -> int:
    """Return CRC-16/GENIBUS (1021, FFFF, inverted) over PC word and EPC (EPC Gen2, Annex F)."""
    return binascii.crc_hqx(data, 0xFFFF) ^ 0xFFFF


def explain(data: bytes, **_: object) -> Explained:
    """Say the CRC of the bytes, and whether the bytes are followed by theirs."""
    if not data or len(data) % 2:
        return Explained("gen2-crc", {}, (Problem(f"{len(data)} bytes are no whole words", len(data)),))
    fields: dict[str, object] = {"crc": f"{stored_crc(data):04x}"}
    if len(data) > 2 and stored_crc(data[2:]) == int.from_bytes(data[:2], "big"):
        fields["first_word"] = "the CRC of the words behind it"
    return Explained("gen2-crc", fields, (), {"crc": "EPC Gen2, Annex F, StoredCRC"})
