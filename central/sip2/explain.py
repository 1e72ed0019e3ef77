"""`turnleaf explain sip2`: a frame of SIP2 in words. Values that are somebody's are shown as they came.

A line that `turnleaf sip2 record` wrote is taken for the message that it tells.
"""

from dataclasses import fields
from datetime import datetime

from central.sip2.codec import MESSAGES, Dialect, Unreadable, checksum, decode, layout
from central.sip2.record import message_of
from firmware_bridge.explained import Explained, Problem

SECTION = "3M SIP2 2.00"


def explain(data: bytes, *, encoding: str = "utf-8", **_: object) -> Explained:
    """Say what a frame is, field by field, with a wrong checksum at its offset; never raises."""
    if data.startswith(b"{"):
        told = message_of(data)
        if told is None:
            return Explained("sip2", {"message": "none"})
        data = told
    frame = data.strip(b"\r\n\0")
    found = decode(frame, Dialect(encoding=encoding))
    if isinstance(found, Unreadable):
        at = max(frame.rfind(b"AZ") + 2, 0) if found.check == "wrong" else 0
        seen = found.reason
        if found.check == "wrong":
            right = checksum(frame[:at]).decode("ascii")
            seen = f"the checksum is {frame[at:].decode('ascii', 'replace')}, and the bytes make {right}"
        return Explained("sip2", {}, (Problem(seen, at),))
    message = found.message
    shape = layout(type(message))
    ids = {name: key for key, (name, _) in shape.named.items()}
    said: dict[str, object] = {"message": message.code, "name": type(message).__name__}
    for one in fields(message):
        value = getattr(message, one.name)
        if one.name == "extra" or value in ("", (), None):
            continue
        label = f"{ids[one.name]} {one.name}" if one.name in ids else one.name
        said[label] = value.isoformat() if isinstance(value, datetime) else value
    for key, value in message.extra:
        said[f"{key} (not in 2.00)"] = value
    said |= {"sequence": found.sequence, "checksum": found.check}
    problems = tuple(Problem(text) for text in found.problems)
    return Explained("sip2", said, problems, {"message": f"{SECTION}, message {MESSAGES[message.code].code}"})
