"""3M frames: a stream in two pieces, each frame explained in both directions."""

from firmware_bridge import iso15693
from firmware_bridge.explain.threem import explain
from firmware_bridge.threem import commands, words
from firmware_bridge.threem.frames import OLD_START, START, Frame, Parser, crc, encode

UID = "E004010809B9CB12"
_UID = bytes.fromhex(UID)
_REQUESTS = (
    commands.inventory(),
    commands.version(),
    Frame(words.VERSION, old=True),
    commands.read_blocks(UID, 0, 8),
    commands.write_blocks(UID, 1, b"12345678"),
    commands.to_tag(words.WRITE_AFI, UID, b"\xc2"),
    commands.to_tag(words.TAG_INFO, UID, b"\x0f"),
    commands.pass_through(iso15693.encode_request(iso15693.nxp(iso15693.GET_RANDOM, UID)), 3),
)
_ANSWERS = (
    Frame(words.INVENTORY, b"\0\0\x05\x02" + _UID + _UID),
    Frame(words.VERSION, b"\0\x0a\5\0\2"),
    Frame(words.VERSION, b"\x0a\5\0\2", old=True),
    Frame(words.READ_BLOCKS, b"\0" + _UID + b"\x02\0\0abcd\1\1efgh"),
    Frame(words.READ_BLOCKS, b"\0" + _UID + b"\0\x02\0abcd\1efgh"),
    Frame(words.GET_AFI, b"\0" + _UID + b"\x07"),
    Frame(words.CHECK_EAS, b"\0" + _UID + b"\0"),
    Frame(words.TAG_INFO, b"\0" + _UID + b"\x0f\x3e\x07\x03\x1b\0\x01"),
    Frame(words.WRITE_AFI, b"\x06" + _UID),
    Frame(words.PASS_THROUGH, b"\0\0\0\3\0ab"),
)
SEEDS = tuple(map(encode, _REQUESTS + _ANSWERS))


def fix(data: bytes) -> bytes:
    """Set length and CRC right, so that what is inside is read."""
    if len(data) < 6 or data[0] not in (START, OLD_START):
        return data
    head = (len(data) - 3).to_bytes(2, "big") + data[3:-2]
    return data[:1] + head + crc(head).to_bytes(2, "big")


def decode(data: bytes) -> object:
    """Explain the bytes each way; cut them into frames as a stream in two pieces."""
    parser, half = Parser(), len(data) // 2
    frames = parser.feed(data[:half]) + parser.feed(data[half:]) + parser.salvage()
    return explain(data), explain(data, direction="request"), explain(data, direction="answer"), frames
