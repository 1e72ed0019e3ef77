"""Bytes <-> LLRP messages, by the tables.

A message is a header (version, type, length, id), fields and parameters; a parameter holds fields and
parameters again. What the tables do not know is kept as `raw`, so that nothing is lost and nothing guessed.
Pure: no socket, no clock. Not for the stream of tag reports: `reports.py` reads those in one pass.

Source: LLRP 1.1 §16.1 (message header), §17.1 (TLV and TV encoding).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from firmware_bridge.llrp.tables import MESSAGES, TLV, TV

HEADER = 10
"""Bytes: 3 reserved bits, 3 of version, 10 of type; length and id of 4 bytes each."""
LONGEST = 1 << 20
"""Bytes; a message said to be longer is taken for a lost frame. Capabilities of a large reader take 2 KB."""
DEEPEST = 16
"""Parameters in parameters; the standard needs 6."""
V1_0_1, V1_1 = 1, 2
"""LLRP §16.1, Ver."""


class MalformedError(ValueError):
    """Bytes that are no LLRP, and where the first wrong one stands."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `raw` is its content when the tables do not know its type."""

    type: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    inner: "tuple[Parameter, ...]" = ()
    raw: bytes = b""

    @property
    def name(self) -> str:
        """The name of the standard, or `unknown-<type>`."""
        known = TV.get(self.type) or TLV.get(self.type)
        return known[0] if known else f"unknown-{self.type}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `raw` is its body when the tables do not know its type."""

    type: int
    id: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    inner: tuple[Parameter, ...] = ()
    version: int = V1_0_1
    raw: bytes = b""

    @property
    def name(self) -> str:
        """The name of the standard, or `unknown-<type>`."""
        known = MESSAGES.get(self.type)
        return known[0] if known else f"unknown-{self.type}"


def walk(inner: tuple[Parameter, ...], *types: int) -> Iterator[Parameter]:
    """Yield the parameters of the given types, however deep they are."""
    for parameter in inner:
        if parameter.type in types:
            yield parameter
        yield from walk(parameter.inner, *types)


def decode(data: bytes) -> Message:
    """Read one whole message; raises MalformedError."""
    version, number, length, message_id = head(data)
    if length != len(data):
        raise MalformedError(f"length says {length} bytes, there are {len(data)}", 2)
    fields, inner, raw = body(number, data, HEADER)
    return Message(number, message_id, fields, inner, version, raw)


def head(data: bytes) -> tuple[int, int, int, int]:
    """Return version, type, length and id of the message at the start; raises MalformedError."""
    if len(data) < HEADER:
        raise MalformedError(f"a message has a header of {HEADER} bytes, there are {len(data)}", len(data))
    first = int.from_bytes(data[:2])
    length = int.from_bytes(data[2:6])
    if not HEADER <= length <= LONGEST:
        raise MalformedError(f"a message cannot be {length} bytes long", 2)
    return first >> 10 & 7, first & 0x3FF, length, int.from_bytes(data[6:10])


def body(number: int, data: bytes, start: int = 0) -> tuple[dict[str, Any], tuple[Parameter, ...], bytes]:
    """Read the body of a message of type `number`, from `start`; raises MalformedError."""
    known = MESSAGES.get(number)
    if known is None:
        return {}, (), data[start:]
    fields, at = _fields(known[1], data, start, len(data))
    return fields, parameters(data, at, len(data)), b""


def parameters(data: bytes, at: int, end: int, depth: int = 0) -> tuple[Parameter, ...]:
    """Read parameters from `at` to `end`; raises MalformedError."""
    found = []
    while at < end:
        parameter, at = _parameter(data, at, end, depth)
        found.append(parameter)
    return tuple(found)


def _parameter(data: bytes, at: int, end: int, depth: int) -> tuple[Parameter, int]:
    if depth > DEEPEST:
        raise MalformedError(f"parameters nested more than {DEEPEST} deep", at)
    if data[at] & 0x80:
        number = data[at] & 0x7F
        if number not in TV:
            raise MalformedError(f"parameter {number} without a length is not known; the rest is lost", at)
        fields, after = _fields(TV[number][1], data, at + 1, end)
        return Parameter(number, fields), after
    if end - at < 4:
        raise MalformedError("cut inside the head of a parameter", end)
    number, length = int.from_bytes(data[at : at + 2]) & 0x3FF, int.from_bytes(data[at + 2 : at + 4])
    if length < 4 or at + length > end:
        raise MalformedError(f"parameter {number} says {length} bytes, there are {end - at}", at + 2)
    last = at + length
    if number not in TLV:
        return Parameter(number, raw=data[at + 4 : last]), last
    fields, after = _fields(TLV[number][1], data, at + 4, last)
    return Parameter(number, fields, parameters(data, after, last, depth + 1)), last


