"""A request or a response of a vicinity tag in words (ISO/IEC 15693-3, ICODE data sheets).

The air does not say which way bytes go. Asked as `direction="request"` or `"answer"`, that counts; otherwise
bytes that read well as a request are one. Known besides, because captures hold them: a reader's wrapping
(ST CR95HF), a system information whose flags the reader has taken off, and the bare EAS sequence.

A CRC is optional, as readers strip it: `crc` is among the fields only when there was one, and a right one.
"""

from typing import Any

from firmware_bridge import iso15693 as iso
from firmware_bridge.errors import FrameError
from firmware_bridge.explained import Explained, Problem

SECTIONS = {
    "flags": "ISO/IEC 15693-3 §7.3, §7.4",
    "command": "ISO/IEC 15693-3 §10",
    "maker": "ISO/IEC 15693-3 §10.5",
    "uid": "ISO/IEC 15693-3 §4.1",
    "error_code": "ISO/IEC 15693-3 §7.4.2",
    "info_flags": "ISO/IEC 15693-3 §10.4.12",
    "afi": "ISO/IEC 15693-3 §4.2",
    "dsfid": "ISO/IEC 15693-3 §4.3",
    "eas_sequence": "ICODE SLIX data sheet, EAS ALARM",
    "crc": "ISO/IEC 15693-3 annex C",
}
Fields = dict[str, Any]
CR95HF_DATA = 0x80
"""Result code of a CR95HF that received data; a length follows, and a byte of its own at the end."""

PARAMETERS: dict[int, tuple[str, ...]] = {
    iso.READ_BLOCK: ("block",),
    iso.LOCK_BLOCK: ("block",),
    iso.READ_BLOCKS: ("first_block", "blocks_less_one"),
    iso.BLOCK_SECURITY: ("first_block", "blocks_less_one"),
    iso.WRITE_AFI: ("afi",),
    iso.WRITE_DSFID: ("dsfid",),
    iso.PROTECT: (),
    iso.STAY_QUIET: (),
    iso.SELECT: (),
    iso.RESET_TO_READY: (),
    iso.LOCK_AFI: (),
    iso.LOCK_DSFID: (),
    iso.SYSTEM_INFORMATION: (),
    iso.SET_EAS: (),
    iso.RESET_EAS: (),
    iso.LOCK_EAS: (),
    iso.EAS_ALARM: (),
    iso.NXP_SYSTEM_INFORMATION: (),
    iso.GET_RANDOM: (),
}
"""Commands whose parameters are single bytes, by the names of the standard."""
SECRET = (iso.SET_PASSWORD, iso.WRITE_PASSWORD)


def explain(data: bytes, *, direction: str = "", **_options: object) -> Explained:
    """Explain one request or response. Never raises; what does not fit is a problem with its offset."""
    if not data:
        return Explained("iso15693", {}, (Problem("no bytes", 0),), SECTIONS)
    if data == iso.EAS_SEQUENCE:
        return _told({"direction": "answer", "form": "bare", "eas_sequence": data.hex()})
    if not direction and data[0] == CR95HF_DATA and 5 < len(data) == data[1] + 2:
        return _wrapped(data)
    body, has_crc = iso.split_crc(data)
    crc: Fields = {"crc": data[-iso.CRC_BYTES :].hex()} if has_crc else {}
    return _explained(body, direction, crc, 0)


def _told(fields: Fields, *problems: Problem) -> Explained:
    return Explained("iso15693", fields, problems, SECTIONS)


def _wrapped(data: bytes) -> Explained:
    body, has_crc = iso.split_crc(data[2:-1])
    crc: Fields = {"crc": data[-3:-1].hex()} if has_crc else {}
    inner = _explained(body, "answer", crc, 2)
    head: Fields = {
        "wrapped_by": "ST CR95HF",
        "reader_result": f"{data[0]:02x}",
        "reader_trailer": f"{data[-1]:02x}",
    }
    return Explained("iso15693", head | dict(inner.fields), inner.problems, SECTIONS)


def _explained(body: bytes, direction: str, crc: Fields, at: int) -> Explained:
    if direction != "answer":
        fields, problem = _request(body)
        if direction == "request" or (problem is None and body[0] & iso.HIGH_RATE):
            return _told(fields | crc, *_moved(problem, at))
    fields, problem = _response(body)
    if problem is not None and direction != "answer":
        bare, failed = _system(body)
        if failed is None:
            return _told({"direction": "answer", "form": "without flags"} | bare | crc)
    return _told(fields | crc, *_moved(problem, at))


def _moved(problem: Problem | None, by: int) -> tuple[Problem, ...]:
    if problem is None:
        return ()
    return (Problem(problem.text, None if problem.offset is None else problem.offset + by),)


def _request(body: bytes) -> tuple[Fields, Problem | None]:
    fields: Fields = {"direction": "request"}
    try:
        request = iso.decode_request(body)
    except FrameError as error:
        return fields, Problem(error.seen, len(body))
    fields |= {"flags": f"{request.flags:02x}", "flag_names": _flag_names(request)}
    fields |= {"command": f"{request.command:02x}", "command_name": request.name}
    if request.maker is not None:
        fields["maker"] = f"{request.maker:02x}"
    if request.uid:
        fields["uid"] = request.uid
    at = len(body) - len(request.data)
    if request.name == "unknown":
        return fields | _rest(request.data), Problem(f"command {request.command:02X} is not assigned", 1)
    if request.uid and not request.uid.startswith("E0"):
        return fields | _rest(request.data), Problem("a UID ends with E0 on the air", at - 1)
    if request.is_inventory:
        return _inventory(fields, request, at)
    return _parameters(fields, request, at)


