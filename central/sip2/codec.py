"""A message to the bytes of a frame, and back.

Reading takes what others send: fields in any order, unknown ones, missing ones, a wrong date; each is told
as a problem, and the message still comes. What is no SIP2 message at all is `Unreadable`. Writing is strict:
`|`, CR, LF and NUL never leave inside a value, a required field is always there, a value is cut at the end
of a character, and the checksum is taken over the bytes as they are sent (3M SIP2 2.00, "Checksum").
"""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, get_type_hints

from central.sip2 import messages, messages_items
from central.sip2.fields import Fixed, Named
from central.sip2.messages import Message

MOST = 255
"""Longest value of a field, in bytes (3M SIP2 2.00, "Variable-length fields")."""
CLEAN = str.maketrans({"|": " ", "\r": " ", "\n": " ", "\0": ""})

MESSAGES: dict[str, type[Message]] = {
    found.code: found
    for module in (messages, messages_items)
    for found in vars(module).values()
    if isinstance(found, type) and issubclass(found, Message) and "code" in vars(found)
}
"""Code -> message."""

Check = Literal["none", "right", "wrong"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one peer writes: what differs between makes."""

    encoding: str = "utf-8"
    checksum: bool = True
    terminator: bytes = b"\r"
    most: int = MOST


PLAIN = Dialect()
"""UTF-8 and checksums, as a strict peer expects them."""


@dataclass(frozen=True, slots=True)
class Frame:
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


_LAYOUTS: dict[str, "Layout"] = {}


@dataclass(frozen=True, slots=True)
class Layout:
    """A message's fields: those of fixed width in order, and those with a name."""

    fixed: tuple[tuple[str, Fixed], ...]
    named: dict[str, tuple[str, Named]]


def layout(kind: type[Message]) -> Layout:
    """Return the fields of a message type."""
    found = _LAYOUTS.get(kind.code)
    if found is None:
        found = _LAYOUTS[kind.code] = _layout(kind)
    return found


def _layout(kind: type[Message]) -> Layout:
    hints = get_type_hints(kind, include_extras=True)
    fixed: list[tuple[str, Fixed]] = []
    named: dict[str, tuple[str, Named]] = {}
    for one in fields(kind):
        for note in getattr(hints[one.name], "__metadata__", ()):
            if isinstance(note, Fixed):
                fixed.append((one.name, note))
            elif isinstance(note, Named):
                named[note.id] = (one.name, note)
    return Layout(tuple(fixed), named)


def checksum(data: bytes) -> bytes:
    """Return the four hex digits over everything up to and with the Z of AZ."""
    return b"%04X" % (-sum(data) & 0xFFFF)


def encode(message: Message, dialect: Dialect = PLAIN, sequence: str | None = None) -> bytes:
    """Return a frame with its terminator; raises ValueError when a value does not fit its fixed field.

    `sequence` is the digit that the reply must echo; a resend request (96, 97) carries none.
    """
    found = layout(type(message))
    out = [message.code.encode("ascii")]
    for name, spec in found.fixed:
        out.append(_text(spec.kind.write(getattr(message, name)), dialect, spec.width))
    for name, named in found.named.values():
        out += _named(named, getattr(message, name), dialect)
    for key, value in message.extra:
        out.append(key.encode("ascii") + _value(value, dialect) + b"|")
    frame = b"".join(out)
    if dialect.checksum:
        bare = isinstance(message, messages.RequestResend | messages.ResendRequest) or sequence is None
        frame += b"AZ" if bare else f"AY{sequence}AZ".encode("ascii")
        frame += checksum(frame)
    return frame + dialect.terminator


def _text(text: str, dialect: Dialect, width: int) -> bytes:
    data = text.translate(CLEAN).encode(dialect.encoding, "replace")
    if len(data) != width:
        raise ValueError(f"{text!r} does not fit a field of {width} bytes")
    return data


def _named(spec: Named, value: Any, dialect: Dialect) -> Iterator[bytes]:
    key = spec.id.encode("ascii")
    if spec.repeated:
        yield from (key + _value(one, dialect) + b"|" for one in value)
        return
    if value is None or value == "":
        if spec.required:
            yield key + b"|"
        return
    write = _id if key in IDS else _value
    yield key + write(spec.kind.write(value) if spec.kind else value, dialect) + b"|"


IDS = frozenset({b"AA", b"AB", b"CN", b"CO", b"AD"})
"""Fields that name somebody or something: changed by one letter, they name another."""


def _id(text: str, dialect: Dialect) -> bytes:
    """Return a value as it is; raises ValueError when it could only be sent as another one."""
    try:
        data = text.encode(dialect.encoding)
    except UnicodeEncodeError:
        raise ValueError(f"a number or name cannot be written in {dialect.encoding}") from None
    if text.translate(CLEAN) != text or len(data) > dialect.most:
        raise ValueError("a number or name holds what SIP2 cannot carry, or is too long")
    return data


def _value(text: str, dialect: Dialect) -> bytes:
    """Return a value without what would break the frame, cut between two characters."""
    data = text.translate(CLEAN).encode(dialect.encoding, "replace")
    return (
        data
        if len(data) <= dialect.most
        else data[: dialect.most].decode(dialect.encoding, "ignore").encode(dialect.encoding)
    )


def decode(data: bytes, dialect: Dialect = PLAIN) -> Frame | Unreadable:
    """Read one frame without its terminator; never raises."""
    body, sequence, check = _error_detection(data.strip(b"\r\n\0 "))
    if check == "wrong":
        return Unreadable("the checksum is wrong", check, sequence)
    text = body.decode(dialect.encoding, "replace")
    kind = MESSAGES.get(text[:2])
    if kind is None:
        return Unreadable(f"{text[:2]!r} is no message of SIP2", check, sequence)
    problems: list[str] = []
    found = layout(kind)
    values, at = _fixed(found, text, problems)
    extra = _fields(found, text[at:], values, problems)
    for key, (name, spec) in found.named.items():
        if spec.required and name not in values:
            problems.append(f"{key} is missing")
    message = kind(**values, extra=tuple(extra))
    return Frame(message, sequence, check, tuple(problems))


def _error_detection(data: bytes) -> tuple[bytes, str | None, Check]:
    """Split AY and AZ from the end; without AZ there is no error detection."""
    at = data.rfind(b"AZ")
    if at < 0 or len(data) - at != 6 or not _hex(data[at + 2 :]):
        damaged = at >= 3 and data[at - 3 : at - 1] == b"AY" and len(data) - at < 12
        return data, None, "wrong" if damaged else "none"
    check: Check = "right" if checksum(data[: at + 2]) == data[at + 2 :].upper() else "wrong"
    before = data[:at]
    if len(before) >= 5 and before[-3:-1] == b"AY":
        return before[:-3], chr(before[-1]), check
    return before, None, check


def _hex(digits: bytes) -> bool:
    return all(byte in b"0123456789ABCDEFabcdef" for byte in digits)


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


def _fields(
    found: Layout, text: str, values: dict[str, Any], problems: list[str]
) -> Iterator[tuple[str, str]]:
    """Put named fields into `values`; return those that the message does not declare."""
    extra: list[tuple[str, str]] = []
    repeated: dict[str, list[str]] = {}
    for part in text.split("|"):
        if len(part) < 2:
            if part.strip():
                problems.append(f"{part!r} is no field")
            continue
        key, value = part[:2], part[2:]
        if key not in found.named:
            extra.append((key, value))
            continue
        name, spec = found.named[key]
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
    values |= {name: tuple(found_) for name, found_ in repeated.items()}
    return iter(extra)


def defaults(kind: type[Message]) -> dict[str, Any]:
    """Return the values of a message in which nothing was said."""
    return {one.name: one.default for one in fields(kind) if one.default is not MISSING}
