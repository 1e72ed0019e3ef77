"""ISIL compaction: library codes (ISO 15511) in 4 or 5 bits a character (ISO 28560-2 Annex C).

Three sets of characters; codes in each switch to another set for one character (shift) or from now on
(latch). Reading begins in upper case. Unused bits at the end are ones, which read as a shift to nothing.
"""

from dataclasses import dataclass
from typing import Final

UPPER, LOWER, DIGITS = "upper", "lower", "digits"
LATCH, SHIFT = "latch", "shift"


@dataclass(frozen=True, slots=True)
class _Set:
    width: int
    letters: str
    """Code -> character, from 0."""
    switches: dict[int, tuple[str, str]]


SETS: Final[dict[str, _Set]] = {
    UPPER: _Set(
        5,
        "-ABCDEFGHIJKLMNOPQRSTUVWXYZ:",
        {28: (LATCH, LOWER), 29: (SHIFT, LOWER), 30: (LATCH, DIGITS), 31: (SHIFT, DIGITS)},
    ),
    LOWER: _Set(
        5,
        "-abcdefghijklmnopqrstuvwxyz/",
        {28: (LATCH, UPPER), 29: (SHIFT, UPPER), 30: (LATCH, DIGITS), 31: (SHIFT, DIGITS)},
    ),
    DIGITS: _Set(
        4,
        "0123456789-:",
        {12: (LATCH, UPPER), 13: (SHIFT, UPPER), 14: (LATCH, LOWER), 15: (SHIFT, LOWER)},
    ),
}
"""Tables C.2 to C.4."""

LETTERS: Final = frozenset("".join(one.letters for one in SETS.values()))
"""Characters that an ISIL may hold here."""


def encode(isil: str) -> bytes:
    """Return an ISIL compacted; raises ValueError for a character that has no code."""
    bits, current = "", UPPER
    for at, letter in enumerate(isil):
        if letter not in LETTERS:
            raise ValueError(f"{letter!r} cannot stand in an ISIL")
        if letter not in SETS[current].letters:
            following = isil[at + 1 : at + 2]
            target = _target(letter, following, current)
            back = not following or following in SETS[current].letters
            bits += _switch(current, SHIFT if back else LATCH, target)
            bits += _code(target, letter)
            current = current if back else target
        else:
            bits += _code(current, letter)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""


def _target(letter: str, following: str, current: str) -> str:
    """Return the set to go to: one that also holds what follows, where there is a choice."""
    fit = [name for name, one in SETS.items() if letter in one.letters and name != current]
    return next((name for name in fit if following and following in SETS[name].letters), fit[0])


def _switch(current: str, how: str, target: str) -> str:
    one = SETS[current]
    code = next(code for code, switch in one.switches.items() if switch == (how, target))
    return f"{code:0{one.width}b}"


def _code(name: str, letter: str) -> str:
    one = SETS[name]
    return f"{one.letters.index(letter):0{one.width}b}"


def decode(data: bytes) -> str:
    """Return the ISIL of compacted bytes. Any bytes mean something; what ends inside a code is padding."""
    bits = f"{int.from_bytes(data, 'big'):0{len(data) * 8}b}" if data else ""
    text, current, once, at = "", UPPER, "", 0
    while True:
        one = SETS[once or current]
        if at + one.width > len(bits):
            return text
        code = int(bits[at : at + one.width], 2)
        at += one.width
        if code < len(one.letters):
            text += one.letters[code]
            once = ""
            continue
        how, target = one.switches[code]
        if how == LATCH:
            current, once = target, ""
        else:
            once = target
