"""A conversation for a bug report, with everything private struck out. Pure.

What stays is the shape: codes, fixed fields, field ids in their order, flags, counts, dates, sequence
digits, terminators, whether the checksum was right. Whatever else stands in a field becomes a placeholder,
`patron-1`, the same one for the same value wherever it comes again, filled up to the length class of what it
stands for. So a reader sees that the item of the 12 is the item of the 11, and not which item, whose, or what
it is called.

It keeps what it knows to be harmless and strikes out the rest, never the other way round: a value stays only
where its field holds flags, counts or dates and it looks like one; the fixed fields only when all of them
read as what they should be. An unknown field keeps its two letters. Bytes that are no SIP2 (prompts, a login
typed after them) are told by their number alone.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from central.sip2.codec import MESSAGES, PLAIN, Dialect, Layout, checksum, decode, layout
from central.sip2.fields import DATE, Fixed

FORMAT = 1
"""Version of the file's form, in its first line."""
Speaker = Literal["kiosk", "system"]

CLASSES = (8, 16, 32, 64, 128, 255)
"""Length classes: a placeholder is as long as the class of its value, in characters."""
LONGEST = 65_536
"""Bytes that are kept while a message has not ended."""

_FIELD = re.compile(r"\Z|[A-Z]{2}")
"""What may follow the fixed fields."""
_DATE = r"\d{8}[A-Z ]{4}\d{6}|\d{4}-?\d\d-?\d\d([ T]\d\d:\d\d(:\d\d)?)?|\d\d[./]\d\d[./]\d{2,4}"
_FLAG, _COUNT, _MONEY = "[YN]", r"\d{1,4}", r"-?\d{1,6}([.,]\d{1,2})?"
KEPT = {key: re.compile(pattern, re.ASCII) for pattern, keys in {
    _FLAG: "BI BL BO CI CQ",
    _COUNT: "BP BQ BR BZ CA CB CF",
    _MONEY: "BV CC",
    _DATE: "AH BW CJ CM",
    r"\d{2}": "BT CV",
    r"\d{3}": "CK",
    r"\d": "BY",
    "[A-Z]{3}": "BH",
    "[YN]{1,32}": "BX",
}.items() for key in keys.split()}  # fmt: skip
"""Fields whose value stays when it looks like what it should be (3M SIP2 2.00, "Field definitions")."""

KINDS = {key: kind for kind, keys in {
    "patron": "AA CY",
    "name": "AE DA",
    "item": "AB",
    "title": "AJ",
    "pin": "AD",
    "secret": "AC CO",
    "login": "CN",
    "address": "BD",
    "email": "BE",
    "phone": "BF",
    "text": "AF AG AL AH CH",
    "entry": "AS AT AU AV BM BN BU CD",
    "place": "AM AN AO AP AQ BG BS CP CT",
}.items() for key in keys.split()}  # fmt: skip
"""What a field's placeholder is called; all others are `value`."""

_WORDS = {
    "language": r"\d{3}",
    "summary": "[Y ]{10}",
    "version": r"\d\.\d\d",
    "uid_algorithm": r"\d",
    "password_algorithm": r"\d",
    "fee_type": r"\d\d",
    "payment_type": r"\d\d",
    "currency": "[A-Z ]{3}",
    "status": r"[YN ]{14}|\d",
}
"""What fixed fields that take any text may hold."""
_TRAILER = re.compile(rb"(AY.)?AZ[0-9A-Fa-f]{4}$", re.DOTALL)
_QUOTED = re.compile(r"""(['"]).*\1""", re.DOTALL)
_UNKNOWN_ID = re.compile("[A-Z][A-Z0-9]")
_ENDS = {b"\r": "CR", b"\n": "LF", b"\r\n": "CRLF"}


@dataclass(slots=True)
class Placeholders:
    """Which value is told as which placeholder; kept in memory alone, for one file."""

    _numbers: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    _counts: dict[str, int] = field(default_factory=dict)

    def of(self, kind: str, value: str) -> str:
        """Return the placeholder of a value; the same one whenever it comes again."""
        found = self._numbers.get((kind, value))
        if found is None:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            size = next((size for size in CLASSES if len(value) <= size), CLASSES[-1])
            found = self._numbers[kind, value] = f"{kind}-{number}".ljust(size, ".")
        return found


def redact(raw: bytes, names: Placeholders, dialect: Dialect = PLAIN) -> dict[str, Any]:
    """Return what may be told of one message, as the fields of its line."""
    found = decode(raw, dialect)
    body = _TRAILER.sub(b"", raw.strip(b"\r\n\0 "))
    text = body.decode(dialect.encoding, "replace")
    kind = MESSAGES.get(text[:2])
    if kind is None:
        return {"not_sip2": True, "bytes": len(raw)}
    shape = layout(kind)
    fixed, at, aligned = _fixed(shape, text)
    told = text[:2] + fixed + "".join(_parts(shape, text[at:], names, aligned=aligned))
    read = decode(body, dialect)  # a wrong checksum hides the rest from `found`
    problems = [_QUOTED.sub("…", one) for one in getattr(read, "problems", ())]
    return {
        "message": told + _trailer(told, found.sequence, found.check),
        "checksum": found.check,
        "bytes": len(raw),
        "text": _text(body),
        **({"problems": problems} if problems else {}),
    }


