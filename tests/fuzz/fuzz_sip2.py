"""SIP2 frames, and a stream of them in pieces."""

from central.sip2 import codec
from central.sip2.framing import Framer


def fix(data: bytes) -> bytes:
    """Set the checksum right where there is one."""
    at = data.rfind(b"AZ")
    return data if at < 0 else data[: at + 2] + codec.checksum(data[: at + 2])


SEEDS = tuple(
    fix(seed)
    for seed in (
        b"941AY0AZ",
        b"9900302.00AY1AZ",
        b"97AZ",
        b"2300120261121    093000AOmain|AA29000001|AC|AD|AY2AZ",
        b"11YN20261121    093000                  AOmain|AA29000001|AB30000001|AC|AY3AZ",
        b"64              00120261121    093000000000000002000000000000AOmain|AA1|AEA B|BLY|AU1|AU2|AFHi|AY4AZ",
        b"\xff\xfb\x01\xff\xfa\x18\x00\xff\xf0login: ",
    )
)


def decode(data: bytes) -> object:
    """Decode as one frame in two encodings, and as a stream in two pieces."""
    framer = Framer()
    half = len(data) // 2
    frames = framer.feed(data[:half]) + framer.feed(data[half:] + b"\r")
    ways = (codec.Dialect(), codec.Dialect(encoding="cp850"))
    return [codec.decode(one, way) for one in (data, *frames) for way in ways]
