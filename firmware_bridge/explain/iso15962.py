"""`turnleaf explain iso15962`: bare compacted bytes, by the code that is given or by every code that fits."""

from typing import Any

from firmware_bridge.explained import Explained, Problem
from firmware_bridge.tags.iso15962 import Compaction, CompactionError, decode

KIND = "iso15962"


def explain(data: bytes, *, compaction: int | None = None, **_: object) -> Explained:
    """Say which text the bytes are. Code 0 is shown as hex: its meaning is the data element's."""
    if compaction is not None and not 0 <= compaction <= 7:
        return Explained(KIND, {}, (Problem(f"there is no compaction code {compaction}"),))
    if compaction is not None:
        return _one(data, Compaction(compaction))
    fits: dict[str, Any] = {}
    for code in list(Compaction)[1:]:
        found = _one(data, code)
        if found.valid:
            fits[f"code {code:d} ({code.name.lower()})"] = found.fields["text"]
    problems = () if fits else (Problem("no compaction code gives text", 0),)
    return Explained(KIND, fits, problems)


def _one(data: bytes, code: Compaction) -> Explained:
    fields: dict[str, Any] = {"compaction": int(code), "scheme": code.name.lower()}
    sections = {"compaction": "ISO/IEC 15962, compaction schemes"}
    if code is Compaction.APPLICATION:
        return Explained(KIND, fields | {"hex": data.hex()}, (), sections)
    try:
        return Explained(KIND, fields | {"text": decode(data, code)}, (), sections)
    except CompactionError as error:
        return Explained(KIND, fields, (Problem(str(error), error.offset),), sections)