def _fixed(shape: Layout, text: str) -> tuple[str, int, bool]:
    """Return the fixed fields as they may be told, where they end, and whether all were what they should."""
    at, aligned = 2, True
    for name, spec in shape.fixed:
        aligned &= _fits(name, spec, text[at : at + spec.width])
        at += spec.width
    aligned &= _FIELD.match(text, at) is not None  # else a piece of a field may stand where a date does
    told = text[2:at]
    return (told if aligned else "?" * len(told)), at, aligned


def _fits(name: str, spec: Fixed, raw: str) -> bool:
    if len(raw) != spec.width or not raw.isascii():
        return False
    if spec.kind is DATE:
        return re.fullmatch(r" {18}|\d{8}( {4}|   Z|  [+-]\d)\d{6}", raw) is not None
    pattern = _WORDS.get(name)
    if pattern is not None:
        return re.fullmatch(pattern, raw) is not None
    return not raw.strip() or spec.kind.read(raw) is not None


def _parts(shape: Layout, text: str, names: Placeholders, *, aligned: bool) -> Iterator[str]:
    """Yield the named fields as they may be told, each with its delimiter."""
    parts = text.split("|")
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part.strip():
            yield _part(shape, part, names, aligned=aligned)
        if not last:
            yield "|"


def _part(shape: Layout, part: str, names: Placeholders, *, aligned: bool) -> str:
    key, value = part[:2], part[2:]
    known = key in shape.named or key in KINDS or key in KEPT
    if not known and not (aligned and _UNKNOWN_ID.fullmatch(key)):
        return "??" + names.of("value", part)
    kept = KEPT.get(key)
    if not value or (kept is not None and kept.fullmatch(value)):
        return part
    return key + names.of(KINDS.get(key, "value"), value)


def _trailer(told: str, sequence: str | None, check: str) -> str:
    """Return error detection for what is told: right where it was right, wrong where it was wrong."""
    if check == "none":
        return ""
    digit = sequence if sequence is not None and sequence.isascii() and sequence.isdigit() else None
    told += "AZ" if digit is None else f"AY{digit}AZ"
    right = checksum(told.encode("ascii")).decode("ascii")
    wrong = "0000" if right != "0000" else "0001"
    return ("AZ" if digit is None else f"AY{digit}AZ") + (right if check == "right" else wrong)


def _text(body: bytes) -> str:
    """Return which encoding the bytes may be in, because placeholders hide it."""
    if body.isascii():
        return "ascii"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "other"
    return "utf-8"


class Transcript:
    """One connection on its way into a file: bytes in, lines out."""

    def __init__(self, names: Placeholders, number: int, dialect: Dialect = PLAIN) -> None:
        self._names = names
        self._number = number
        self._dialect = dialect
        self._held: dict[Speaker, bytes] = {"kiosk": b"", "system": b""}

    def hear(self, who: Speaker, data: bytes, seconds: float) -> list[str]:
        """Return the lines that end in `data`, said `seconds` after the beginning."""
        other: Speaker = "system" if who == "kiosk" else "kiosk"
        lines = self._rest(other, seconds)  # a prompt never ends; it is over when the other side speaks
        held = self._held[who] + data
        at = 0
        for found in re.finditer(rb"([^\r\n]*)(\r\n|\r|\n)", held):
            at = found.end()
            if found[1].strip(b"\0 "):
                told = redact(found[1], self._names, self._dialect) | {"end": _ENDS[found[2]]}
                lines.append(self._line(who, seconds, told))
        self._held[who] = held[at:]
        if len(self._held[who]) > LONGEST:
            lines += self._rest(who, seconds)
        return lines

    def over(self, seconds: float) -> list[str]:
        """Return the lines of what had not ended when the connection did."""
        rest = self._rest("kiosk", seconds) + self._rest("system", seconds)
        return [*rest, self._line(None, seconds, {"over": True})]

    def _rest(self, who: Speaker, seconds: float) -> list[str]:
        rest, self._held[who] = self._held[who], b""
        told = {"not_sip2": True, "bytes": len(rest)}
        return [self._line(who, seconds, told)] if rest else []

    def _line(self, who: Speaker | None, seconds: float, told: dict[str, Any]) -> str:
        head: dict[str, Any] = {"t": round(seconds, 3), "connection": self._number}
        if who is not None:
            head["from"] = who
        return json.dumps(head | told, ensure_ascii=True)


def heading(dialect: Dialect, version: str) -> str:
    """Return the first line of a file."""
    return json.dumps({"sip2_record": FORMAT, "turnleaf": version, "encoding": dialect.encoding})


def message_of(line: bytes) -> bytes | None:
    """Return the message that a line of such a file tells; None when it tells none, or is no such line."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    found = told.get("message") if isinstance(told, dict) else None
    return found.encode("ascii", "replace") if isinstance(found, str) else None
