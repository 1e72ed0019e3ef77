"""Answers to reset, cut and flipped; half of them with their check byte right."""

from firmware_bridge.atr import check, encode
from firmware_bridge.explain import atr as explained
from firmware_bridge.explained import Explained

SEEDS = (encode(0x0B, 0x14), encode(0x03, 0x01), bytes.fromhex("3B00"), encode(0x11, 0x3B))


def fix(data: bytes) -> bytes:
    """Set the last byte to TCK."""
    return data[:-1] + bytes((check(data[:-1]),)) if len(data) > 2 else data


def decode(data: bytes) -> Explained:
    """Explain."""
    return explained.explain(data)