@cache
def shape_of(text: str) -> tuple[tuple[str, str, int], ...]:
    """Return (name, kind letter or word, bits) for each field of a shape."""
    found = []
    for entry in text.split():
        name, kind = entry.split(":")
        if kind == "b":
            found.append((name, "b", 1))
        elif kind[0] in "usrx" and kind[1:].isdigit():
            found.append((name, kind[0], int(kind[1:])))
        else:
            found.append((name, kind, 16 if kind != "rest" else 0))
    return tuple(found)


def _fields(shape: str, data: bytes, at: int, end: int) -> tuple[dict[str, Any], int]:
    values: dict[str, Any] = {}
    bit, count = at * 8, 0
    for name, kind, width in shape_of(shape):
        if kind in "usbr":
            values[name], bit = _number(data, bit, width, end, kind)
            continue
        at = bit // 8
        if kind == "x":
            size = width
        elif kind == "rest":
            size = end - at
        else:
            count, bit = _number(data, bit, 16, end, "u")
            at += 2
            size = {"bits": (count + 7) // 8, "u16s": 2 * count, "u32s": 4 * count}.get(kind, count)
        if at + size > end:
            raise MalformedError(f"{name} takes {size} bytes, there are {end - at}", end)
        values[name] = _block(kind, data[at : at + size], count if kind == "bits" else 0)
        bit = (at + size) * 8
    values.pop("_", None)
    return values, bit // 8


def _number(data: bytes, bit: int, width: int, end: int, kind: str) -> tuple[int | bool, int]:
    after = bit + width
    if after > end * 8:
        raise MalformedError("cut inside a field", end)
    last = -(-after // 8)
    value = int.from_bytes(data[bit // 8 : last]) >> (last * 8 - after) & ((1 << width) - 1)
    if kind == "s" and value >> (width - 1):
        value -= 1 << width
    return (bool(value) if kind == "b" else value), after


def _block(kind: str, data: bytes, bits: int) -> object:
    match kind:
        case "utf8":
            return data.decode("utf-8", "surrogateescape")
        case "bits":
            return data if bits == len(data) * 8 else (data, bits)
        case "u16s" | "u32s":
            size = int(kind[1:3]) // 8
            return tuple(int.from_bytes(data[at : at + size]) for at in range(0, len(data), size))
        case _:
            return data


def encode(message: Message) -> bytes:
    """Return the bytes of a message; raises ValueError or OverflowError for values that do not fit."""
    known = MESSAGES.get(message.type)
    content = message.raw if known is None else _pack(known[1], message.fields) + _inner(message.inner)
    first = message.version << 10 | message.type
    return first.to_bytes(2) + (HEADER + len(content)).to_bytes(4) + message.id.to_bytes(4) + content


def encode_parameter(parameter: Parameter) -> bytes:
    """Return the bytes of a parameter; raises as `encode`."""
    if parameter.type in TV:
        return bytes((0x80 | parameter.type,)) + _pack(TV[parameter.type][1], parameter.fields)
    known = TLV.get(parameter.type)
    content = parameter.raw if known is None else _pack(known[1], parameter.fields) + _inner(parameter.inner)
    return parameter.type.to_bytes(2) + (len(content) + 4).to_bytes(2) + content


def _inner(inner: tuple[Parameter, ...]) -> bytes:
    return b"".join(encode_parameter(parameter) for parameter in inner)


def _pack(shape: str, values: Mapping[str, Any]) -> bytes:
    done, pending, width = bytearray(), 0, 0
    for name, kind, bits in shape_of(shape):
        if kind in "usbr":
            value = int(values.get(name, 0))
            low = -(1 << bits - 1) if kind == "s" else 0
            if not low <= value < low + (1 << bits):
                raise ValueError(f"{name}={value} does not fit in {bits} bits")
            pending, width = pending << bits | value & ((1 << bits) - 1), width + bits
            if width % 8 == 0:
                done += pending.to_bytes(width // 8)
                pending, width = 0, 0
        else:
            done += _packed(kind, values.get(name, () if kind in ("u16s", "u32s") else b""))
    return bytes(done)


def _packed(kind: str, value: Any) -> bytes:
    plain: bytes
    match kind:
        case "x" | "rest":
            plain = value
            return plain
        case "bits":
            plain, bits = value if isinstance(value, tuple) else (value, len(value) * 8)
            return int(bits).to_bytes(2) + bytes(plain)
        case "u16s" | "u32s":
            size = int(kind[1:3]) // 8
            numbers: tuple[int, ...] = value
            return len(numbers).to_bytes(2) + b"".join([number.to_bytes(size) for number in numbers])
    plain = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)
    return len(plain).to_bytes(2) + plain


class Framer:
    """Cuts a stream into messages. Feed it pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield whole messages; raises MalformedError when the stream cannot be LLRP (it is lost then)."""
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while len(buffer) - at >= HEADER:
                length = head(bytes(buffer[at : at + HEADER]))[2]
                if len(buffer) - at < length:
                    return
                at += length
                yield bytes(buffer[at - length : at])
        finally:
            del buffer[:at]
