"""Whole LLRP messages, one or several in a row: LLRP 1.1 §16.1."""

from typing import Any

from firmware_bridge.explain.llrp_body import in_json
from firmware_bridge.explained import Explained, Problem
from firmware_bridge.llrp import codec
from firmware_bridge.llrp.codec import MalformedError

SECTIONS = {"version": "LLRP 1.1 §16.1", "type": "LLRP 1.1 §16.1", "message": "LLRP 1.1 §16"}
VERSIONS = {1: "1.0.1", 2: "1.1"}


def explain(data: bytes, **_: object) -> Explained:
    """Explain messages; the fields are those of the first, `more` holds the others. Never raises."""
    found: list[dict[str, Any]] = []
    problems: list[Problem] = []
    at = 0
    while at < len(data) or not found:
        try:
            length = codec.head(data[at : at + codec.HEADER])[2]
            fields = _one(data[at : at + length])
        except MalformedError as error:
            problems.append(Problem(str(error), at + error.offset))
            break
        if fields["version"] not in VERSIONS.values():
            problems.append(Problem(f"version {fields['version']} is not one of LLRP", at))
        if fields["message"].startswith("unknown"):
            problems.append(Problem(f"message type {fields['type']} is not known", at))
        found.append(fields)
        at += length
    first = found[0] if found else {}
    if len(found) > 1:
        first = {**first, "more": found[1:]}
    sections = {name: section for name, section in SECTIONS.items() if name in first}
    return Explained("llrp", first, tuple(problems), sections)


def _one(data: bytes) -> dict[str, Any]:
    message = codec.decode(data)
    head = {
        "version": VERSIONS.get(message.version, message.version),
        "type": message.type,
        "message": message.name,
        "length": len(data),
        "id": message.id,
    }
    return head | in_json(message.fields, message.inner, message.raw)
