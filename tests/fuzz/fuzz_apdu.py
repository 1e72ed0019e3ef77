"""Commands and responses: storage cards, transparent sessions, uTrust."""

from firmware_bridge.explain import apdu as explained
from firmware_bridge.explained import Explained

SEEDS = tuple(
    bytes.fromhex(seed)
    for seed in (
        "FFCA000000", "FFB0000410", "FFD600040411223344", "FF82000006FFFFFFFFFFFF", "FF860000050100046000",
        "FFC20001105F460440420F0095070221000001020300", "FFC2000002820000", "FFFC00000B241001AAAAAAAABBBBBBBB",
        "C00300900092010096020000970F000F2E985C8A000104E000001B03019000", "C0030164019000", "6A82",
    )
)  # fmt: skip


def decode(data: bytes) -> Explained:
    """Explain."""
    return explained.explain(data)
