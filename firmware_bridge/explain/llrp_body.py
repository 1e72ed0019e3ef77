"""The body of an LLRP message without its header, as recordings often are: LLRP 1.1 §16, §17."""

from typing import Any

from firmware_bridge.explained import Explained, Problem
from firmware_bridge.llrp import codec
from firmware_bridge.llrp.codec import MalformedError, Parameter, walk
from firmware_bridge.llrp.tables import CONNECTION, MESSAGES, STATUS

_MARKS = ((240, 61), (246, 63), (137, 11), (221, 12), (287, 36))
"""A parameter that only stands in this message; a bare LLRPStatus fits every response."""


def explain(data: bytes, **options: object) -> Explained:
    """Explain a body; `message_type` says of which message, else it is guessed. Never raises."""
    asked = options.get("message_type")
    number = asked if isinstance(asked, int) else _guess(data)
    fields: dict[str, Any] = {"message_type": number, "message": MESSAGES.get(number, ("unknown",))[0]}
    if not isinstance(asked, int):
        fields["guessed"] = True
    sections = {"message": "LLRP 1.1 §16.1"}
    try:
        values, inner, raw = codec.body(number, data)
    except MalformedError as error:
        return Explained("llrp-body", fields, (Problem(str(error), error.offset),), sections)
    fields |= in_json(values, inner, raw)
    problems = () if number in MESSAGES else (Problem(f"message type {number} is not known", 0),)
    return Explained("llrp-body", fields, problems, sections)


def in_json(values: Any, inner: tuple[Parameter, ...], raw: bytes) -> dict[str, Any]:
    """Return fields and parameters as JSON values."""
    found = {name: _plain(value) for name, value in values.items()}
    if "status_code" in found:
        found["status_name"] = STATUS.get(found["status_code"], "unknown")
    if inner:
        found["parameters"] = [_parameter(parameter) for parameter in inner]
    if raw:
        found["raw"] = raw.hex().upper()
    return found


def _parameter(parameter: Parameter) -> dict[str, Any]:
    found = {"name": parameter.name, "type": parameter.type}
    found |= in_json(parameter.fields, parameter.inner, parameter.raw)
    if parameter.type == 256:
        found["meaning"] = CONNECTION.get(parameter.fields["status"], "unknown")
    return found


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex().upper()
        case (bytes(data), int(bits)):
            return {"hex": data.hex().upper(), "bits": bits}
        case tuple():
            return list(value)
        case str():
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        case _:
            return value


def _guess(data: bytes) -> int:
    """Return the type of the message that has such parameters; 36 when only a status stands there."""
    try:
        inner = codec.parameters(data, 0, len(data))
    except MalformedError:
        return 36 if data[:2] == b"\x01\x1f" else 61
    return next((number for mark, number in _MARKS if any(walk(inner, mark))), 61)
