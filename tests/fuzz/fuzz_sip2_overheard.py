"""What is overheard of other makes' SIP2, and what is written down of it: never an error, never a secret."""

import json

from central.sip2 import codec
from central.sip2.mirror import Ear
from central.sip2.record import Placeholders, Transcript, message_of

SECRET = b"QXJZ-4711-WVKY"


def fix(data: bytes) -> bytes:
    """Set the checksum right where there is one."""
    at = data.rfind(b"AZ")
    return data if at < 0 else data[: at + 2] + codec.checksum(data[: at + 2])


SEEDS = tuple(
    fix(seed.replace(b"*", SECRET))
    for seed in (
        b"9300CN*|CO*|CP*|AY1AZ",
        b"11YN20261121    093000                  AOmain|AA*|AB*|AC|AD*|AY3AZ",
        b"121NUY20261121    093000AOmain|AA*|AB*|AJ*|AH20261219    235900|AY3AZ",
        b"09N20261121    09300020261121    093000AP*|AO*|AB*|AC|BIY|AY4AZ",
        b"64              00120261121    093000000000000002000000000000AO*|AA*|AE*|BLY|AU*|BD*|ZZ*|AY4AZ",
        b"login: \xff\xfb\x01*\r",
    )
)


def decode(data: bytes) -> object:
    """Hear it from both sides, in pieces, and write it down; no run of the secret's letters may be told."""
    half = len(data) // 2
    ear, transcript = Ear(), Transcript(Placeholders(), 1)
    lines: list[str] = []
    heard: list[object] = []
    for piece in (data[:half], data[half:] + b"\r"):
        ear.from_terminal(piece)
        lines += transcript.hear("kiosk", piece, 0.0)
        heard += ear.from_system(piece)
        lines += transcript.hear("system", piece, 0.0)
    lines += transcript.over(1.0)
    for line in lines:
        json.loads(line)
        message_of(line.encode())
    text = "".join(lines).encode()
    told = [SECRET[at : at + 4] for at in range(len(SECRET) - 3) if SECRET[at : at + 4] in text]
    if told:
        raise ValueError(f"{told} is told")
    return heard
