"""The data elements of library tags (ISO 28560-1), and what their values look like on a tag (ISO 28560-2).

The numbers are the relative object identifiers under the library's root. Values are text, but for those few
that are a single octet or a bit map.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Element(IntEnum):
    """Data elements, OID 0 to 26; 27 to 31 are not assigned (ISO 28560-1, "Data elements")."""

    UNIQUE_ITEM_IDENTIFIER = 0
    """Part 4 alone: it stands in the EPC bank."""
    PRIMARY_ITEM_IDENTIFIER = 1
    CONTENT_PARAMETER = 2
    OWNER_INSTITUTION = 3
    SET_INFORMATION = 4
    TYPE_OF_USAGE = 5
    SHELF_LOCATION = 6
    ONIX_MEDIA_FORMAT = 7
    MARC_MEDIA_FORMAT = 8
    SUPPLIER_IDENTIFIER = 9
    ORDER_NUMBER = 10
    ILL_BORROWING_INSTITUTION = 11
    ILL_TRANSACTION_NUMBER = 12
    GS1_PRODUCT_IDENTIFIER = 13
    ALTERNATIVE_UNIQUE_ITEM_IDENTIFIER = 14
    LOCAL_DATA_A = 15
    LOCAL_DATA_B = 16
    TITLE = 17
    PRODUCT_IDENTIFIER_LOCAL = 18
    MEDIA_FORMAT_OTHER = 19
    SUPPLY_CHAIN_STAGE = 20
    SUPPLIER_INVOICE_NUMBER = 21
    ALTERNATIVE_ITEM_IDENTIFIER = 22
    ALTERNATIVE_OWNER_INSTITUTION = 23
    SUBSIDIARY_OF_OWNER = 24
    ALTERNATIVE_ILL_INSTITUTION = 25
    LOCAL_DATA_C = 26


ISILS: Final = frozenset(
    {
        Element.OWNER_INSTITUTION,
        Element.ILL_BORROWING_INSTITUTION,
        Element.ALTERNATIVE_OWNER_INSTITUTION,
        Element.ALTERNATIVE_ILL_INSTITUTION,
    }
)
"""Institutions; they are compacted as an ISIL where that is possible."""

OCTETS: Final = frozenset({Element.TYPE_OF_USAGE, Element.MEDIA_FORMAT_OTHER, Element.SUPPLY_CHAIN_STAGE})
"""Elements of one octet. Both code 0 and code 6 are found in the field."""

LAST: Final = 26


def name_of(oid: int) -> str:
    """Return an element's name in lower case; numbers that are not assigned say so."""
    return Element(oid).name.lower() if 0 <= oid <= LAST else f"not_assigned_{oid}"


USAGES: Final[dict[int, str]] = {
    0x0: "acquisition",
    0x1: "item for circulation",
    0x2: "item not for circulation",
    0x3: "local use",
    0x4: "local use",
    0x5: "reserved",
    0x6: "no information about usage",
    0x7: "discarded item",
    0x8: "patron card",
    0x9: "library equipment",
}
"""High nibble of the type of usage (ISO 28560-1, type of usage); A to F are reserved."""

USAGE_DETAILS: Final[dict[int, str]] = {
    0x01: "automatic",
    0x02: "manual",
    0x11: "automatic sorting",
    0x12: "no automatic sorting",
    0x13: "not to be lent off line",
    0x14: "not to be returned off line",
    0x15: "neither lent nor returned off line",
    0x71: "for sale",
    0x72: "sold",
    0x73: "for disposal",
    0x81: "adult",
    0x82: "young adult",
    0x83: "child",
    0x91: "computer",
    0x92: "video projector",
    0x93: "overhead projector",
    0x94: "whiteboard",
}
"""Type of usage with its low nibble, where that is assigned."""


def usage_words(usage: int) -> str:
    """Return a type of usage in words."""
    kind = USAGES.get(usage >> 4, "reserved")
    return f"{kind}, {USAGE_DETAILS[usage]}" if usage in USAGE_DETAILS else kind


@dataclass(frozen=True, slots=True)
class SetInformation:
    """Of how many parts an item is, and which one this is."""

    parts: int
    part: int


def read_set(text: str) -> SetInformation:
    """Return set information of 2, 4 or 6 digits: the parts, then the part; raises ValueError."""
    if len(text) not in (2, 4, 6) or not (text.isascii() and text.isdigit()):
        raise ValueError(f"set information is 2, 4 or 6 digits, not {text!r}")
    half = len(text) // 2
    return SetInformation(int(text[:half]), int(text[half:]))


def write_set(info: SetInformation) -> str:
    """Return set information in the fewest digits; raises ValueError above 999."""
    width = max(len(str(info.parts)), len(str(info.part)))
    if width > 3 or info.part < 0 or info.parts < 0:
        raise ValueError(f"{info.parts} parts cannot be written in 6 digits")
    return f"{info.parts:0{width}d}{info.part:0{width}d}"


def read_content(data: bytes) -> tuple[int, ...]:
    """Return which elements a content parameter announces: its first bit is OID 3, the next one OID 4."""
    return tuple(3 + at * 8 + bit for at, byte in enumerate(data) for bit in range(8) if byte & 0x80 >> bit)


def write_content(oids: frozenset[int]) -> bytes:
    """Return a content parameter for elements from OID 3 on; bytes of zeros at its end are left out."""
    wanted = [oid - 3 for oid in oids if oid >= 3]
    data = bytearray((max(wanted) // 8 + 1) if wanted else 0)
    for bit in wanted:
        data[bit // 8] |= 0x80 >> bit % 8
    return bytes(data)
