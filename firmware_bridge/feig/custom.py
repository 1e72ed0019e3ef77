"""EAS and passwords of NXP's ICODE tags through a FEIG reader: custom [B1], transparent [BF]. Pure.

Set, reset, lock and alarm are FEIG's own sub-commands (H60301 §8.3). What they do not offer goes to the tag
byte for byte, as the ICODE SLIX data sheet has it; the reader adds SOF, CRC and EOF (H60301 §8.6).
"""

from firmware_bridge import iso15693
from firmware_bridge.errors import FrameError
from firmware_bridge.feig import words
from firmware_bridge.feig.frames import Frame

READ, WRITE = 0x01, 0x02
"""MODE of BF: answer expected at once, or after a write (up to 20 ms)."""
FLAGS = 0x22
"""ISO 15693 request flags: high data rate, addressed."""


def set_eas(uid: str, on: bool) -> Frame:
    """Set or reset the EAS bit."""
    return _custom(words.SET_EAS if on else words.RESET_EAS, uid)


def lock_eas(uid: str) -> Frame:
    """Lock the EAS bit for ever."""
    return _custom(words.LOCK_EAS, uid)


def eas_alarm(uid: str) -> Frame:
    """Ask whether the EAS bit is set: status 00 is the sequence heard, 01 is silence (H60301 §8.3.4)."""
    return _custom(words.EAS_ALARM, uid)


def _custom(command: int, uid: str) -> Frame:
    return Frame(words.CUSTOM, bytes((words.NXP, command, words.ADDRESSED)) + bytes.fromhex(uid))


def transparent(request: bytes, answer_bytes: int, *, mode: int = READ) -> Frame:
    """Send an ISO 15693 request without its CRC; `answer_bytes` counts flags and CRC of the answer."""
    return Frame(words.TRANSPARENT, bytes((mode,)) + answer_bytes.to_bytes(2, "big") + bytes(2) + request)


def raw_eas_alarm(uid: str) -> Frame:
    """Ask for the EAS sequence itself, for readers without the sub-command."""
    return transparent(_nxp(words.EAS_ALARM, uid), 1 + len(iso15693.EAS_SEQUENCE) + 2)


def get_random(uid: str) -> Frame:
    """Ask for the 16 random bits with which a password is covered."""
    return transparent(_nxp(iso15693.GET_RANDOM, uid), 1 + 2 + 2)


def set_password(uid: str, password: bytes, random: bytes) -> Frame:
    """Give the 4-byte password of EAS and AFI, covered by the random number twice over."""
    covered = iso15693.cover_password(password, random)
    request = _nxp(iso15693.SET_PASSWORD, uid) + bytes((iso15693.EAS_AFI_PASSWORD,)) + covered
    return transparent(request, 1 + 2, mode=WRITE)


def _nxp(command: int, uid: str) -> bytes:
    return bytes((FLAGS, command, words.NXP)) + bytes.fromhex(uid)[::-1]


def parse_transparent(data: bytes, size: int) -> bytes:
    """Return the `size` bytes between flags and CRC of a tag's answer; the reader has checked the CRC.

    Raises the TagError that the tag names, or FrameError for an answer of another length.
    """
    if len(data) == 4 and data[0] & 0x01:
        raise words.error_of(words.ISO_ERROR, data[1:2], "asking a tag byte for byte")
    if len(data) != 1 + size + 2 or data[0] & 0x01:
        raise FrameError(f"a tag's answer of {len(data)} bytes came where {size + 3} were expected")
    return data[1:-2]


def parse_sequence(data: bytes) -> None:
    """Take the EAS sequence; raises FrameError for any other bits."""
    if parse_transparent(data, len(iso15693.EAS_SEQUENCE)) != iso15693.EAS_SEQUENCE:
        raise FrameError("a tag answered EAS ALARM with other bits than the EAS sequence")