def _flag_names(request: iso.Request) -> list[str]:
    common = [(iso.SUBCARRIER, "two subcarriers"), (iso.HIGH_RATE, "high data rate"), (iso.OPTION, "option")]
    common += [(iso.INVENTORY_FLAG, "inventory"), (iso.EXTENSION, "protocol extension")]
    if request.is_inventory:
        common += [(iso.AFI_FLAG, "AFI"), (iso.ONE_SLOT, "one slot")]
    else:
        common += [(iso.SELECT_FLAG, "select"), (iso.ADDRESS_FLAG, "address")]
    return [name for bit, name in sorted(common) if request.flags & bit]


def _inventory(fields: Fields, request: iso.Request, at: int) -> tuple[Fields, Problem | None]:
    if request.afi is not None:
        fields["afi"] = f"{request.afi:02x}"
    if not request.data:
        return fields, Problem("the inventory ends before the length of its mask", at)
    bits, mask = request.data[0], request.data[1:]
    fields |= {"mask_length": bits, "mask": mask.hex()}
    if len(mask) != (bits + 7) // 8:
        return fields, Problem(f"a mask of {bits} bits has {(bits + 7) // 8} bytes, not {len(mask)}", at)
    return fields, None


def _parameters(fields: Fields, request: iso.Request, at: int) -> tuple[Fields, Problem | None]:
    if request.command in SECRET:  # a password is not shown, covered or not
        return fields | {"password_id": f"{request.data[:1].hex()}"}, _counted(request.data, 5, at)
    if request.command == iso.WRITE_BLOCK and request.data:
        return fields | {"block": request.data[0], "data": request.data[1:].hex()}, None
    if request.command == iso.WRITE_BLOCKS and len(request.data) >= 2:
        first, less_one, data = request.data[0], request.data[1], request.data[2:]
        fields |= {"first_block": first, "blocks": less_one + 1, "data": data.hex()}
        whole = data and len(data) % (less_one + 1) == 0
        return fields, None if whole else Problem(f"{len(data)} bytes are no {less_one + 1} blocks", at + 2)
    names = PARAMETERS.get(request.command)
    if request.command in (iso.WRITE_BLOCK, iso.WRITE_BLOCKS):
        return fields | _rest(request.data), Problem("the write ends before its data", at + len(request.data))
    if names is None:
        return fields | _rest(request.data), None
    for name, value in zip(names, request.data, strict=False):
        if name == "blocks_less_one":
            fields["blocks"] = value + 1
        else:
            fields[name] = f"{value:02x}" if name in ("afi", "dsfid") else value
    fields |= _rest(request.data[len(names) :])
    if request.command == iso.PROTECT:
        return fields, None
    return fields, _counted(request.data, len(names), at)


def _counted(data: bytes, wanted: int, at: int) -> Problem | None:
    if len(data) == wanted:
        return None
    return Problem(
        f"the command has {wanted} bytes of parameters, and {len(data)} came", at + min(len(data), wanted)
    )


def _rest(data: bytes) -> Fields:
    return {"data": data.hex()} if data else {}


def _response(body: bytes) -> tuple[Fields, Problem | None]:
    fields: Fields = {"direction": "answer", "flags": body[:1].hex()}
    try:
        found = iso.decode_response(body)
    except FrameError as error:
        return fields, Problem(error.seen, min(len(body), 1))
    if found.error is not None:
        _, name = iso.meaning(found.error)
        return fields | {"error_code": f"{found.error:02x}", "error": name}, None
    if found.flags & ~0x08:
        return fields | _rest(found.data), Problem(f"response flags {found.flags:02X} are not assigned", 0)
    if found.data == iso.EAS_SEQUENCE:
        return fields | {"eas_sequence": found.data.hex()}, None
    system, failed = _system(found.data)
    if failed is None:
        return fields | system, None
    if len(found.data) == 1 + iso.UID_BYTES and found.data[-1] == 0xE0:
        dsfid, uid = iso.decode_inventory(found.data)
        return fields | {"dsfid": f"{dsfid:02x}", "uid": uid}, None
    return fields | _rest(found.data), None


def _system(data: bytes) -> tuple[Fields, Problem | None]:
    """Return a system information; only one that tells something, of a UID, is taken for one."""
    try:
        found = iso.decode_system_information(data)
    except FrameError as error:
        return {}, Problem(error.seen, len(data))
    if not found.uid.startswith("E0") or not data[0] & 0x0F or data[0] & 0xF0:
        return {}, Problem("no system information", 0)
    fields: Fields = {"info_flags": f"{data[0]:02x}", "uid": found.uid}
    for name, value in (("dsfid", found.dsfid), ("afi", found.afi)):
        if value is not None:
            fields[name] = f"{value:02x}"
    if found.blocks is not None:
        fields |= {"blocks": found.blocks, "block_size": found.block_size}
    if found.ic is not None:
        fields["ic_reference"] = f"{found.ic:02x}"
    return fields, None
