"""What kind of bytes these are, by asking every explainer, and how sure that is.

Evidence is what chance would not have made. A check of 16 bits that agrees is strong, a length that names
the end of the bytes is some, a start byte alone is little. Kinds whose bytes carry no check at all (bare
compacted text, a Code 40) are never guessed: any bytes would fit them.
"""

from dataclasses import dataclass
from typing import Final

from firmware_bridge.explain import available, explainer
from firmware_bridge.explained import Explained, Problem

SURE: Final[dict[str, float]] = {
    "feig": 0.99,  # CRC-16 and a length
    "3m": 0.99,  # start byte, length and CRC-16
    "iso28560-3": 0.98,  # CRC-16 over 32 bytes
    "llrp": 0.97,  # version, a type that exists and lengths that nest to the last byte
    "atr": 0.95,  # TS, counts and TCK
    "iso15693": 0.9,  # CRC-16; without one it is judged below
    "iso28560-2": 0.8,  # data sets that end where the bytes end, PII first
    "iso28560-4-epc": 0.7,  # PC word whose length and toggle agree
    "iso28560-4-user": 0.7,  # DSFID 06 and data sets
    "3m501": 0.6,  # fields that hold what they may
    "apdu": 0.55,  # a class and a length that agree
}
"""How sure valid bytes of a kind are of that kind, from 0 to 1: a judgement, in the order of the evidence."""

WEAK: Final = 0.35
"""Bytes that begin like a kind and then break its rules: likely damaged ones of that kind."""

STARTS: Final[dict[str, tuple[int, ...]]] = {
    "3m": (0xD6, 0xD5),
    "feig": (0x02,),
    "atr": (0x3B, 0x3F),
    "llrp": (0x04, 0x08),
}


@dataclass(frozen=True, slots=True)
class Guess:
    """One kind that fits."""

    kind: str
    sure: float
    said: Explained


def guesses(data: bytes) -> tuple[Guess, ...]:
    """Return every kind that fits, the likeliest first; damaged ones when nothing intact fits."""
    said = {kind: explainer(kind)(data) for kind in available() if kind in SURE}
    intact = [Guess(kind, _sure(found), found) for kind, found in said.items() if found.valid]
    if not intact:
        intact = [
            Guess(kind, WEAK, said[kind])
            for kind, first in STARTS.items()
            if kind in said and data[:1] and data[0] in first
        ]
    return tuple(sorted(intact, key=lambda guess: -guess.sure))


def _sure(found: Explained) -> float:
    sure = SURE[found.kind]
    unchecked = found.kind == "iso15693" and "crc" not in found.fields
    nameless = found.kind == "iso28560-2" and "primary_item_identifier" not in found.fields
    return WEAK if unchecked or nameless else sure


def explain(data: bytes, **_: object) -> Explained:
    """Explain bytes of an unknown kind; `fields` begins with how sure the kind is and what else fits."""
    found = guesses(data)
    if not found:
        return Explained("unknown", {}, (Problem("no kind that is known here fits these bytes", 0),))
    best = found[0]
    head: dict[str, object] = {"sure": best.sure}
    if len(found) > 1:
        head["or"] = [{"kind": guess.kind, "sure": guess.sure} for guess in found[1:]]
    return Explained(best.kind, head | dict(best.said.fields), best.said.problems, best.said.sections)
