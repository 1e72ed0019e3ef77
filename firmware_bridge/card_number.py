"""What a patron card holds -> the patron card's number. Pure.

Libraries put the number on their cards in many ways: they register the chip's UID, or they write the number
into a data file as text, as packed digits, or as one whole number in either byte order. `CardFile` says
which. A card that does not hold it is a value with a reason, never a guess. The reason does not hold what was
read: it may be anything, somebody's name as well.

Not for cards that keep their number behind a cryptographic protocol.
"""

from dataclasses import dataclass
from typing import Final, Literal, assert_never

Source = Literal["uid", "blocks"]
Encoding = Literal["ascii", "bcd", "hex", "le-decimal", "be-decimal"]
FILLS: Final = frozenset({0x00, 0xFF})
"""Bytes of memory that was never written, or cleared."""


@dataclass(frozen=True, slots=True)
class CardFile:
    """Where a card's number stands, and how it is written."""

    source: Source = "uid"
    """uid: the chip's own number. blocks: data of the card."""
    first: int = 0
    """First block that is read of the card."""
    length: int = 0
    """Bytes that are read from there on; 0 reads as many as are needed."""
    offset: int = 0
    """First byte of the number in what was read (or in the UID)."""
    size: int = 0
    """Bytes of the number; 0 takes all that follow the offset."""
    encoding: Encoding = "hex"
    """ascii: text. bcd: two digits in a byte, filled with F. hex: digits of the bytes. le-, be-decimal: one
    number, lowest or highest byte first, written in decimal digits."""
    strip: str = ""
    """Characters that are taken off both ends, e.g. "0" for leading zeros, or a prefix's letters."""
    digits: int = 0
    """Digits that a number is filled up to with zeros from the left; 0 leaves it."""

    @property
    def wanted(self) -> int:
        """Bytes to read of the card; 0 for a number that is the UID."""
        if self.source == "uid":
            return 0
        return self.length or self.offset + self.size


@dataclass(frozen=True, slots=True)
class CardRefused:
    """The card holds no number where it should."""

    reason: str


def number(file: CardFile, data: bytes, uid: str) -> str | CardRefused:
    """Return the number of a card from its data file or its UID (hex digits)."""
    if file.source == "uid":
        try:
            held = bytes.fromhex(uid)
        except ValueError:
            return CardRefused("the UID is not hex")
    else:
        held = data
    end = file.offset + file.size if file.size else len(held)
    part = held[file.offset : end]
    if not part or len(part) < end - file.offset:
        return CardRefused(f"{end - file.offset} bytes from byte {file.offset} on are not there")
    if file.source == "blocks" and set(part) <= FILLS:
        return CardRefused("the card's number is blank")
    found = _decoded(part, file.encoding)
    if isinstance(found, CardRefused):
        return found
    if file.strip:
        found = found.strip(file.strip)
    if not found:
        return CardRefused("the card's number is blank")
    return found.rjust(file.digits, "0")


def _decoded(part: bytes, encoding: Encoding) -> str | CardRefused:
    match encoding:
        case "ascii":
            text = part.split(b"\0")[0].rstrip(b"\xff")
            if any(not 0x20 <= byte < 0x7F for byte in text):
                return CardRefused("the card's number is not text")
            return text.decode("ascii").strip()
        case "bcd":
            digits = part.hex().rstrip("f")
            if not digits.isdecimal():
                return CardRefused("the card's number is not packed digits")
            return digits
        case "hex":
            return part.hex().upper()
        case "le-decimal":
            return str(int.from_bytes(part, "little"))
        case "be-decimal":
            return str(int.from_bytes(part, "big"))
        case other:
            assert_never(other)
