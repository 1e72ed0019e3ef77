"""Random identifiers, keyed item hashes and masks: what keeps people and items apart on the wire."""

import hashlib
import re
import secrets
from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

STATION_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
"""A station's name: its certificate's name, one MQTT topic level (design §3)."""

StationName = Annotated[str, StringConstraints(pattern=STATION_PATTERN)]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64)]
ItemId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
CardNumber = Annotated[str, StringConstraints(min_length=1, max_length=64)]
SEALED = "sealed:"
"""How a card begins that only central can read: what a station keeps of it after the answer."""
CardOrSealed = Annotated[str, StringConstraints(pattern=rf"(?s)^({SEALED}[A-Za-z0-9_-]{{1,390}}|.{{1,64}})$")]

_STATION = re.compile(STATION_PATTERN)


def new_id() -> str:
    """Return 128 random bits as 32 hex digits; used for streams, links and boots."""
    return secrets.token_hex(16)


def fact_id(now: datetime) -> str:
    """Return an id for what is written down at `now`, 32 hex digits: a UUID of version 7 (RFC 9562 §5.7).

    48 bits of milliseconds, then 74 random ones: no two are alike, whatever a clock says. What happens in one
    hour stands side by side in the ledger's indexes, which at ten million loans halves the cost of a fact.
    """
    at, chance = int(now.timestamp() * 1000) & 0xFFFF_FFFF_FFFF, secrets.randbits(74)
    return f"{at:012x}7{chance >> 62:03x}{0x8 << 60 | chance & (1 << 62) - 1:016x}"


def is_station_name(name: str) -> bool:
    """Say whether `name` can be a station, a branch or an operator on a topic level."""
    return _STATION.fullmatch(name) is not None


def item_hash(key: bytes, item: str) -> int:
    """Return the keyed 64-bit hash under which gates know an item (design §3, items at the edge)."""
    return int.from_bytes(hashlib.blake2b(item.encode(), key=key, digest_size=8).digest(), "big")


def mask(secret: str) -> str:
    """Return a form of an id that is safe in a log: its last two characters."""
    return f"…{secret[-2:]}" if len(secret) > 4 else "…"
