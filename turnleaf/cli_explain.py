"""`turnleaf explain KIND HEX`: what bytes of a capture are, field by field, with their standard's section.

Several lines on standard input are several captures: each is answered by itself, in order, as a paragraph
or as one JSON object a line.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firmware_bridge.explain import Explain
    from firmware_bridge.explained import Explained

HELP = "Say what bytes of a capture are, field by field."
EXAMPLE = "turnleaf explain auto 05ff65e5cb"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    found = _kinds()
    width = max(map(len, found))
    kinds = "\n".join(f"  {kind:<{width}}  {line}" for kind, line in found.items())
    parser.epilog = (
        f"kinds:\n{kinds}\n  {'auto':<{width}}  guesses, and says how sure it is\n\n{parser.epilog}\n"
        "  turnleaf explain --json feig - < capture.txt\n\n"
        "exit code: 0 every line is valid, 1 some are not (the offset of the first wrong byte is said)"
    )
    parser.add_argument(
        "kind", metavar="KIND", choices=[*found, "auto"], help="what the bytes are; see below"
    )
    parser.add_argument("hex", metavar="HEX", nargs="+", help="hex, spaces and colons ignored; - reads lines")
    parser.add_argument("--compaction", type=int, choices=range(8), help="iso15962: the compaction code")
    parser.add_argument("--type", type=int, help="llrp-body: the message type, e.g. 61 (RO_ACCESS_REPORT)")
    parser.add_argument("--text", action="store_true", help="the words are text, not hex (sip2)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _kinds() -> dict[str, str]:
    from firmware_bridge.explain import available

    return available() | {"sip2": "frame of SIP2; --text takes it as it was typed"}


def _explainer(kind: str) -> "Explain":
    if kind == "sip2":
        from central.sip2.explain import explain

        return explain
    from firmware_bridge.explain import auto, explainer

    return auto.explain if kind == "auto" else explainer(kind)


def run(args: argparse.Namespace) -> int:
    """Explain each capture; 1 when one is not valid."""

    options = {
        name: value
        for name, value in (("compaction", args.compaction), ("message_type", args.type))
        if value is not None
    }
    explain = _explainer(args.kind)
    if options:
        explain = partial(explain, **options)
    failed = several = False
    for line in _captures(args.hex):
        found = explain(line.encode()) if args.text else _explain(explain, args.kind, line)
        failed |= not found.valid
        text = json.dumps(as_dict(found), ensure_ascii=False, default=str) if args.json else as_text(found)
        sys.stdout.write(f"\n{text}\n" if several and not args.json else f"{text}\n")
        several = True
    return 1 if failed else 0


def _captures(words: list[str]) -> Iterator[str]:
    if words == ["-"]:
        yield from (line.rstrip("\r\n") for line in sys.stdin if line.strip())
    else:
        yield " ".join(words)


def _explain(explain: "Explain", kind: str, line: str) -> "Explained":
    from firmware_bridge.explained import Explained, Problem

    digits = "".join(line.replace(":", " ").split()).removeprefix("0x")
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        wrong = next((at for at, digit in enumerate(digits) if digit not in "0123456789abcdefABCDEF"), None)
        seen = f"{digits[wrong]!r} is no hex digit" if wrong is not None else "half a byte at the end"
        return Explained(kind, {}, (Problem(seen, (len(digits) if wrong is None else wrong) // 2),))
    if not data:
        return Explained(kind, {}, (Problem("there are no bytes", 0),))
    return explain(data)


def as_dict(found: "Explained") -> dict[str, Any]:
    """Return what is said in JSON; `offset` is that of the first wrong byte."""
    offsets = [problem.offset for problem in found.problems if problem.offset is not None]
    said: dict[str, Any] = {"kind": found.kind, "valid": found.valid, "fields": dict(found.fields)}
    said["problems"] = [_sentence(problem.text, problem.offset) for problem in found.problems]
    if offsets:
        said["offset"] = min(offsets)
    if found.sections:
        said["sections"] = dict(found.sections)
    return said


def _sentence(text: str, offset: int | None) -> str:
    return text if offset is None else f"byte {offset}: {text}"


def as_text(found: "Explained") -> str:
    """Return a paragraph: the kind, a line a field with its section, and what is wrong."""
    lines = [f"{found.kind}: {'valid' if found.valid else 'not valid'}"]
    width = max(map(len, found.fields), default=0)
    for name, value in found.fields.items():
        section = found.sections.get(name, "")
        said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        lines.append(f"  {name:<{width}}  {said}" + (f"   [{section}]" if section else ""))
    lines += [f"  ✗ {_sentence(problem.text, problem.offset)}" for problem in found.problems]
    return "\n".join(lines)
