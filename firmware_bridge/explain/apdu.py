"""An APDU or its response, in words: ISO/IEC 7816-4, PC/SC part 3, `FF C2` objects and uTrust's `FF FC`."""

from typing import Final

from firmware_bridge import apdu, apdu_transparent
from firmware_bridge.explained import Explained, Problem

INSTRUCTIONS: Final[dict[int, str]] = {
    0xCA: "get_data",
    0xB0: "read_binary",
    0xD6: "update_binary",
    0x82: "load_keys",
    0x86: "general_authenticate",
    0xC2: "transparent_exchange",
    0xFC: "utrust_iso15693",
    0xFD: "utrust_traverse",
    0xA4: "select",
}
C2_FUNCTIONS: Final = {0: "manage_session", 1: "transparent_exchange", 2: "switch_protocol"}
TAG_COMMANDS: Final[dict[int, str]] = {
    0x01: "inventory",
    0x02: "stay_quiet",
    0x20: "read_single_block",
    0x21: "write_single_block",
    0x22: "lock_block",
    0x23: "read_multiple_blocks",
    0x24: "write_multiple_blocks",
    0x25: "select",
    0x26: "reset_to_ready",
    0x27: "write_afi",
    0x28: "lock_afi",
    0x29: "write_dsfid",
    0x2A: "lock_dsfid",
    0x2B: "get_system_information",
    0x2C: "get_multiple_block_security_status",
    0xA2: "set_eas",
    0xA3: "reset_eas",
    0xA4: "lock_eas",
    0xA5: "eas_alarm",
}
"""Commands of ISO/IEC 15693-3 §10.4, and of NXP from A2 on."""
SECTIONS: Final = {
    "cla": "ISO/IEC 7816-4 §5.4",
    "ins": "PC/SC part 3 §3.2.2",
    "objects": "PC/SC part 3 amendment 1",
    "iso15693": "ISO/IEC 15693-3 §10.4",
    "status": "ISO/IEC 7816-4 §5.6",
}


def explain(data: bytes, **_: object) -> Explained:
    """Explain a command (first byte FF, 00 or 80, at least four bytes) or a response; never raises."""
    if len(data) >= 4 and data[0] in (0x00, 0x80, 0xFF):
        fields, problems = _command(data)
    elif len(data) >= 2:
        fields, problems = _response(data)
    else:
        fields, problems = {}, [Problem("neither a command (4 bytes) nor a status word (2 bytes)", len(data))]
    sections = {name: SECTIONS[name] for name in fields if name in SECTIONS}
    return Explained("apdu", fields, tuple(problems), sections)


def _command(data: bytes) -> tuple[dict[str, object], list[Problem]]:
    ins, p1, p2 = data[1:4]
    fields: dict[str, object] = {
        "cla": f"{data[0]:02X}",
        "ins": INSTRUCTIONS.get(ins, f"{ins:02X}"),
        "p1": p1,
        "p2": p2,
    }
    body, problems = b"", list[Problem]()
    rest = data[4:]
    if len(rest) == 1:
        fields["le"] = rest[0] or 256
    elif rest:
        count, body = rest[0], rest[1 : 1 + rest[0]]
        fields["lc"] = count
        fields["data"] = body.hex().upper()
        if len(body) < count:
            problems.append(Problem(f"Lc says {count} bytes, {len(body)} are there", len(data)))
        elif len(rest) == count + 2:
            fields["le"] = rest[-1] or 256
        elif len(rest) > count + 2:
            problems.append(Problem("bytes after Le", 4 + count + 2))
    if data[0] != 0xFF:
        return fields, problems
    if ins in (0xB0, 0xD6):
        fields["block"] = p1 << 8 | p2
    elif ins == 0xC2:
        fields["function"] = C2_FUNCTIONS.get(p2, f"{p2:02X}")
        fields["objects"] = _objects(body, 5, problems)
        request = apdu_transparent.objects(body).get(apdu_transparent.TRANSCEIVE)
        if request:
            fields["iso15693"] = request_words(request)
    elif ins == 0xFC and body:
        fields["iso15693"] = parameters(body[0], body[1:])
    return fields, problems


def _response(data: bytes) -> tuple[dict[str, object], list[Problem]]:
    body, status = data[:-2], int.from_bytes(data[-2:], "big")
    fields: dict[str, object] = {}
    problems: list[Problem] = []
    if body:
        fields["data"] = body.hex().upper()
    fields["status"] = f"{status:04X}"
    fields["meaning"] = apdu.status_words(status)
    if data[-2] >> 4 not in (6, 9):
        problems.append(Problem("a status word begins with 6 or 9", len(body)))
    if body[:2] == b"\xc0\x03":
        fields["objects"] = _objects(body, 0, problems)
        told = body[2:5]
        inner = int.from_bytes(told[1:], "big")
        if len(told) == 3 and inner != apdu.OK:
            problems.append(Problem(f"inner status {inner:04X}: {apdu.status_words(inner)}", 3))
        value = apdu_transparent.objects(body).get(apdu_transparent.ICC_RESPONSE)
        if value:
            fields["iso15693"] = {"flags": f"{value[0]:02X}", "data": value[1:].hex().upper()}
            if value[0] & 1:
                problems.append(Problem("the tag answered with an error", data.find(value)))
    return fields, problems


def _objects(body: bytes, at: int, problems: list[Problem]) -> list[dict[str, str]]:
    found = apdu_transparent.objects(body)
    if found.wrong is not None:
        problems.append(Problem("a data object reaches past the end", at + found.wrong))
    return [
        {
            "tag": f"{one.tag:02X}",
            "name": apdu_transparent.OBJECTS.get(one.tag, "unknown"),
            "value": one.value.hex().upper(),
        }
        for one in found.found
    ]


def request_words(request: bytes) -> dict[str, object]:
    """Return what an ISO 15693 request with flags says (ISO/IEC 15693-3 §7.3)."""
    flags = request[0]
    found: dict[str, object] = {"flags": f"{flags:02X}"}
    if len(request) < 2:
        return found
    rest = request[2:]
    if request[1] >= 0xA0 and rest:
        found["manufacturer"] = f"{rest[0]:02X}"
        rest = rest[1:]
    if flags & 0x24 == 0x20 and len(rest) >= 8:  # addressed, not an inventory
        found["uid"] = rest[:8][::-1].hex().upper()
        rest = rest[8:]
    return found | parameters(request[1], rest)


def parameters(command: int, rest: bytes) -> dict[str, object]:
    """Return what the parameters of an ISO 15693 command say; counts on the wire are one less."""
    found: dict[str, object] = {"command": TAG_COMMANDS.get(command, f"{command:02X}")}
    if command in (0x20, 0x21, 0x22, 0x23, 0x24, 0x2C) and rest:
        found["block"] = rest[0]
        rest = rest[1:]
        if command in (0x23, 0x24, 0x2C) and rest:
            found["count"] = rest[0] + 1
            rest = rest[1:]
    elif command in (0x27, 0x29) and rest:
        found["afi" if command == 0x27 else "dsfid"] = f"{rest[0]:02X}"
        rest = rest[1:]
    if rest:
        found["data"] = rest.hex().upper()
    return found
