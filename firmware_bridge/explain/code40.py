"""`turnleaf explain code40`: text of URN Code 40."""

from firmware_bridge.explained import Explained, Problem
from firmware_bridge.tags.code40 import Code40Error, decode
from firmware_bridge.tags.iso28560_4 import HEADERS


def explain(data: bytes, **_: object) -> Explained:
    """Say the text; never raises."""
    try:
        fields = {"text": decode(data)}
    except Code40Error as error:
        return Explained("code40", {}, (Problem(str(error), error.offset),))
    if data[:4] in HEADERS:
        fields["header"] = f"the German practice; owner {HEADERS[data[:4]]}"
    return Explained("code40", fields, (), {"text": "ISO/IEC 15962, URN Code 40"})
