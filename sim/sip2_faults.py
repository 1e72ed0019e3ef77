"""What library systems do wrong with one answer, as bytes. Pure."""

from enum import Enum, auto


class Fault(Enum):
    """What goes wrong with one answer. All but the first two carry the request out before."""

    HANG_UP_BEFORE = auto()
    """The connection ends; nothing was done."""
    ASK_AGAIN = auto()
    """96: it could not read the request; nothing was done."""
    HANG_UP_AFTER = auto()
    """The connection ends instead of an answer."""
    HALF = auto()
    """Half of the answer comes, then the connection ends."""
    MUTE = auto()
    """No answer ever comes, also when the frame is sent again; the connection stays."""
    LOST = auto()
    """The answer is lost on the way; sent again, the frame gets it."""
    LATE = auto()
    """The answer comes with the answer to the next question, before it."""
    BROKEN = auto()
    """The checksum is wrong; 97 gets the answer whole."""
    BROKEN_ALWAYS = auto()
    """The checksum is wrong, also after 97."""
    OTHER_DIGIT = auto()
    """The answer echoes another sequence digit, also when the frame is sent again."""
    BY_BYTES = auto()
    """The answer comes byte by byte."""
    DOUBLED = auto()
    """The answer comes twice in one segment."""
    OF_ANOTHER = auto()
    """The answer is of the right kind and digit, about another item."""


ENDS = frozenset({Fault.HANG_UP_BEFORE, Fault.HANG_UP_AFTER, Fault.HALF})
"""Faults after which the connection is gone."""


def framed(body: bytes, digit: str | None) -> bytes:
    """Return a frame with error detection, under a digit or none."""
    data = body + (b"AZ" if digit is None else b"AY" + digit.encode() + b"AZ")
    return data + b"%04X" % (-sum(data) & 0xFFFF) + b"\r"


def spoilt(fault: Fault | None, said: bytes, other: bytes) -> list[bytes]:
    """Return what goes out, piece by piece."""
    wrong = said[:-5] + (b"0000" if said[-5:-1] != b"0000" else b"1111") + b"\r"
    match fault:
        case Fault.HANG_UP_AFTER | Fault.MUTE | Fault.LOST | Fault.LATE:
            return []
        case Fault.HALF:
            return [said[: len(said) // 2]]
        case Fault.BROKEN | Fault.BROKEN_ALWAYS:
            return [wrong]
        case Fault.OTHER_DIGIT:
            body, _, rest = said.rpartition(b"AY")
            return [framed(body, str((int(rest[:1]) + 5) % 10)) if body else said]
        case Fault.OF_ANOTHER:
            return [other]
        case Fault.BY_BYTES:
            return [bytes((one,)) for one in said]
        case Fault.DOUBLED:
            return [said + said]
        case _:
            return [said]
