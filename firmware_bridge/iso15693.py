"""Requests and responses of vicinity tags as they go over the air: ISO/IEC 15693-3, and NXP's own. Pure.

    request    flags command [maker] [UID, lowest byte first] [parameters] [CRC]
    response   flags [error code | data] [CRC]

The CRC is X-25, low byte first. Whoever talks through a reader mostly leaves it to the reader, so that it is
optional here, both ways. A request tells its own form by its flags; a response does not say what it answers,
so that its data is read by functions that are told.

Who uses it: drivers whose readers pass bytes through to a tag, `turnleaf explain`, the simulator. How long
bytes take in the air is in the simulator.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from firmware_bridge.errors import FrameError, TagError, TagLocked, TagWriteFailed
from firmware_bridge.tags.crc import x25

SUBCARRIER: Final = 0x01
HIGH_RATE: Final = 0x02
INVENTORY_FLAG: Final = 0x04
EXTENSION: Final = 0x08
SELECT_FLAG: Final = 0x10
ADDRESS_FLAG: Final = 0x20
OPTION: Final = 0x40
AFI_FLAG: Final = 0x10
ONE_SLOT: Final = 0x20
"""Request flags b1 to b7 (ISO/IEC 15693-3 §7.3); b5 and b6 mean AFI and one slot in an inventory."""
ERROR_FLAG: Final = 0x01
"""Response flag b1 (§7.4)."""

INVENTORY: Final = 0x01
STAY_QUIET: Final = 0x02
READ_BLOCK: Final = 0x20
WRITE_BLOCK: Final = 0x21
LOCK_BLOCK: Final = 0x22
READ_BLOCKS: Final = 0x23
WRITE_BLOCKS: Final = 0x24
SELECT: Final = 0x25
RESET_TO_READY: Final = 0x26
WRITE_AFI: Final = 0x27
LOCK_AFI: Final = 0x28
WRITE_DSFID: Final = 0x29
LOCK_DSFID: Final = 0x2A
SYSTEM_INFORMATION: Final = 0x2B
BLOCK_SECURITY: Final = 0x2C

SET_EAS: Final = 0xA2
RESET_EAS: Final = 0xA3
LOCK_EAS: Final = 0xA4
EAS_ALARM: Final = 0xA5
PROTECT: Final = 0xA6
WRITE_EAS_ID: Final = 0xA7
NXP_SYSTEM_INFORMATION: Final = 0xAB
GET_RANDOM: Final = 0xB2
SET_PASSWORD: Final = 0xB3
WRITE_PASSWORD: Final = 0xB4

COMMANDS: Final[dict[int, str]] = {
    INVENTORY: "inventory", STAY_QUIET: "stay quiet", READ_BLOCK: "read single block",
    WRITE_BLOCK: "write single block", LOCK_BLOCK: "lock block", READ_BLOCKS: "read multiple blocks",
    WRITE_BLOCKS: "write multiple blocks", SELECT: "select", RESET_TO_READY: "reset to ready",
    WRITE_AFI: "write AFI", LOCK_AFI: "lock AFI", WRITE_DSFID: "write DSFID", LOCK_DSFID: "lock DSFID",
    SYSTEM_INFORMATION: "get system information",
    BLOCK_SECURITY: "get multiple block security status",
}  # fmt: skip
"""ISO/IEC 15693-3 §10."""
NXP_COMMANDS: Final[dict[int, str]] = {
    SET_EAS: "set EAS", RESET_EAS: "reset EAS", LOCK_EAS: "lock EAS", EAS_ALARM: "EAS alarm",
    PROTECT: "password protect EAS/AFI", WRITE_EAS_ID: "write EAS ID",
    NXP_SYSTEM_INFORMATION: "get NXP system information", GET_RANDOM: "get random number",
    SET_PASSWORD: "set password", WRITE_PASSWORD: "write password",
}  # fmt: skip
"""Custom commands of ICODE tags (SLIX data sheet; AB: SLIX2 data sheet)."""
CUSTOM: Final = range(0xA0, 0xE0)
"""Custom commands carry their maker's code behind the command (§10.5)."""

NXP: Final = 0x04
"""Maker of ICODE tags (ISO/IEC 7816-6); the second byte of their UIDs."""
UID_BYTES: Final = 8
CRC_BYTES: Final = 2
EAS_AFI_PASSWORD: Final = 0x10
"""Password identifier of EAS and AFI (SLIX data sheet, SET PASSWORD)."""
EAS_SEQUENCE: Final = bytes.fromhex("2FB36270D5A7907FE8B18038D281497682DA9A866FAF8BB0F19CD112A57237EF")
"""What a tag with EAS on answers to EAS ALARM: 256 fixed bits; three independent sources agree."""

