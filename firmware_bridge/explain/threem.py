"""A frame of a 3M reader in words: either direction, either form, its payload by its command.

A frame does not say which way it goes. Asked as `direction="request"` or `"answer"`, that counts; otherwise
the one that reads well is taken, a request first.
"""

from collections.abc import Callable, Mapping
from typing import Any

from firmware_bridge.explain import iso15693 as air
from firmware_bridge.explained import Explained, Problem
from firmware_bridge.iso15693 import UID_BYTES
from firmware_bridge.threem import words
from firmware_bridge.threem.frames import OLD_HEAD, OLD_START, SHORTEST, START, crc

SECTIONS = {
    "start": "3M 210 Protocol Specification §2",
    "length": "3M 210 Protocol Specification §2",
    "command": "3M 210 Protocol Specification §7",
    "error": "3M 210 Protocol Specification appendix A",
    "crc": "3M 210 Protocol Specification §4",
}
Fields = dict[str, Any]
Decode = Callable[[bytes], Mapping[str, Any]]


class _Misfit(Exception):
    """The payload is not what its command has."""


def explain(data: bytes, *, direction: str = "", **_options: object) -> Explained:
    """Explain one frame. Never raises; what does not fit is a problem with its offset."""
    if data[:1] not in (bytes((START,)), bytes((OLD_START,))):
        return _told({}, Problem("a frame begins with D6 (or D5)", 0))
    fields: Fields = {"start": data[:1].hex()}
    if len(data) < 3 + SHORTEST:
        return _told(fields, Problem(f"{len(data)} bytes are no frame: the shortest has 6", len(data)))
    length = int.from_bytes(data[1:3], "big")
    fields["length"] = length
    problem = _frame_problem(data, length)
    end = 3 + length if SHORTEST <= length <= len(data) - 3 else len(data)
    inner, at, old = data[3 : end - 2], 3, data[0] == OLD_START
    if old:
        if inner[:2] != OLD_HEAD or len(inner) < 3:
            return _told(fields, problem or Problem("the older form has 04 00 before its command", 3))
        inner, at = inner[2:], 5
    said, wrong = _payload(inner[0], inner[1:], at + 1, direction, old)
    fields |= {"form": "older" if old else "usual", "direction": said.pop("direction")}
    fields |= {"command": f"{inner[0]:02x}", "command_name": words.COMMANDS.get(inner[0], "unknown")}
    fields |= said
    fields["crc"] = data[end - 2 : end].hex()
    return _told(fields, problem or wrong)


def _told(fields: Fields, problem: Problem | None) -> Explained:
    return Explained("3m", fields, () if problem is None else (problem,), SECTIONS)


def _frame_problem(data: bytes, length: int) -> Problem | None:
    """Return what is wrong with length and CRC, the first wrong byte first."""
    if length < SHORTEST:
        return Problem(f"the length says {length}, and the shortest is {SHORTEST}", 1)
    end = 3 + length
    if end > len(data):
        return Problem(f"the frame says {end} bytes and ends after {len(data)}", len(data))
    expected = crc(data[1 : end - 2]).to_bytes(2, "big")
    if data[end - 2 : end] != expected:
        return Problem(f"the CRC is {data[end - 2 : end].hex()} and should be {expected.hex()}", end - 2)
    if end < len(data):
        return Problem(f"{len(data) - end} bytes stand behind the frame", end)
    return None


def _payload(
    command: int, payload: bytes, at: int, direction: str, old: bool
) -> tuple[Fields, Problem | None]:
    request: Fields = {"direction": "request"}
    answer: Fields = {"direction": "answer"}
    raw: Fields = {"payload": payload.hex()} if payload else {}
    if direction != "answer":
        try:
            return request | dict(_request(command, payload)), None
        except _Misfit as misfit:
            if direction == "request":
                return request | raw, _misfit(command, misfit, at)
    try:
        return answer | dict(_answer(command, payload, old)), None
    except _Misfit as misfit:
        if direction == "answer":
            name = {} if old or not payload else _error(payload[0])
            return answer | name | raw, _misfit(command, misfit, at)
    note = "a whole frame; its payload is neither the command's request nor its answer"
    return {"direction": "unknown", "note": note} | raw, None


