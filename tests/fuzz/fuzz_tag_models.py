"""Item tags of every model, and banks of UHF tags."""

from firmware_bridge.explain import (
    code40,
    gen2_crc,
    iso28560_3,
    iso28560_4_epc,
    iso28560_4_user,
    legacy_3m501,
)
from firmware_bridge.ports import TagMemory
from firmware_bridge.tags.danish import CRC_BYTES, block_crc
from firmware_bridge.tags.iso28560_4 import encode_user
from firmware_bridge.tags.reading import SecurityBits, decode_tag, decode_uhf

EXPLAINERS = (code40, gen2_crc, iso28560_3, iso28560_4_epc, iso28560_4_user, legacy_3m501)


def fix(data: bytes) -> bytes:
    """Set the CRC of a basic block right."""
    if len(data) < 32:
        return data
    return data[: CRC_BYTES.start] + block_crc(data).to_bytes(2, "little") + data[CRC_BYTES.stop :]


SEEDS = tuple(
    fix(bytes.fromhex(seed))
    for seed in (
        "1101013130303030303030353600000000000098a4444b373138353030000000",
        "110101313030303030303133360000000000003615444b3731383530300000000000050100050122020071426f67766f676e65"
        "6e00313233343536373839300000613738393635366300",
        "0411000032303039303130313031323300000000ffffffff7fffffff00000000",
        "45c2141cc04fc70badb5c6e2da1ded4dd319",
        "060201d0140204b34607441cb6e2e335d65308ab4d6c9dd556cdeb00",
        "10e2fb2102dddf7c4e00",
        "3074257bf7194e4000001a85",
        # a user bank: an ISIL, an octet, escaped OIDs, a title in UTF-8 whose length takes two bytes
        encode_user({3: "US-InU-Mu", 4: "0312", 5: b"\x13", 17: "Tłum " * 40, 26: "0" * 25}).hex(),
    )
)


def decode(data: bytes) -> object:
    """Explain by every kind, and read as a library does."""
    memory = TagMemory("E004010000000001", data, 4, 0x07, None, len(data) // 4)
    read = decode_tag(memory, frozenset({"DE-1"}), SecurityBits())
    uhf = [decode_uhf(data, pc, frozenset(), SecurityBits()) for pc in (None, 0x45C2, 0x3000)]
    return read, uhf, [kind.explain(data) for kind in EXPLAINERS]