ERRORS: Final[dict[int, tuple[type[TagError], str]]] = {
    0x01: (TagError, "the tag does not know this command"),
    0x02: (TagError, "the tag found the command's form wrong"),
    0x03: (TagError, "the tag does not know this option"),
    0x0F: (TagError, "the tag reported an error without saying which"),
    0x10: (TagError, "the block does not exist on this tag"),
    0x11: (TagLocked, "the block is locked already"),
    0x12: (TagLocked, "the block is locked and was not changed"),
    0x13: (TagWriteFailed, "the block was not written properly"),
    0x14: (TagWriteFailed, "the block was not locked properly"),
}
"""Response error codes (§7.4.2); A0 to DF belong to the tag's maker."""
UNSAID: Final = 0x0F
"""The code of an error of which nothing is known."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `data` is what stands behind the UID: the command's parameters."""

    command: int
    data: bytes = b""
    uid: str = ""
    """Whom it is for, 16 hex digits, E0 first; empty for all, or for the selected one."""
    maker: int | None = None
    """Maker's code of a custom command."""
    flags: int = HIGH_RATE
    afi: int | None = None
    """AFI that an inventory asks for."""

    @property
    def is_inventory(self) -> bool:
        """Whether b5 and b6 of the flags are those of an inventory."""
        return bool(self.flags & INVENTORY_FLAG)

    @property
    def name(self) -> str:
        """Name of the command in its standard."""
        if self.maker == NXP and self.command in NXP_COMMANDS:
            return NXP_COMMANDS[self.command]
        return COMMANDS.get(self.command, "custom" if self.command in CUSTOM else "unknown")


@dataclass(frozen=True, slots=True)
class Response:
    """One response: data, or the error code that the tag gave."""

    data: bytes = b""
    error: int | None = None
    flags: int = 0


@dataclass(frozen=True, slots=True)
class SystemInformation:
    """What a tag says of itself; None is what it did not tell (§10.4.12)."""

    uid: str
    dsfid: int | None = None
    afi: int | None = None
    blocks: int | None = None
    block_size: int | None = None
    """Bytes in a block."""
    ic: int | None = None
    """The maker's reference of the chip."""


def with_crc(frame: bytes) -> bytes:
    """Append the CRC (ISO/IEC 15693-3 annex C)."""
    return frame + x25(frame).to_bytes(CRC_BYTES, "little")


def split_crc(frame: bytes) -> tuple[bytes, bool]:
    """Return the frame without its CRC, and whether there was a right one."""
    body = frame[:-CRC_BYTES]
    if len(body) >= 1 and x25(body) == int.from_bytes(frame[-CRC_BYTES:], "little"):
        return body, True
    return frame, False


def uid_bytes(uid: str) -> bytes:
    """Return a UID as it goes over the air, lowest byte first; raises ValueError."""
    found = bytes.fromhex(uid)
    if len(found) != UID_BYTES:
        raise ValueError(f"a UID has 16 hex digits, not {uid!r}")
    return found[::-1]


def uid_text(data: bytes) -> str:
    """Return eight bytes from the air as a UID, E0 first."""
    return data[::-1].hex().upper()


def addressed(command: int, uid: str, data: bytes = b"", *, option: bool = False) -> Request:
    """Return a request of ISO/IEC 15693-3 to one tag."""
    return Request(command, data, uid, flags=HIGH_RATE | ADDRESS_FLAG | (OPTION if option else 0))


def nxp(command: int, uid: str, data: bytes = b"") -> Request:
    """Return a custom request to one ICODE tag."""
    return Request(command, data, uid, NXP, HIGH_RATE | ADDRESS_FLAG)


def inventory(*, afi: int | None = None, one_slot: bool = True, mask: bytes = b"", bits: int = 0) -> Request:
    """Return an inventory; `mask` are the lowest `bits` of the UIDs that may answer, low byte first."""
    if len(mask) != (bits + 7) // 8:
        raise ValueError(f"a mask of {bits} bits has {(bits + 7) // 8} bytes, not {len(mask)}")
    flags = HIGH_RATE | INVENTORY_FLAG | (ONE_SLOT if one_slot else 0) | (AFI_FLAG if afi is not None else 0)
    return Request(INVENTORY, bytes((bits,)) + mask, flags=flags, afi=afi)


def encode_request(request: Request, *, crc: bool = False) -> bytes:
    """Return the bytes of a request; raises ValueError for a UID that is none."""
    frame = bytes((request.flags, request.command))
    if request.maker is not None:
        frame += bytes((request.maker,))
    if request.is_inventory and request.flags & AFI_FLAG:
        frame += bytes((request.afi or 0,))
    elif not request.is_inventory and request.flags & ADDRESS_FLAG:
        frame += uid_bytes(request.uid)
    frame += request.data
    return with_crc(frame) if crc else frame


