"""`turnleaf explain isil`: a compacted library code."""

from firmware_bridge.explained import Explained, Problem
from firmware_bridge.tags.isil import decode, encode


def explain(data: bytes, **_: object) -> Explained:
    """Say which ISIL the bytes are; bytes that a writer would not make so are a problem."""
    text = decode(data)
    fields = {"isil": text}
    again = encode(text)
    problems: tuple[Problem, ...] = ()
    if not text:
        problems = (Problem("the bytes hold no character", 0),)
    elif again != data:
        at = next(
            (n for n, (one, other) in enumerate(zip(data, again, strict=False)) if one != other), len(again)
        )
        problems = (Problem(f"{text} is written {again.hex()}; these bytes end or switch otherwise", at),)
    return Explained("isil", fields, problems, {"isil": "ISO 28560-2 Annex C"})
