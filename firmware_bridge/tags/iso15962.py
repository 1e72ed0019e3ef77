"""Compaction of ISO/IEC 15962: text in as few bits as its characters need, eight codes.

The code stands in the precursor of each data set (ISO 28560-2). `encode` takes the first scheme that holds
the text, in the order of the codes; `decode` takes what others wrote and raises `CompactionError` with the
offset of the first byte that cannot be.
"""

from enum import IntEnum
from typing import Final


class Compaction(IntEnum):
    """Compaction codes (ISO/IEC 15962, no-directory structure)."""

    APPLICATION = 0
    """Meaning by the data element: ISIL, content parameter, single octets."""
    INTEGER = 1
    NUMERIC = 2
    FIVE_BIT = 3
    SIX_BIT = 4
    SEVEN_BIT = 5
    OCTET = 6
    """ISO/IEC 8859-1, a byte a character."""
    UTF8 = 7


class CompactionError(ValueError):
    """Bytes that are none of their scheme."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.offset = offset
        """The first byte that cannot be, from 0."""


LONGEST_INTEGER: Final = 19
"""Decimal digits that fit 8 bytes; longer numbers are packed two digits a byte."""


LONGEST_BYTES: Final = 32
"""Bytes of an integer that are read; writers stop at 8."""


def choose(text: str) -> Compaction:
    """Return the first scheme that holds a text and gives it back as it was."""
    if len(text) >= 2 and text.isascii() and text.isdigit():
        short = len(text) <= LONGEST_INTEGER and text[0] != "0"
        return Compaction.INTEGER if short else Compaction.NUMERIC
    if len(text) >= 3 and all("A" <= letter <= "_" for letter in text):
        return Compaction.FIVE_BIT
    if len(text) >= 4 and all(" " <= letter <= "_" for letter in text) and text[-1] != " ":
        return Compaction.SIX_BIT
    if len(text) >= 8 and all(letter <= "\x7e" for letter in text):
        return Compaction.SEVEN_BIT
    return Compaction.OCTET if all(letter <= "\xff" for letter in text) else Compaction.UTF8


def encode(text: str, code: Compaction | None = None) -> bytes:
    """Return a text compacted, by the scheme that is chosen for it or by `code`.

    Raises ValueError when the scheme cannot hold the text.
    """
    code = choose(text) if code is None else code
    data = _encode(text, code)
    try:
        same = decode(data, code) == text
    except CompactionError:
        same = False
    if not same:
        raise ValueError(f"{text!r} cannot be compacted by code {code:d} ({code.name.lower()})")
    return data


def _encode(text: str, code: Compaction) -> bytes:
    try:
        match code:
            case Compaction.INTEGER:
                number = int(text[: 8 * LONGEST_BYTES])
                return number.to_bytes((number.bit_length() + 7) // 8 or 1, "big")
            case Compaction.NUMERIC:
                return bytes.fromhex(text + "f" * (len(text) % 2))
            case Compaction.FIVE_BIT:
                return _pack([ord(letter) & 0x1F for letter in text], 5, "0" * 7)
            case Compaction.SIX_BIT:
                return _pack([ord(letter) & 0x3F for letter in text], 6, "100000")
            case Compaction.SEVEN_BIT:
                return _pack([ord(letter) & 0x7F for letter in text], 7, "1" * 7)
            case Compaction.OCTET:
                return text.encode("iso-8859-1")
            case Compaction.UTF8:
                return text.encode("utf-8")
            case _:
                raise ValueError("code 0 is made by the data element")
    except UnicodeEncodeError as error:
        raise ValueError(f"{text!r} holds letters that code {code:d} does not have") from error


def _pack(codes: list[int], width: int, padding: str) -> bytes:
    bits = "".join(f"{code:0{width}b}" for code in codes)
    bits += padding[: -len(bits) % 8]
    return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""


def decode(data: bytes, code: Compaction) -> str:
    """Return the text of compacted bytes; raises CompactionError."""
    match code:
        case Compaction.INTEGER:
            if len(data) > LONGEST_BYTES:
                raise CompactionError(f"an integer of {len(data)} bytes", LONGEST_BYTES)
            return str(int.from_bytes(data, "big")) if data else ""
        case Compaction.NUMERIC:
            return _numeric(data)
        case Compaction.FIVE_BIT:
            return _five_bit(data)
        case Compaction.SIX_BIT:
            return _six_bit(data)
        case Compaction.SEVEN_BIT:
            codes = _unpack(data, 7)
            if codes and codes[-1] == 0x7F:
                codes.pop()
            return "".join(map(chr, codes))
        case Compaction.OCTET:
            return data.decode("iso-8859-1")
        case Compaction.UTF8:
            return _utf8(data)
        case _:
            raise CompactionError("code 0 has a meaning that its data element knows", 0)


def _numeric(data: bytes) -> str:
    digits = data.hex()
    text = digits.removesuffix("f")
    for at, digit in enumerate(text):
        if digit not in "0123456789":
            raise CompactionError(f"nibble {digit.upper()} is no digit", at // 2)
    return text


def _five_bit(data: bytes) -> str:
    codes = _unpack(data, 5)
    while codes and codes[-1] == 0:
        codes.pop()
    if 0 in codes:
        raise CompactionError("code 00000 is no character of the 5-bit set", codes.index(0) * 5 // 8)
    return "".join(chr(code | 0x40) for code in codes)


def _six_bit(data: bytes) -> str:
    codes = _unpack(data, 6)
    if codes and codes[-1] == 0x20 and len(data) * 8 % 6 == 0:
        codes.pop()  # a whole character of padding; a text never ends with a space
    return "".join(chr(code if code >= 0x20 else code | 0x40) for code in codes)


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CompactionError(f"byte {data[error.start]:02X} is no UTF-8", error.start) from error


def _unpack(data: bytes, width: int) -> list[int]:
    """Return the whole groups of `width` bits."""
    value, count = int.from_bytes(data, "big"), len(data) * 8 // width
    value >>= len(data) * 8 - count * width
    mask = (1 << width) - 1
    return [value >> width * (count - 1 - at) & mask for at in range(count)]
