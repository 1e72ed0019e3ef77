"""An answer to reset, in words: ISO/IEC 7816-3, PC/SC part 3."""

from firmware_bridge import atr
from firmware_bridge.explained import Explained, Problem

SECTIONS = {
    "protocols": "ISO/IEC 7816-3 §8.2.3",
    "historical": "ISO/IEC 7816-4 §8.1.1",
    "rid": "PC/SC part 3 §3.1.3.2.3",
    "standard": "PC/SC part 3, SS",
    "card_name": "PC/SC part 3 supplemental document, NN",
    "tck": "ISO/IEC 7816-3 §8.2.5",
}


def explain(data: bytes, **_: object) -> Explained:
    """Explain an ATR; never raises."""
    found = atr.decode(data)
    fields: dict[str, object] = {
        "protocols": [f"T={number}" for number in found.protocols],
        "historical": found.historical.hex().upper(),
    }
    problems = found.problems
    if found.rid:
        fields["rid"] = found.rid.hex().upper()
    if found.rid == atr.PCSC_RID and found.standard is not None and found.name is not None:
        fields["standard"] = atr.STANDARDS.get(found.standard, f"{found.standard:02X}")
        fields["card_name"] = atr.CARDS.get(found.name, f"{found.name:04X}")
        if len(data) > 6 and data[6] != 0x0C:
            problems = (
                *problems,
                Problem(f"length of the application identifier is {data[6]:02X}, not 0C", 6),
            )
    fields["tck"] = None if found.tck is None else f"{found.tck:02X}"
    return Explained("atr", fields, problems, {name: SECTIONS[name] for name in fields})