def _misfit(command: int, misfit: _Misfit, at: int) -> Problem | None:
    """Return the problem; readers have commands that are in no specification, which are none."""
    return Problem(str(misfit), at) if command in words.COMMANDS else None


def _error(code: int) -> Fields:
    known = words.ERRORS.get(code)
    return {
        "error": f"{code:02x}",
        "error_name": "ok" if code == words.OK else known[1] if known else "unknown",
    }


def _sized(data: bytes, *sizes: int) -> None:
    if len(data) not in sizes:
        raise _Misfit(f"{len(data)} bytes where {' or '.join(map(str, sizes))} belong")


def _uid(payload: bytes) -> tuple[Fields, bytes]:
    if len(payload) < UID_BYTES or payload[0] != 0xE0:
        raise _Misfit("a UID of 8 bytes, E0 first, belongs here")
    return {"uid": payload[:UID_BYTES].hex().upper()}, payload[UID_BYTES:]


def _request(command: int, payload: bytes) -> Fields:
    if command == words.VERSION:
        _sized(payload, 0)
        return {}
    if command == words.INVENTORY:
        _sized(payload, 2, 3)
        return {"afi": f"{payload[0]:02x}", "response_options": f"{payload[1]:02x}"}
    if command == words.PASS_THROUGH:
        return _air(payload, 6, "request")
    if command not in words.TO_A_TAG:
        raise _Misfit("an unknown command")
    fields, rest = _uid(payload)
    match command:
        case words.READ_BLOCKS:
            _sized(rest, 2, 3)
            fields |= {"first_block": rest[0], "blocks": rest[1]}
        case words.WRITE_BLOCKS:
            if len(rest) < 7 or not rest[1] or (len(rest) - 3) % rest[1]:
                raise _Misfit("first block, count, a reserved byte and whole blocks belong here")
            fields |= {"first_block": rest[0], "blocks": rest[1], "data": rest[3:].hex()}
        case words.WRITE_BLOCK | words.WRITE_AND_LOCK:
            _sized(rest, 5, 9)
            fields |= {"block": rest[0], "data": rest[1:].hex()}
        case words.LOCK_BLOCK:
            _sized(rest, 1)
            fields["block"] = rest[0]
        case words.WRITE_AFI | words.WRITE_DSFID | words.EAS_CONTROL | words.TAG_INFO:
            _sized(rest, 1)
            fields[VALUES[command]] = _value(command, rest[0])
        case _:
            _sized(rest, 0)
    return fields


VALUES = {
    words.WRITE_AFI: "afi", words.GET_AFI: "afi", words.WRITE_DSFID: "dsfid", words.GET_DSFID: "dsfid",
    words.EAS_CONTROL: "eas", words.CHECK_EAS: "eas", words.TAG_INFO: "info_bits",
}  # fmt: skip


def _value(command: int, value: int) -> object:
    return bool(value) if VALUES[command] == "eas" else f"{value:02x}"


def _answer(command: int, payload: bytes, old: bool) -> Fields:
    if old:
        return _version(payload)
    if not payload:
        raise _Misfit("an answer has an error code")
    fields, rest = _error(payload[0]), payload[1:]
    if payload[0] != words.OK:
        return fields | ({"payload": rest.hex()} if rest else {})
    if command == words.VERSION:
        return fields | _version(rest)
    if command == words.INVENTORY:
        return fields | _inventory(rest)
    if command == words.PASS_THROUGH:
        return fields | _air(rest, 3, "answer")
    if command not in words.TO_A_TAG:
        raise _Misfit("an unknown command")
    tag, rest = _uid(rest)
    return fields | tag | _from_tag(command, rest)


