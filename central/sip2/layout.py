"""What a message of SIP2 is made of, and how one peer writes it: what reading and writing have in common."""

import codecs
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, NamedTuple, get_type_hints

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


def _as_it_came(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write bytes that could not be read as they came, and `?` for a letter that the encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    out = bytes(ord(one) - 0xDC00 if "\udc80" <= one <= "\udcff" else 0x3F for one in letters)
    return out, error.end


codecs.register_error("sip2-as-it-came", _as_it_came)


class Plan(NamedTuple):
    """How one kind of message is written in one dialect."""

    width: int
    fixed: tuple[tuple[str, Any, Callable[[Any], str], Fixed], ...]
    """Name, what stands there when nothing was said, how it is written, the field."""
    named: tuple[tuple[str, str, Callable[[Any], str] | None, bool, bool], ...]
    """Name, id, how its value is written, whether it repeats, whether it is always there."""


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
    plans: dict[type[Message], Plan] = field(init=False, default_factory=dict, repr=False, compare=False)
    """How each kind of message is written, worked out when the first one is."""


PLAIN = Dialect()
"""UTF-8 and checksums, as a strict peer expects them."""


_LAYOUTS: dict[str, "Layout"] = {}


@dataclass(frozen=True, slots=True)
class Layout:
    """A message's fields: those of fixed width in order, and those with a name."""

    fixed: tuple[tuple[str, Fixed], ...]
    named: dict[str, tuple[str, Named]]
    required: tuple[tuple[str, str], ...] = ()
    """(id, name) of the fields that every message of the kind has."""
    width: int = 2
    """Characters of the code and of the fields of fixed width."""


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
    return Layout(tuple(fixed), named, required, 2 + sum(spec.width for _, spec in fixed))


def defaults(kind: type[Message]) -> dict[str, Any]:
    """Return the values of a message in which nothing was said."""
    return {one.name: one.default for one in fields(kind) if one.default is not MISSING}


def checksum(data: bytes) -> bytes:
    """Return the four hex digits over everything up to and with the Z of AZ."""
    return b"%04X" % (-sum(data) & 0xFFFF)
