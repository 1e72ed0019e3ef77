"""GS1 numbers in the EPC bank: SGTIN-96 and GRAI-96 (GS1 EPC Tag Data Standard, "EPC Binary Encoding").

Libraries meet them on items that came tagged from a shop or a supplier. They carry no AFI: the toggle bit of
the PC word is 0, and what secures them is the library's own convention.
"""

from dataclasses import dataclass
from typing import Final, Literal

SGTIN_96: Final = 0x30
GRAI_96: Final = 0x33
COMPANY: Final = ((40, 12), (37, 11), (34, 10), (30, 9), (27, 8), (24, 7), (20, 6))
"""Partition -> bits and digits of the company prefix; what is left of 44 bits is the item reference."""
SERIAL_BITS: Final = 38


@dataclass(frozen=True, slots=True)
class Epc96:
    """One GS1 number."""

    scheme: Literal["sgtin", "grai"]
    filter: int
    company: str
    reference: str
    """Item reference with its indicator digit (SGTIN), or asset type (GRAI)."""
    serial: int

    @property
    def uri(self) -> str:
        """The pure identity as a URI."""
        return f"urn:epc:id:{self.scheme}:{self.company}.{self.reference}.{self.serial}"


def decode(epc: bytes) -> Epc96 | None:
    """Return the number of 96 bits, None when they are none of these two schemes."""
    if len(epc) != 12 or epc[0] not in (SGTIN_96, GRAI_96):
        return None
    value = int.from_bytes(epc, "big")
    partition = value >> 82 & 7
    if partition >= len(COMPANY):
        return None
    company_bits, company_digits = COMPANY[partition]
    reference_bits = 44 - company_bits
    company = value >> 82 - company_bits & (1 << company_bits) - 1
    reference = value >> SERIAL_BITS & (1 << reference_bits) - 1
    sgtin = epc[0] == SGTIN_96
    digits = (13 if sgtin else 12) - company_digits
    if company >= 10**company_digits or reference >= 10**digits:
        return None
    return Epc96(
        "sgtin" if sgtin else "grai",
        value >> 85 & 7,
        f"{company:0{company_digits}d}",
        f"{reference:0{digits}d}" if digits else "",
        value & (1 << SERIAL_BITS) - 1,
    )


def encode(number: Epc96) -> bytes:
    """Return the 12 bytes; raises ValueError when a part does not fit."""
    found = [index for index, (_, digits) in enumerate(COMPANY) if digits == len(number.company)]
    if not found or not (number.company + number.reference).isdigit():
        raise ValueError("a company prefix has 6 to 12 digits, and a reference digits alone")
    partition = found[0]
    company_bits, company_digits = COMPANY[partition]
    digits = (13 if number.scheme == "sgtin" else 12) - company_digits
    if (
        len(number.reference) != digits
        or not 0 <= number.serial < 1 << SERIAL_BITS
        or not 0 <= number.filter < 8
    ):
        raise ValueError(f"the reference has {digits} digits, the serial number {SERIAL_BITS} bits")
    value = SGTIN_96 if number.scheme == "sgtin" else GRAI_96
    value = value << 3 | number.filter
    value = value << 3 | partition
    value = value << company_bits | int(number.company)
    value = value << 44 - company_bits | int(number.reference or "0")
    return (value << SERIAL_BITS | number.serial).to_bytes(12, "big")
