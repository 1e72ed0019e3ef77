"""The legacy layout of 3M tags ("RFID 501"): a barcode in 16 characters, sets, and numbers of the library.

    0      04
    1      part (high nibble) and parts (low nibble)
    2      00
    3      type of item
    4-19   barcode, filled with zeros
    20-23  branch (12 bits), library (20 bits)
    24-27  custom (signed)
    28-31  00

Nothing in it is a check: a tag counts as one only when every field holds what it may. Which nibble of byte 1
comes first is not settled by the published examples, which are all 1 of 1.
"""

from dataclasses import dataclass
from typing import Final

SIZE: Final = 32
MARK: Final = 0x04
TYPES: Final = {0: "other", 1: "book", 2: "magazine", 4: "audio tape", 5: "video", 6: "CD"}
"""Types that are known; others are shown by their number."""


@dataclass(frozen=True, slots=True)
class Legacy:
    """A tag of the legacy layout."""

    item: str
    part: int
    parts: int
    type: int
    branch: int
    library: int
    custom: int

    @property
    def owner(self) -> str:
        """The library as an owner of ours: `3m:` and its number. It has no ISIL."""
        return f"3m:{self.library}"


@dataclass(frozen=True, slots=True)
class NotLegacy:
    """Why memory is no tag of this layout."""

    detail: str
    offset: int


def decode(memory: bytes) -> Legacy | NotLegacy:
    """Read a tag's memory; never raises."""
    if len(memory) < SIZE:
        return NotLegacy(f"{len(memory)} bytes, and the layout has {SIZE}", len(memory))
    for at, wanted in ((0, MARK), (2, 0)):
        if memory[at] != wanted:
            return NotLegacy(f"{memory[at]:02X} where {wanted:02X} stands", at)
    part, parts = memory[1] >> 4, memory[1] & 0x0F
    if parts and not 1 <= part <= parts:
        return NotLegacy(f"part {part} of {parts}", 1)
    raw = memory[4:20]
    text = raw.rstrip(b"\0")
    wrong = next((at for at, byte in enumerate(text) if not 0x20 < byte < 0x7F), None)
    if wrong is not None or not text:
        return NotLegacy("the barcode holds what no barcode holds", 4 + (wrong or 0))
    if any(memory[28:32]):
        return NotLegacy("bytes 28 to 31 are not zero", 28)
    place = int.from_bytes(memory[20:24], "big")
    return Legacy(
        text.decode("ascii"),
        part,
        parts,
        memory[3],
        place >> 20,
        place & 0xFFFFF,
        int.from_bytes(memory[24:28], "big", signed=True),
    )
