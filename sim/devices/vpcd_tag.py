"""An ISO 15693 item tag on the virtual reader, behind the ways in which real readers reach it.

`TagOnReader` is reader and tag in one: it answers a transparent session (FF C2), the uTrust's commands
(FF FC) or storage-card commands alone, and it can be as odd as real readers: it caps what it reads at once,
tells the UID in either byte order, and answers 6401 to writes that were done.
"""

from dataclasses import dataclass
from typing import Literal

from firmware_bridge import apdu_transparent, iso15693
from firmware_bridge.apdu import GET_UID
from firmware_bridge.apdu_transparent import ICC_RESPONSE, TIMER, TRANSCEIVE, objects
from sim.devices.tags import SimTag, TagAway, TagRefused
from sim.devices.vpcd_card import ATR_ICODE, VpcdCard

DONE = b"\x90\x00"
REFUSED = b"\x6a\x81"
FAILED = b"\x63\x00"
SILENT = b"\x64\x01"
SILENT_OBJECT = bytes.fromhex("C003016401") + DONE
"""A transparent session's answer when the tag was not heard in time."""
FINE_OBJECT = bytes.fromhex("C003009000")
STATUS_OBJECTS = bytes.fromhex("92010096020000")
"""Bit framing and status of a reception without a fault, as in the published trace."""


@dataclass(frozen=True, slots=True)
class Oddities:
    """How a reader differs from what is written."""

    lsb_first: bool = False
    """It tells the UID lowest byte first, as PC/SC wants it."""
    most: int = 256
    """Bytes that it reads at once with FF B0."""
    tells_cap: bool = False
    """It says 6Cxx when more is asked for; otherwise 6700."""
    deaf_writes: bool = False
    """It answers 6401 to every write, which was done."""
    needs_timer: bool = True
    """It answers 6401 to a write without a timer object, which was done."""


class TagOnReader(VpcdCard):
    """A tag on a reader that speaks in one way."""

    def __init__(
        self,
        tag: SimTag,
        way: Literal["transparent", "utrust", "storage"] = "transparent",
        odd: Oddities | None = None,
    ) -> None:
        super().__init__(tag.uid, atr=ATR_ICODE)
        self.tag = tag
        self.way = way
        self.odd = odd or Oddities()
        self.commands: list[bytes] = []
        """Every command APDU that arrived, in order."""
        self.session = False
        """Whether a transparent session is open."""

    def respond(self, command: bytes) -> bytes:
        """Return the response to one command APDU."""
        self.commands.append(command)
        if command == GET_UID:
            return (self.uid[::-1] if self.odd.lsb_first else self.uid) + DONE
        try:
            if command[:2] == b"\xff\xb0" and len(command) == 5:
                return self._read(command)
            if command[:2] == b"\xff\xd6" and len(command) > 5:
                self.tag.write(int.from_bytes(command[2:4], "big"), command[5:])
                return SILENT if self.odd.deaf_writes else DONE
            if command[:2] == b"\xff\xfc" and self.way == "utrust":
                return self._utrust(command[5 : 5 + command[4]])
            if command[:2] == b"\xff\xc2" and self.way == "transparent":
                return self._transparent(command)
        except TagAway:
            return SILENT_OBJECT if command[1] == 0xC2 else SILENT
        except TagRefused:
            return FAILED
        return REFUSED

    def _read(self, command: bytes) -> bytes:
        if command[4] > self.odd.most:
            return bytes((0x6C, self.odd.most)) if self.odd.tells_cap else b"\x67\x00"
        size, first = self.tag.block_size, int.from_bytes(command[2:4], "big")
        data = bytes(self.tag.memory[first * size : first * size + command[4]])
        return data + (DONE if len(data) == command[4] else b"\x62\x82") if data else b"\x6a\x82"

    def _utrust(self, body: bytes) -> bytes:
        data = air(self.tag, iso15693.Request(body[0], body[1:], self.tag.uid))
        wrote = body[0] in (iso15693.WRITE_BLOCK, iso15693.LOCK_BLOCK, iso15693.WRITE_AFI)
        return SILENT if wrote and self.odd.deaf_writes else data + DONE

    def _transparent(self, command: bytes) -> bytes:
        if command == apdu_transparent.BEGIN:
            self.session = True
            return FINE_OBJECT + DONE
        if command == apdu_transparent.END:
            self.session = False
            return FINE_OBJECT + DONE
        if not self.session:
            return b"\x69\x86"
        if command[2:4] == b"\x00\x02":
            return FINE_OBJECT + DONE
        found = objects(command[5 : 5 + command[4]])
        request = iso15693.decode_request(found.get(TRANSCEIVE) or b"")
        if request.uid and request.uid != self.tag.uid:
            return SILENT_OBJECT
        try:
            answer = iso15693.Response(air(self.tag, request))
        except TagRefused as error:
            answer = iso15693.Response(error=error.code)
        writes = request.command in (
            iso15693.WRITE_BLOCK, iso15693.LOCK_BLOCK, iso15693.WRITE_AFI, iso15693.SET_EAS,
            iso15693.RESET_EAS,
        )  # fmt: skip
        if writes and (self.odd.deaf_writes or (self.odd.needs_timer and found.get(TIMER) is None)):
            return SILENT_OBJECT
        raw = iso15693.encode_response(answer)
        return FINE_OBJECT + STATUS_OBJECTS + bytes((ICC_RESPONSE, len(raw))) + raw + DONE


def air(tag: SimTag, request: iso15693.Request) -> bytes:
    """Do what a request asks of a tag, return the data of its answer; raises TagAway, TagRefused."""
    if tag.gone or tag.muted:
        raise TagAway
    data = request.data
    match request.command:
        case iso15693.SYSTEM_INFORMATION:
            return iso15693.encode_system_information(
                iso15693.SystemInformation(tag.uid, tag.dsfid, tag.afi, tag.blocks, tag.block_size, tag.ic)
            )
        case iso15693.READ_BLOCK:
            return tag.read(data[0], 1)
        case iso15693.READ_BLOCKS:
            return tag.read(data[0], data[1] + 1)
        case iso15693.BLOCK_SECURITY:
            return bytes(int(number in tag.locked) for number in range(data[0], data[0] + data[1] + 1))
        case iso15693.EAS_ALARM:
            return tag.eas_alarm()
        case iso15693.WRITE_BLOCK:
            tag.write(data[0], data[1:])
        case iso15693.LOCK_BLOCK:
            tag.lock(data[0], 1)
        case iso15693.WRITE_AFI:
            tag.write_afi(data[0])
        case iso15693.SET_EAS:
            tag.set_eas(True)
        case iso15693.RESET_EAS:
            tag.set_eas(False)
        case _:
            raise TagRefused(0x01)
    return b""
