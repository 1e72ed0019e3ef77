"""`turnleaf explain iso28560-4-user`: the user bank of a UHF item tag."""

from typing import Any

from firmware_bridge.explain.iso28560_2 import words
from firmware_bridge.explained import Explained, Problem
from firmware_bridge.tags.iso28560_2 import NotPart2
from firmware_bridge.tags.iso28560_4 import decode_user

KIND = "iso28560-4-user"


def explain(data: bytes, **_: object) -> Explained:
    """Say what a bank holds; never raises."""
    found = decode_user(data)
    if isinstance(found, NotPart2):
        return Explained(KIND, {}, (Problem(found.detail or "the bank is blank", found.offset),))
    fields: dict[str, Any] = {"dsfid": f"{data[0]:02x}"}
    fields |= {read.name: words(read) for read in found.elements}
    problems = tuple(Problem(text, at) for text, at in found.problems)
    return Explained(KIND, fields, problems, {"dsfid": "ISO/TS 28560-4, user bank"})
