"""What stands in the extension blocks of ISO 28560-3, field by field.

Text fields are separated by a zero byte; empty ones at the end may be left out. The library block begins with
one byte of media format. Blocks above id 100 are a vendor's own and have no fields.
"""

from collections.abc import Mapping
from typing import Final

from firmware_bridge.tags.danish import Extension
from firmware_bridge.tags.elements import Element

MEDIA: Final = "media_format"
FIELDS: Final[dict[int, tuple[str, ...]]] = {
    1: ("item", "owner"),
    2: ("supplier", "product_local", "order_number", "invoice_number", "gs1_product", "supply_chain_stage"),
    3: ("shelf_location", "marc_media_format", "onix_media_format", "subsidiary"),
    4: ("title",),
    5: ("ill_institution", "ill_transaction", "alternative_ill_institution"),
}
"""Block id -> its text fields in order (ISO 28560-3, extension blocks)."""

ELEMENTS: Final[dict[str, Element]] = {
    "supplier": Element.SUPPLIER_IDENTIFIER,
    "product_local": Element.PRODUCT_IDENTIFIER_LOCAL,
    "order_number": Element.ORDER_NUMBER,
    "invoice_number": Element.SUPPLIER_INVOICE_NUMBER,
    "gs1_product": Element.GS1_PRODUCT_IDENTIFIER,
    "shelf_location": Element.SHELF_LOCATION,
    "marc_media_format": Element.MARC_MEDIA_FORMAT,
    "onix_media_format": Element.ONIX_MEDIA_FORMAT,
    "subsidiary": Element.SUBSIDIARY_OF_OWNER,
    "title": Element.TITLE,
    "ill_institution": Element.ILL_BORROWING_INSTITUTION,
    "ill_transaction": Element.ILL_TRANSACTION_NUMBER,
    "alternative_ill_institution": Element.ALTERNATIVE_ILL_INSTITUTION,
}
"""Field -> the data element of ISO 28560-1 that part 2 writes for it."""


def read(extension: Extension) -> dict[str, str | int] | None:
    """Return the fields of a block that is structured and readable, else None."""
    names = FIELDS.get(extension.id)
    if names is None:
        return None
    data, found = extension.data, dict[str, str | int]()
    if extension.id == 1:
        if not data:
            return None
        found[MEDIA], data = data[0], data[1:]
    parts = data.split(b"\0")
    while parts and not parts[-1]:
        parts.pop()
    if len(parts) > len(names):
        return None
    for name, raw in zip(names, parts, strict=False):
        text = _text(raw)
        if text is None:
            return None
        if text:
            found[name] = text
    return found


def _text(raw: bytes) -> str | None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("iso-8859-1")
    return text if text.isprintable() else None


def write(block: int, values: Mapping[str, str | int]) -> Extension:
    """Return a block with these fields; raises ValueError for a field that the block does not have."""
    names = FIELDS[block]
    unknown = set(values) - set(names) - ({MEDIA} if block == 1 else set())
    if unknown:
        raise ValueError(f"extension block {block} has no field {', '.join(sorted(unknown))}")
    texts = [str(values.get(name, "")).encode("utf-8") for name in names]
    if any(b"\0" in text for text in texts):
        raise ValueError("a field holds no zero byte")
    while texts and not texts[-1]:
        texts.pop()
    data = b"\0".join(texts)
    if block == 1:
        data = bytes((int(values.get(MEDIA, 0)),)) + data
    if len(data) > 251:
        raise ValueError(f"{len(data)} bytes do not fit an extension block")
    return Extension(block, data)


def values(extensions: tuple[Extension, ...]) -> dict[int, str]:
    """Return what structured blocks say as data elements of ISO 28560-1; the first one counts."""
    found: dict[int, str] = {}
    for extension in extensions:
        for name, value in (read(extension) or {}).items():
            if name in ELEMENTS:
                found.setdefault(int(ELEMENTS[name]), str(value))
    return found


def blocks(elements: Mapping[int, str]) -> tuple[Extension, ...]:
    """Return the extension blocks that hold these data elements; others are left out."""
    names = {int(element): name for name, element in ELEMENTS.items()}
    by_block: dict[int, dict[str, str]] = {}
    for oid, text in elements.items():
        for block, fields in FIELDS.items():
            if block != 1 and names.get(oid) in fields:
                by_block.setdefault(block, {})[names[oid]] = text
    return tuple(write(block, fields) for block, fields in sorted(by_block.items()))
