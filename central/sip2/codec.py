"""A message to the bytes of a frame, and back.

Reading takes what others send: fields in any order, unknown ones, missing ones, a wrong date; each is told
as a problem, and the message still comes. What is no SIP2 message at all is `Unreadable`. Writing is strict
(`writing`): `|`, CR, LF and NUL never leave inside a value, a required field is always there, a value is cut
at the end of a character, and the checksum is taken over the bytes as they are sent (3M SIP2 2.00,
"Checksum").

What there is to do for a message type is worked out once (`layout`): a server reads and writes thousands of
frames in a second.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from central.sip2.layout import MESSAGES, MOST, PLAIN, Dialect, Layout, checksum, defaults, layout
from central.sip2.messages import Message
from central.sip2.writing import encode

__all__ = [
    "MESSAGES", "MOST", "PLAIN", "Check", "Dialect", "Frame", "Layout", "Unreadable", "checksum", "decode",
    "defaults", "encode", "layout",
]  # fmt: skip

Check = Literal["none", "right", "wrong"]


class Frame(NamedTuple):
    """A message as it came."""

    message: Message
    sequence: str | None = None
    """The digit of AY; None where the peer sends no error detection."""
    check: Check = "none"
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes that are no message of SIP2."""

    reason: str
    check: Check = "none"
    sequence: str | None = None


def decode(data: bytes, dialect: Dialect = PLAIN) -> Frame | Unreadable:
    """Read one frame without its terminator; never raises."""
    body, sequence, check = _error_detection(data.strip(b"\r\n\0 "))
    if check == "wrong":
        return Unreadable("the checksum is wrong", check, sequence)
    text = body.decode(dialect.encoding, "surrogateescape" if dialect.as_it_came else "replace")
    kind = MESSAGES.get(text[:2])
    if kind is None:
        return Unreadable(f"{text[:2]!r} is no message of SIP2", check, sequence)
    problems: list[str] = []
    found = layout(kind)
    values, at = _fixed(found, text, problems)
    if problems:
        at = _first_field(text, at, problems)
    extra = _fields(found, text[at:], values, problems)
    for key, name in found.required:
        if name not in values:
            problems.append(f"{key} is missing")
    if extra:
        values["extra"] = extra
    return Frame(kind.of(values), sequence, check, tuple(problems))


_SEQUENCE = frozenset(map(chr, range(0x21, 0x7F))) - {"|"}
"""What is taken for a sequence digit: a letter is none, but it can be echoed."""
_DIGITS = re.compile(rb"[0-9A-Fa-f]{4}")


def _error_detection(data: bytes) -> tuple[bytes, str | None, Check]:
    """Split AY and AZ from the end; without AZ there is no error detection."""
    at = len(data) - 6
    if at < 0 or data[at : at + 2] != b"AZ" or _DIGITS.fullmatch(data, at + 2) is None:
        at = data.rfind(b"AZ")
        damaged = at >= 3 and data[at - 3 : at - 1] == b"AY" and len(data) - at < 12
        return data, None, "wrong" if damaged else "none"
    check: Check = "right" if -sum(data[: at + 2]) & 0xFFFF == int(data[at + 2 :], 16) else "wrong"
    if at >= 5 and data[at - 3 : at - 1] == b"AY" and chr(data[at - 1]) in _SEQUENCE:
        return data[: at - 3], chr(data[at - 1]), check
    return data[:at], None, check


def _fixed(found: Layout, text: str, problems: list[str]) -> tuple[dict[str, Any], int]:
    values: dict[str, Any] = {}
    at = 2
    for name, spec in found.fixed:
        raw = text[at : at + spec.width]
        at += spec.width
        if len(raw) < spec.width:
            problems.append(f"{name}: the message ends before it")
            continue
        value = spec.kind.read(raw)
        if value is None and (raw.strip() or spec.width == 1):
            problems.append(f"{name}: {raw!r} is not {spec.kind.name}")
        values[name] = spec.kind.empty if value is None else value
    return values, at


_FIELD = re.compile(r"(?:A[OABP]|C[NO]|B[VP])")
"""Fields with which the named ones begin in all messages that were seen."""


def _first_field(text: str, at: int, problems: list[str]) -> int:
    """Return where the named fields begin in a message whose fixed part is too long or too short.

    Dates of 14 characters, and a language where there is none, are in use. What is read from the wrong place
    is told already; who and what is meant must not be lost with it.
    """
    found = _FIELD.search(text, 2)
    if found is None or found.start() == at or _FIELD.match(text, at) is not None:
        return at
    problems.append(f"the named fields begin at {found.start()}, not at {at}")
    return found.start()


def _fields(
    found: Layout, text: str, values: dict[str, Any], problems: list[str]
) -> tuple[tuple[str, str], ...]:
    """Put named fields into `values`; return those that the message does not declare."""
    extra: list[tuple[str, str]] = []
    repeated: dict[str, list[str]] = {}
    for part in text.split("|"):
        if len(part) < 2:
            if part.strip():
                problems.append(f"{part!r} is no field")
            continue
        key, value = part[:2], part[2:]
        known = found.named.get(key)
        if known is None:
            extra.append((key, value))
            continue
        name, spec = known
        if spec.repeated:
            repeated.setdefault(name, []).append(value)
        elif name in values:
            problems.append(f"{key} comes twice; the first one counts")
        elif spec.kind is None or value == "":
            values[name] = value if spec.kind is None else None
        else:
            read = spec.kind.read(value)
            if read is None:
                problems.append(f"{key} is not {spec.kind.name}")
            values[name] = read
    for name, several in repeated.items():
        values[name] = tuple(several)
    return tuple(extra)