def _version(payload: bytes) -> Fields:
    _sized(payload, 4)
    vendor = "3M" if payload[0] == 0x0A else f"{payload[0]:02x}"
    return {"vendor": vendor, "firmware": ".".join(map(str, payload[1:]))}


def _inventory(rest: bytes) -> Fields:
    if len(rest) < 3:
        raise _Misfit("AFI, options and count belong here")
    step = (UID_BYTES if rest[1] & 0x01 else 0) + (1 if rest[1] & 0x02 else 0)
    _sized(rest, 3 + rest[2] * step)
    tags = [rest[at : at + step] for at in range(3, len(rest), step)] if step else []
    fields: Fields = {"afi": f"{rest[0]:02x}", "response_options": f"{rest[1]:02x}", "tags": rest[2]}
    if rest[1] & 0x01:
        fields["uids"] = [tag[-UID_BYTES:].hex().upper() for tag in tags]
    if rest[1] & 0x02:
        fields["dsfids"] = [tag[:1].hex() for tag in tags]
    return fields


def _from_tag(command: int, rest: bytes) -> Fields:
    match command:
        case words.READ_BLOCKS:
            return _blocks(rest)
        case words.GET_AFI | words.GET_DSFID | words.CHECK_EAS:
            _sized(rest, 1)
            return {VALUES[command]: _value(command, rest[0])}
        case words.TAG_INFO:
            return _tag_info(rest)
        case words.WRITE_BLOCKS:
            _sized(rest, 0, 1)
            return {"block": rest[0]} if rest else {}
    _sized(rest, 0)
    return {}


def _blocks(rest: bytes) -> Fields:
    """Read blocks in the form that numbers them, or in the one with a first block and their locks."""
    if rest and rest[0] and (len(rest) - 1) % rest[0] == 0 and (len(rest) - 1) // rest[0] >= 6:
        step = (len(rest) - 1) // rest[0]
        parts = [rest[at : at + step] for at in range(1, len(rest), step)]
        return _listed([(part[0], part[1], part[2:]) for part in parts])
    if len(rest) >= 7 and rest[1] and (len(rest) - 2) % rest[1] == 0:
        step = (len(rest) - 2) // rest[1]
        parts = [rest[at : at + step] for at in range(2, len(rest), step)]
        return _listed([(rest[0] + n, part[0], part[1:]) for n, part in enumerate(parts)])
    raise _Misfit("blocks belong here")


def _listed(blocks: list[tuple[int, int, bytes]]) -> Fields:
    return {
        "first_block": blocks[0][0],
        "blocks": len(blocks),
        "data": b"".join(data for _, _, data in blocks).hex(),
        "locked": [number for number, lock, _ in blocks if lock],
    }


def _tag_info(rest: bytes) -> Fields:
    if not rest:
        raise _Misfit("the bits of a tag info belong here")
    bits, at = rest[0], 1
    fields: Fields = {"info_bits": f"{bits:02x}"}
    for bit, name, size in ((1, "dsfid", 1), (2, "afi", 1), (4, "memory", 2), (8, "ic_reference", 2)):
        if not bits & bit:
            continue
        part, at = rest[at : at + size], at + size
        if len(part) < size:
            raise _Misfit("the tag info ends before its bits do")
        if name == "memory":
            fields |= {"block_size": part[0] + 1, "blocks": part[1] + 1}
        else:
            fields[name] = part.hex()
    _sized(rest, at)
    return fields


def _air(payload: bytes, head: int, direction: str) -> Fields:
    sizes = payload[:2] if direction == "request" else payload[1:3]
    if len(payload) < head or len(payload) != head + int.from_bytes(sizes, "big"):
        raise _Misfit("sizes and as many bytes of ISO 15693 belong here")
    if len(payload) == head:
        return {"iso15693": {}}
    return {"iso15693": dict(air.explain(payload[head:], direction=direction).fields)}
