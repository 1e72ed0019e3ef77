"""`turnleaf explain iso28560-4-epc`: the EPC bank of a UHF item tag, from its PC word on, or from its CRC."""

from typing import Any

from firmware_bridge.explain.gen2_crc import stored_crc
from firmware_bridge.explained import Explained, Problem
from firmware_bridge.tags.gs1_epc import Epc96
from firmware_bridge.tags.iso28560_4 import German, NotUhf, Pc, Uii, decode_epc

KIND = "iso28560-4-epc"


def explain(data: bytes, **_: object) -> Explained:
    """Say what a bank holds; never raises."""
    if len(data) < 4 or len(data) % 2:
        return Explained(KIND, {}, (Problem(f"{len(data)} bytes are no bank of whole words", len(data)),))
    fields: dict[str, Any] = {}
    at = 0
    words = int.from_bytes(data[2:4], "big") >> 11
    if len(data) == 4 + words * 2 and stored_crc(data[2:]) == int.from_bytes(data[:2], "big"):
        fields["crc"], at = data[:2].hex(), 2
    pc = Pc.of(int.from_bytes(data[at : at + 2], "big"))
    epc = data[at + 2 :]
    fields |= {
        "pc": data[at : at + 2].hex(), "length_words": pc.words, "umi": pc.umi, "xpc": pc.xpc,
        "toggle": pc.toggle, "afi": None if pc.afi is None else f"{pc.afi:02x}",
    }  # fmt: skip
    problems: list[Problem] = []
    if len(epc) != pc.words * 2:
        problems.append(Problem(f"the PC word says {pc.words} words, {len(epc) // 2} follow", at))
    found = decode_epc(epc, pc)
    said, wrong = _of(found)
    if wrong is not None:
        problems.append(Problem(wrong.text, at + 2 + (wrong.offset or 0)))
    sections = {"pc": "EPC Gen2, PC word", "afi": "ISO/TS 28560-4, AFI", "uii": "ISO/TS 28560-4, UII"}
    return Explained(KIND, fields | said, tuple(problems), sections)


def _of(found: Uii | German | Epc96 | NotUhf) -> tuple[dict[str, Any], Problem | None]:
    match found:
        case Uii():
            return {
                "item": found.item, "owner": found.owner, "parts": found.set.parts, "part": found.set.part,
            }, None  # fmt: skip
        case German():
            return {"owner": found.owner, "number": found.number, "armed": found.armed}, None
        case Epc96():
            return {"gs1": found.uri, "filter": found.filter}, None
        case NotUhf():
            return {}, Problem(found.reason, found.offset)
