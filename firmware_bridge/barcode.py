"""Which scanned codes a station believes: length, prefix and check digit. Pure.

A worn Codabar label decodes to a wrong number now and then; check digits catch that. Those of Code 128 are
taken off by the scanner and are not seen here. A QR payload is text: it passes when its rules name nothing
else. Not for finding out what a number belongs to: central knows.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from firmware_bridge.ports import CodeRefused, CodeScanned

CODE39: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"
"""Code 39's characters in the order of their values, 0 to 42 (ISO/IEC 16388)."""
CODABAR: Final = "0123456789-$:/.+ABCD"
"""Codabar's characters in the order of their values, 0 to 19 (EN 798)."""
MOST: Final = 4296
"""Most characters of a QR code (ISO/IEC 18004, version 40-L, alphanumeric); no scanner sends more."""


@dataclass(frozen=True, slots=True)
class CodeRules:
    """What a code must be like. A rule left at its default asks for nothing."""

    lengths: frozenset[int] = frozenset()
    prefixes: tuple[str, ...] = ()
    check: str = ""
    """Name of a check in CHECKS."""
    strip_check: bool = False
    """Give the code on without its last character, the check digit."""
    strip_start_stop: bool = False
    """Take off Codabar's start and stop letters A to D, when both are there."""

    def __post_init__(self) -> None:
        """Raise ValueError for a check that does not exist."""
        if self.check and self.check not in CHECKS:
            raise ValueError(f"no check is called {self.check!r}; there are: {', '.join(CHECKS)}")


def judge(code: str, rules: CodeRules) -> CodeScanned | CodeRefused:
    """Decide whether a code is believed; what is refused is not kept, only why."""
    if not code or len(code) > MOST or not code.isprintable():
        return CodeRefused("it is empty, too long, or has characters that do not print")
    symbology = ""
    if rules.strip_start_stop and re.fullmatch(r"[A-Da-d].*[A-Da-d]", code):
        code, symbology = code[1:-1], "codabar"
    if rules.lengths and len(code) not in rules.lengths:
        wanted = " or ".join(str(length) for length in sorted(rules.lengths))
        return CodeRefused(f"it has {len(code)} characters, not {wanted}", "length")
    if rules.prefixes and not code.startswith(rules.prefixes):
        return CodeRefused("it begins like no code of this library", "prefix")
    if rules.check and not CHECKS[rules.check](code):
        return CodeRefused(f"its check digit is wrong ({rules.check})", "check")
    return CodeScanned(code[:-1] if rules.strip_check else code, symbology)


def luhn(code: str) -> bool:
    """Tell whether the last digit agrees: the library's 14-digit Codabar number (ISO/IEC 7812-1 Annex B)."""
    if not _digits(code):
        return False
    total = 0
    for at, digit in enumerate(reversed(code)):
        value = int(digit) * (2 if at % 2 else 1)
        total += value - 9 if value > 9 else value
    return len(code) > 1 and total % 10 == 0


def codabar_mod16(code: str) -> bool:
    """Tell whether all values, start and stop too, sum to a multiple of 16 (AIM USS-Codabar)."""
    text = code.upper()
    return len(text) > 1 and all(one in CODABAR for one in text) and not sum(map(CODABAR.index, text)) % 16


def code39_mod43(code: str) -> bool:
    """Tell whether the last character is the sum of the values before it, mod 43 (ISO/IEC 16388 Annex A)."""
    if len(code) < 2 or any(one not in CODE39 for one in code):
        return False
    return sum(map(CODE39.index, code[:-1])) % 43 == CODE39.index(code[-1])


def ean13(code: str) -> bool:
    """Tell whether 13 digits end in their check digit, weights 1 and 3 (GS1 General Specifications §7.9)."""
    if len(code) != 13 or not _digits(code):
        return False
    return sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(code)) % 10 == 0


def isbn13(code: str) -> bool:
    """Tell whether it is an EAN-13 of the book trade, 978 or 979 (ISO 2108)."""
    return code.startswith(("978", "979")) and ean13(code)


def isbn10(code: str) -> bool:
    """Tell whether it is an ISBN of ten characters, weights 10 to 1 modulo 11, X for 10 (ISO 2108:1992)."""
    if len(code) != 10 or not _digits(code[:9]) or not (_digits(code[9]) or code[9] in "Xx"):
        return False
    values = [10 if digit in "Xx" else int(digit) for digit in code]
    return sum(value * (10 - at) for at, value in enumerate(values)) % 11 == 0


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "luhn": luhn,
    "codabar-mod16": codabar_mod16,
    "code39-mod43": code39_mod43,
    "ean13": ean13,
    "isbn13": isbn13,
    "isbn10": isbn10,
}
"""Name in a configuration -> check of a whole code, its check character included."""
