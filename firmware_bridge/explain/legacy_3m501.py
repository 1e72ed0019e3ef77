"""`turnleaf explain 3m501`: the legacy layout of 3M tags."""

from dataclasses import asdict

from firmware_bridge.explained import Explained, Problem
from firmware_bridge.tags.legacy_3m import TYPES, NotLegacy, decode


def explain(data: bytes, **_: object) -> Explained:
    """Say what stands on a tag; never raises."""
    found = decode(data)
    if isinstance(found, NotLegacy):
        return Explained("3m501", {}, (Problem(found.detail, found.offset),))
    fields = asdict(found)
    fields["type"] = f"{found.type} ({TYPES.get(found.type, 'not known')})"
    return Explained("3m501", fields, ())
