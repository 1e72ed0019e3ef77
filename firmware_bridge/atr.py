"""What an answer to reset (ATR) says of a contactless storage card: ISO/IEC 7816-3 and PC/SC part 3.

A contactless card has no ATR; the reader makes one up from what it knows (PC/SC part 3): the
historical bytes hold the registered application provider of the PC/SC workgroup, the card's standard and a
number for its name. The last byte, TCK, is the XOR of all bytes after the first. Not for contact cards: their
interface bytes are walked over, not interpreted.
"""

from dataclasses import dataclass
from typing import Final

from firmware_bridge.explained import Problem

PCSC_RID: Final = bytes.fromhex("A000000306")
"""Registered application provider identifier of the PC/SC workgroup."""
AID_TAG: Final = 0x4F
"""Application identifier, in the historical bytes (ISO/IEC 7816-4)."""

STANDARDS: Final[dict[int, str]] = {
    0x00: "no information given",
    0x01: "ISO 14443 A part 1",
    0x02: "ISO 14443 A part 2",
    0x03: "ISO 14443 A",
    0x05: "ISO 14443 B part 1",
    0x06: "ISO 14443 B part 2",
    0x07: "ISO 14443 B",
    0x09: "ISO 15693 part 1",
    0x0A: "ISO 15693 part 2",
    0x0B: "ISO 15693",
    0x0C: "ISO 15693 part 4",
    0x11: "FeliCa",
}
"""SS byte of PC/SC part 3; for 14443 and 15693, part 3 is meant where no part is named."""
CARDS: Final[dict[int, str]] = {
    0x0000: "no name given",
    0x0001: "MIFARE Classic 1K",
    0x0002: "MIFARE Classic 4K",
    0x0003: "MIFARE Ultralight",
    0x000E: "Infineon my-d vicinity",
    0x0012: "TI Tag-it",
    0x0013: "ST LRI",
    0x0014: "ICODE SLI",
    0x001C: "iCLASS 16K",
}
"""NN NN of the PC/SC part 3 supplemental document, as the list of pcsc-tools shows them on real cards."""


@dataclass(frozen=True, slots=True)
class Atr:
    """An ATR taken apart; what does not stand in the bytes is empty or None."""

    historical: bytes = b""
    protocols: tuple[int, ...] = ()
    """T= of each interface byte TD: 0 and 1 for a storage card."""
    rid: bytes = b""
    """Application provider, five bytes."""
    standard: int | None = None
    name: int | None = None
    tck: int | None = None
    """The check byte, None where there is none (an ATR of T=0 alone)."""
    problems: tuple[Problem, ...] = ()

    @property
    def words(self) -> str:
        """The card's standard and name, or "unknown card"."""
        if self.rid != PCSC_RID or self.standard is None or self.name is None:
            return "unknown card"
        standard = STANDARDS.get(self.standard, f"standard {self.standard:02X}")
        return f"{standard}, {CARDS.get(self.name, f'card {self.name:04X}')}"


def decode(data: bytes) -> Atr:
    """Take an ATR apart; takes any bytes, what is wrong is among the problems."""
    problems: list[Problem] = []
    if not data or data[0] not in (0x3B, 0x3F):
        problems.append(Problem("TS is neither 3B nor 3F", 0))
    if len(data) < 2:
        return Atr(problems=(*problems, Problem("T0 is missing", len(data))))
    at, protocols = _interface_bytes(data)
    count = data[1] & 0x0F
    historical = data[at : at + count]
    if len(historical) < count:
        problems.append(
            Problem(f"{count} historical bytes are announced, {len(historical)} are there", len(data))
        )
    end = at + count
    checked = any(protocol != 0 for protocol in protocols)
    tck = data[end] if checked and len(data) > end else None
    if checked and tck is None:
        problems.append(Problem("TCK is missing", len(data)))
    elif tck is not None and check(data[:end]) != tck:
        problems.append(Problem(f"TCK is {tck:02X}, the bytes give {check(data[:end]):02X}", end))
    if len(data) > end + checked:
        problems.append(Problem("bytes after the end", end + checked))
    rid, standard, name = _storage_card(historical)
    return Atr(historical, protocols, rid, standard, name, tck, tuple(problems))


def check(before: bytes) -> int:
    """Return TCK for the bytes of an ATR before it: XOR from T0 on (ISO/IEC 7816-3 §8.2.5)."""
    found = 0
    for byte in before[1:]:
        found ^= byte
    return found


def encode(standard: int, name: int) -> bytes:
    """Return the ATR that a reader makes for a storage card (PC/SC part 3)."""
    body = bytes.fromhex("3B8F8001804F0C") + PCSC_RID
    body += bytes((standard,)) + name.to_bytes(2, "big") + bytes(4)
    return body + bytes((check(body),))


def _interface_bytes(data: bytes) -> tuple[int, tuple[int, ...]]:
    """Return where the historical bytes begin, and the protocols that TD bytes name."""
    at, follows, protocols = 2, data[1] >> 4, []
    while follows:
        at += (follows & 0x7).bit_count()  # TA, TB, TC
        if not follows & 0x8 or at >= len(data):
            break
        protocols.append(data[at] & 0x0F)
        follows = data[at] >> 4
        at += 1
    return at, tuple(protocols)


def _storage_card(historical: bytes) -> tuple[bytes, int | None, int | None]:
    """Return provider, standard and name from `80 4F len RID SS NN NN`."""
    if len(historical) < 11 or historical[0] != 0x80 or historical[1] != AID_TAG:
        return b"", None, None
    return historical[3:8], historical[8], int.from_bytes(historical[9:11], "big")
