"""URN Code 40 (ISO/IEC 15962): three characters in two bytes, and escapes for what does not fit.

    value = 1600 a + 40 b + c + 1      A-Z 1-26, '-' 27, '.' 28, ':' 29, 0-9 30-39, 0 is nothing

A value never reaches FB00, so the first bytes FB to FE are escapes: FB a long number (one nibble its digits
less 9, one nibble its bytes less 4), FC to FE one character of 1, 2 or 3 bytes of UTF-8. FC to FE are from
memory of the standard and not verified against it; FB is verified by a published example.
"""

import re
from typing import Final

LETTERS: Final = "\0ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789"
"""Code -> character; 0 is padding."""
LONG_NUMBER: Final = 0xFB
CHARACTERS: Final = {0xFC: 1, 0xFD: 2, 0xFE: 3}
"""Escape -> bytes of UTF-8 that follow."""
_RUN: Final = re.compile(r"[0-9]{9,24}")


class Code40Error(ValueError):
    """Bytes that are no Code 40."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.offset = offset


def encode(text: str) -> bytes:
    """Return text in Code 40; a run of nine digits and more as a number. Raises ValueError."""
    out, at = b"", 0
    for run in _RUN.finditer(text):
        out += _plain(text[at : run.start()]) + _number(run.group())
        at = run.end()
    return out + _plain(text[at:])


def _plain(text: str) -> bytes:
    out, held = b"", ""
    for letter in text:
        if letter in LETTERS[1:]:
            held += letter
            continue
        data = letter.encode("utf-8")
        if len(data) > 3:
            raise ValueError(f"{letter!r} cannot be written in Code 40")
        out += _triples(held) + bytes((0xFB + len(data),)) + data
        held = ""
    return out + _triples(held)


def _triples(text: str) -> bytes:
    out = b""
    for at in range(0, len(text), 3):
        a, b, c = (LETTERS.index(letter) for letter in text[at : at + 3].ljust(3, "\0"))
        out += (1600 * a + 40 * b + c + 1).to_bytes(2, "big")
    return out


def _number(digits: str) -> bytes:
    value = int(digits)
    size = max((value.bit_length() + 7) // 8, 4)
    return bytes((LONG_NUMBER, len(digits) - 9 << 4 | size - 4)) + value.to_bytes(size, "big")


def decode(data: bytes) -> str:
    """Return the text; raises Code40Error. Two zero bytes, and a single one at the end, are padding."""
    text, at = "", 0
    while at < len(data):
        first = data[at]
        if first == LONG_NUMBER:
            piece, at = _read_number(data, at)
        elif first in CHARACTERS:
            piece, at = _read_character(data, at)
        elif not any(data[at:]):
            break
        else:
            piece, at = _read_triple(data, at)
        text += piece
    return text


def _read_triple(data: bytes, at: int) -> tuple[str, int]:
    value = int.from_bytes(data[at : at + 2], "big") - 1
    if at + 2 > len(data) or not 0 <= value < 64_000:
        raise Code40Error(f"{data[at : at + 2].hex().upper()} is no triple of Code 40", at)
    codes = (value // 1600, value // 40 % 40, value % 40)
    return "".join(LETTERS[code] for code in codes if code), at + 2


def _read_number(data: bytes, at: int) -> tuple[str, int]:
    if at + 2 > len(data):
        raise Code40Error("the bytes end inside a long number", at)
    digits, size = (data[at + 1] >> 4) + 9, (data[at + 1] & 0x0F) + 4
    value = int.from_bytes(data[at + 2 : at + 2 + size], "big")
    if at + 2 + size > len(data) or len(str(value)) > digits:
        raise Code40Error(f"a number of {digits} digits does not stand in these bytes", at)
    return f"{value:0{digits}d}", at + 2 + size


def _read_character(data: bytes, at: int) -> tuple[str, int]:
    size = CHARACTERS[data[at]]
    raw = data[at + 1 : at + 1 + size]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Code40Error(f"{raw.hex()} is no character of UTF-8", at + 1) from error
    if len(raw) < size or len(text) != 1:
        raise Code40Error("an escape without its one character", at)
    return text, at + 1 + size
