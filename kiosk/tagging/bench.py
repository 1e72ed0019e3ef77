"""One command's pad, the rules of its library, and how it speaks.

Lines for people go to standard error; standard output belongs to the result: one JSON object a tag with
`--json`, lines without it.
"""

import argparse
import json
import sys
from typing import Any

from firmware_bridge.ports import EasResult, TagMemory
from firmware_bridge.tags.reading import TagContent, decode_tag, identify
from firmware_bridge.tags.security import NOT_ASKED, Evidence, Mark, judge, security_of
from kiosk.pad_loop import open_pad, security_rules
from kiosk.tagging.config import TagStationSettings
from kiosk.tagging.program import Rules
from kiosk.tagging.station import TagPad, reason_of
from wire.clock import Clock


class Bench:
    """One command's pad, rules and words."""

    def __init__(self, settings: TagStationSettings, args: argparse.Namespace, clock: Clock) -> None:
        self.settings = settings
        self.args = args
        self.clock = clock
        self.pad: TagPad = open_pad(settings.pad)
        tags, secured_by = settings.tags, security_rules(settings.pad)
        both: frozenset[Mark] = frozenset({"afi", "eas"})
        marks = both if tags.eas else secured_by.marks
        self.rules = Rules(frozenset(settings.pad.owners), secured_by.bits, tags.model, marks)

    def say(self, text: str) -> None:
        """Tell the person at the pad something."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def tell(self, value: dict[str, Any], text: str) -> None:
        """Give one result."""
        sys.stdout.write((json.dumps(value, ensure_ascii=False) if self.args.json else text) + "\n")
        sys.stdout.flush()

    def beep(self, good: bool) -> None:
        """Sound the terminal's bell: once is good, twice is not."""
        if sys.stderr.isatty():
            sys.stderr.write("\a" if good else "\a\a")

    async def now(self) -> list[dict[str, Any]]:
        """Read every tag that lies on the pad, as `describe` tells it; raises DeviceError."""
        return [await self.look(uid) for uid in sorted(await self.pad.inventory())]

    async def look(self, uid: str) -> dict[str, Any]:
        """Read one tag whole, and its EAS bit where the library uses it; raises DeviceError."""
        memory = await self.pad.read_all(uid)
        return self.describe(memory, await self.pad.eas(uid) if "eas" in self.rules.marks else NOT_ASKED)

    def describe(self, memory: TagMemory, eas: EasResult = NOT_ASKED) -> dict[str, Any]:
        """Return one tag for JSON."""
        reading, found = decode_tag(memory, self.rules.owners, self.rules.bits), identify(memory)
        state = judge(Evidence(memory.afi, eas=eas), self.rules.security)
        said = {
            "uid": memory.uid,
            "what": type(reading).__name__.removesuffix("Tag").lower(),
            "model": found.model if isinstance(found, TagContent) else None,
            "item": getattr(reading, "item", None),
            "owner": getattr(reading, "owner", None),
            "part": getattr(reading, "part", None),
            "parts": getattr(reading, "parts", None),
            "reason": getattr(reading, "reason", None),
            "afi": None if memory.afi is None else f"{memory.afi:02X}",
            "security": security_of(state),
            "security_reason": None if state.state is not None else reason_of(state),
            "locked_blocks": sorted(memory.locked),
            "memory": memory.blocks.hex(),
        }
        return said | ({"eas": eas.on} if "eas" in self.rules.marks else {})


def sentence(tag: dict[str, Any]) -> str:
    """Return one tag as a line for people."""
    words = [tag["uid"], f"{tag['what']:<8}"]
    if tag["item"]:
        part = f" part {tag['part']} of {tag['parts']}" if (tag["parts"] or 1) > 1 else ""
        words.append(f"{tag['item']}{part} of {tag['owner'] or 'no owner'}")
    eas = {True: ", EAS on", False: ", EAS off", None: ", EAS ?"}[tag["eas"]] if "eas" in tag else ""
    words.append(f"{tag['security']} (AFI {tag['afi'] or '?'}{eas})")
    if tag["locked_blocks"]:
        words.append(f"{len(tag['locked_blocks'])} blocks locked")
    if tag["reason"]:
        words.append(tag["reason"])
    return "  ".join(words)
