"""FEIG frames: a stream in two pieces, each frame explained in both directions."""

from firmware_bridge.explain.feig import explain
from firmware_bridge.feig import buffer, commands, control, custom
from firmware_bridge.feig.frames import (
    SHORTEST,
    SHORTEST_ADVANCED,
    STX,
    Frame,
    Parser,
    encode,
    encode_standard,
)
from firmware_bridge.tags.crc import mcrf4xx

UID = "E004010809B9CB12"
_REQUESTS = (
    commands.inventory(),
    commands.read_blocks(UID, 0, 16, security=True),
    commands.write_blocks(UID, 1, b"12345678", 4),
    commands.write_afi(UID, 0xC2),
    custom.set_eas(UID, True),
    custom.raw_eas_alarm(UID),
    control.set_outputs((1, 2), 2.0),
    control.signal(2.0),
    control.read_configuration(3),
    buffer.read_buffer(255),
)
_ANSWERS = (
    Frame(0xB0, bytes.fromhex("003ee004010809b9cb1201034f01"), 0),
    Frame(0xB0, bytes.fromhex("9402033ee004010809b9cb12033ee004010809b9cb13"), 0),
    Frame(0xB0, bytes.fromhex("00020400313233340135363738"), 0),
    Frame(0x65, bytes.fromhex("0003030044530d30"), 0),
    Frame(0x22, bytes.fromhex("00b1030001001e030008e0040108" "09b9cb120a1e03e80503000011223344aa"), 0),
    Frame(0x6E, bytes.fromhex("000803"), 0),
)  # fmt: skip
SEEDS = tuple(map(encode, _REQUESTS + _ANSWERS)) + tuple(map(encode_standard, _REQUESTS[:4] + _ANSWERS[:4]))


def fix(data: bytes) -> bytes:
    """Set length and CRC right, so that what is inside is read."""
    if data[:1] == bytes((STX,)) and len(data) >= SHORTEST_ADVANCED:
        head = data[:1] + len(data).to_bytes(2, "big") + data[3:-2]
    elif SHORTEST <= len(data) <= 255:
        head = bytes((len(data),)) + data[1:-2]
    else:
        return data
    return head + mcrf4xx(head).to_bytes(2, "little")


def decode(data: bytes) -> object:
    """Explain the bytes both ways; cut them into frames as a stream in two pieces."""
    parser, half = Parser(), len(data) // 2
    frames = parser.feed(data[:half]) + parser.feed(data[half:]) + parser.salvage()
    return explain(data, direction="request"), explain(data, direction="answer"), frames