def decode_request(frame: bytes) -> Request:
    """Read a request without its CRC; raises FrameError when it ends before its fields do."""
    if len(frame) < 2:
        raise FrameError(f"{len(frame)} bytes are no request: flags and command are two")
    flags, command = frame[0], frame[1]
    at = 2
    maker = afi = None
    uid = ""
    if command in CUSTOM:
        maker = frame[at] if len(frame) > at else None
        at += 1
    if flags & INVENTORY_FLAG and flags & AFI_FLAG:
        afi = frame[at] if len(frame) > at else None
        at += 1
    elif not flags & INVENTORY_FLAG and flags & ADDRESS_FLAG:
        uid = uid_text(frame[at : at + UID_BYTES])
        at += UID_BYTES
    if len(frame) < at:
        raise FrameError(f"the request ends after {len(frame)} bytes, inside what its flags promise")
    return Request(command, frame[at:], uid, maker, flags, afi)


def encode_response(response: Response, *, crc: bool = False) -> bytes:
    """Return the bytes of a response."""
    if response.error is not None:
        frame = bytes((response.flags | ERROR_FLAG, response.error))
    else:
        frame = bytes((response.flags,)) + response.data
    return with_crc(frame) if crc else frame


def decode_response(frame: bytes) -> Response:
    """Read a response without its CRC; raises FrameError for none, or an error without its code."""
    if not frame:
        raise FrameError("an empty response")
    if not frame[0] & ERROR_FLAG:
        return Response(frame[1:], flags=frame[0])
    if len(frame) != 2:
        raise FrameError(f"an error response of {len(frame)} bytes; flags and code are two")
    return Response(error=frame[1], flags=frame[0])


def meaning(code: int) -> tuple[type[TagError], str]:
    """Return the class of a tag's error code, and what it says."""
    return ERRORS.get(code, (TagError, "an error that only the tag's maker knows"))


def error_of(code: int, doing: str) -> TagError:
    """Return the named error for a tag's error code; `doing` says what was tried."""
    kind, seen = meaning(code)
    return kind(
        f"{doing}: {seen} (ISO 15693 error {code:02X})",
        why="The item cannot be lent or returned while its tag does not do what it is told.",
        do="Set the item aside for staff.",
    )


def encode_system_information(found: SystemInformation) -> bytes:
    """Return the data of a response to 2B, without the response's flags."""
    parts: Iterable[tuple[int, bytes | None]] = (
        (0x01, None if found.dsfid is None else bytes((found.dsfid,))),
        (0x02, None if found.afi is None else bytes((found.afi,))),
        (
            0x04,
            None
            if found.blocks is None or found.block_size is None
            else bytes((found.blocks - 1, found.block_size - 1)),
        ),
        (0x08, None if found.ic is None else bytes((found.ic,))),
    )
    flags, rest = 0, b""
    for flag, part in parts:
        if part is not None:
            flags, rest = flags | flag, rest + part
    return bytes((flags,)) + uid_bytes(found.uid) + rest


def decode_system_information(data: bytes) -> SystemInformation:
    """Read the data of a response to 2B; counts are told less one. Raises FrameError."""
    if len(data) < 1 + UID_BYTES:
        raise FrameError(f"a system information of {len(data)} bytes; flags and UID are nine")
    flags, rest = data[0], data[1 + UID_BYTES :]
    sizes = [size for flag, size in ((0x01, 1), (0x02, 1), (0x04, 2), (0x08, 1)) if flags & flag]
    if len(rest) != sum(sizes):
        raise FrameError(f"the system information's flags promise {sum(sizes)} bytes, and {len(rest)} came")
    values = iter(rest)
    dsfid = next(values) if flags & 0x01 else None
    afi = next(values) if flags & 0x02 else None
    blocks = next(values) + 1 if flags & 0x04 else None
    size = (next(values) & 0x1F) + 1 if flags & 0x04 else None
    ic = next(values) if flags & 0x08 else None
    return SystemInformation(uid_text(data[1 : 1 + UID_BYTES]), dsfid, afi, blocks, size, ic)


def decode_inventory(data: bytes) -> tuple[int, str]:
    """Return DSFID and UID of the data of a response to an inventory; raises FrameError."""
    if len(data) != 1 + UID_BYTES:
        raise FrameError(f"an inventory response has 9 bytes behind its flags, not {len(data)}")
    return data[0], uid_text(data[1:])


def has_eas(uid: str) -> bool:
    """Whether the tag is NXP's (UID E0 04 …): another maker's tag is silent to EAS ALARM, EAS or not."""
    return uid.upper().startswith("E004")


def cover_password(password: bytes, random: bytes) -> bytes:
    """Return a password as SET PASSWORD takes it: exclusive-ored with the random number twice over.

    The same function uncovers it. Raises ValueError unless they have 4 and 2 bytes.
    """
    return bytes(a ^ b for a, b in zip(password, random * 2, strict=True))
