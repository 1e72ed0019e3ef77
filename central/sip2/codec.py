"""A message to the bytes of a frame, and back.

Reading takes what others send: fields in any order, unknown ones, missing ones, a wrong date; each is told
as a problem, and the message still comes. What is no SIP2 message at all is `Unreadable`. Writing is strict:
`|`, CR, LF and NUL never leave inside a value, a required field is always there, a value is cut at the end
of a character, and the checksum is taken over the bytes as they are sent (3M SIP2 2.00, "Checksum").

What there is to do for a message type is worked out once (`Layout`, `_Plan`): a server reads and writes
thousands of frames in a second.
"""

import codecs
import re
from collections.abc import Callable
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


def _as_it_came(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write bytes that could not be read as they came, and `?` for a letter that the encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    out = bytes(ord(one) - 0xDC00 if "\udc80" <= one <= "\udcff" else 0x3F for one in letters)
    return out, error.end


codecs.register_error("sip2-as-it-came", _as_it_came)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one peer writes: what differs between makes."""

    encoding: str = "utf-8"
    checksum: bool = True
    terminator: bytes = b"\r"
    most: int = MOST
    longest_id: int = MOST
    """Longest number or name; a server echoes what it was sent, however long."""
    as_it_came: bool = False
    """Whether bytes that are no text are kept, so that they are echoed; else they become U+FFFD."""
    hidden: frozenset[str] = frozenset()
    """Fields that are not sent, even where SIP2 wants them."""
    forced: frozenset[str] = frozenset()
    """Fields that are sent even when they are empty."""


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
    required: tuple[tuple[str, str], ...] = ()
    """(id, name) of the fields that every message of the kind has."""


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
    required = tuple((key, name) for key, (name, spec) in named.items() if spec.required)
    return Layout(tuple(fixed), named, required)


def checksum(data: bytes) -> bytes:
    """Return the four hex digits over everything up to and with the Z of AZ."""
    return b"%04X" % (-sum(data) & 0xFFFF)


# --- writing

IDS = frozenset({"AA", "AB", "CN", "CO", "AD"})
"""Fields that name somebody or something: changed by one letter, they name another."""

_Written = tuple[str, str, Callable[[Any], str] | None, bool, bool]
"""Of a named field: name, id, how its value is written, whether it repeats, whether it is always there."""
_PLANS: dict[tuple[type[Message], frozenset[str], frozenset[str]], tuple[_Written, ...]] = {}


def _plan(kind: type[Message], dialect: Dialect) -> tuple[_Written, ...]:
    key = (kind, dialect.hidden, dialect.forced)
    found = _PLANS.get(key)
    if found is None:
        found = _PLANS[key] = tuple(
            (
                name,
                spec.id,
                None if spec.kind is None else spec.kind.write,
                spec.repeated,
                spec.required or spec.id in dialect.forced,
            )
            for name, spec in sorted(layout(kind).named.values(), key=lambda one: one[1].id in ("AF", "AG"))
            if spec.id not in dialect.hidden
        )
    return found


def encode(message: Message, dialect: Dialect = PLAIN, sequence: str | None = None) -> bytes:
    """Return a frame with its terminator; raises ValueError when a value does not fit its fixed field.

    `sequence` is the digit that the reply must echo; a resend request (96, 97) carries none.
    """
    kind = type(message)
    values = message.__dict__
    out = [message.code]
    for name, spec in layout(kind).fixed:
        text = spec.kind.write(values[name])
        out.append(
            text if spec.kind.plain and len(text) == spec.width else _fitting(text, dialect, spec.width)
        )
    for name, key, write, repeated, required in _plan(kind, dialect):
        value = values[name]
        if not value and value is not False:
            if required:
                out.append(key + "|")
        elif repeated:
            out += [f"{key}{_value(one, dialect)}|" for one in value]
        else:
            text = value if write is None else write(value)
            out.append(f"{key}{_id(text, dialect) if key in IDS else _value(text, dialect)}|")
    for key, value in message.extra:
        if key not in dialect.hidden:
            out.append(f"{key}{_value(value, dialect)}|")
    frame = "".join(out).encode(dialect.encoding, "sip2-as-it-came" if dialect.as_it_came else "replace")
    if dialect.checksum:
        bare = kind in _BARE or sequence is None
        frame += b"AZ" if bare else f"AY{sequence}AZ".encode("ascii")
        frame += checksum(frame)
    return frame + dialect.terminator


_BARE = (messages.RequestResend, messages.ResendRequest)
"""Messages that carry no sequence."""


def _fitting(text: str, dialect: Dialect, width: int) -> str:
    """Return a value of a fixed field; raises ValueError when it does not fit."""
    if len(text) == width and text.isascii() and text.isprintable() and "|" not in text:
        return text
    text = text.translate(CLEAN)
    if (len(text) if text.isascii() else len(text.encode(dialect.encoding, "replace"))) != width:
        raise ValueError(f"{text!r} does not fit a field of {width} bytes")
    return text


def _id(text: str, dialect: Dialect) -> str:
    """Return a value as it is; raises ValueError when it could only be sent as another one."""
    size = len(text)
    if not text.isascii():
        errors = "surrogateescape" if dialect.as_it_came else "strict"
        try:
            size = len(text.encode(dialect.encoding, errors))
        except UnicodeEncodeError:
            raise ValueError(f"a number or name cannot be written in {dialect.encoding}") from None
    if size > dialect.longest_id or text.translate(CLEAN) != text:
        raise ValueError("a number or name holds what SIP2 cannot carry, or is too long")
    return text


def _value(text: str, dialect: Dialect) -> str:
    """Return a value without what would break the frame, cut between two characters."""
    if "|" in text or not text.isprintable():
        text = text.translate(CLEAN)
    if text.isascii():
        return text[: dialect.most]
    data = text.encode(dialect.encoding, "replace")
    return text if len(data) <= dialect.most else data[: dialect.most].decode(dialect.encoding, "ignore")


# --- reading


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
    message = kind(**values, extra=extra)
    return Frame(message, sequence, check, tuple(problems))


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


def defaults(kind: type[Message]) -> dict[str, Any]:
    """Return the values of a message in which nothing was said."""
    return {one.name: one.default for one in fields(kind) if one.default is not MISSING}
