"""What `turnleaf tag` and `turnleaf shelf` do on a pad. Lines for people go to standard error.

Standard output belongs to the result: one JSON object a tag with `--json`, a table or a CSV without it.
"""

import argparse
import asyncio
import csv
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware_bridge.ports import TagMemory
from firmware_bridge.tags.reading import TagReading, decode_tag
from kiosk.pad_loop import open_pad, security_bits
from kiosk.tagging.config import TagStationSettings
from kiosk.tagging.journal import Journal
from kiosk.tagging.program import Rules, Wanted
from kiosk.tagging.row import POLL_S, Tally, from_csv, laid_down, write_row
from kiosk.tagging.shelf import Holding, Line, compare
from kiosk.tagging.station import Programmed, TagPad, TagStation
from kiosk.tagging.survey import Survey
from wire.clock import Clock, SystemClock
from wire.errors import ConfigError, DeviceError

Holdings = Callable[[str], list[tuple[Holding, Wanted]]]
"""Reads the items of a ledger by its URL; given by whoever may look into one."""


class Bench:
    """One command's pad, rules and words."""

    def __init__(self, settings: TagStationSettings, args: argparse.Namespace, clock: Clock) -> None:
        self.settings = settings
        self.args = args
        self.clock = clock
        self.pad: TagPad = open_pad(settings.pad)
        self.rules = Rules(frozenset(settings.pad.owners), security_bits(settings.pad))

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

    async def now(self) -> list[TagMemory]:
        """Read every tag that lies on the pad; raises DeviceError."""
        return [await self.pad.read_all(uid) for uid in sorted(await self.pad.inventory())]

    def describe(self, memory: TagMemory) -> dict[str, Any]:
        """Return one tag for JSON."""
        reading = decode_tag(memory, self.rules.owners, self.rules.bits)
        return {
            "uid": memory.uid,
            "what": type(reading).__name__.removesuffix("Tag").lower(),
            "item": getattr(reading, "item", None),
            "owner": getattr(reading, "owner", None),
            "part": getattr(reading, "part", None),
            "parts": getattr(reading, "parts", None),
            "reason": getattr(reading, "reason", None),
            "afi": None if memory.afi is None else f"{memory.afi:02X}",
            "security": self.rules.bits.of(memory.afi),
            "locked_blocks": sorted(memory.locked),
            "memory": memory.blocks.hex(),
        }


def sentence(tag: dict[str, Any]) -> str:
    """Return one tag as a line for people."""
    words = [tag["uid"], f"{tag['what']:<8}"]
    if tag["item"]:
        part = f" part {tag['part']} of {tag['parts']}" if (tag["parts"] or 1) > 1 else ""
        words.append(f"{tag['item']}{part} of {tag['owner'] or 'no owner'}")
    words.append(f"{tag['security']} (AFI {tag['afi'] or '?'})")
    if tag["locked_blocks"]:
        words.append(f"{len(tag['locked_blocks'])} blocks locked")
    if tag["reason"]:
        words.append(tag["reason"])
    return "  ".join(words)


async def read(bench: Bench) -> int:
    """Print every tag that lies on the pad."""
    tags = [bench.describe(memory) for memory in await bench.now()]
    for tag in tags:
        bench.tell(tag, sentence(tag))
    if not tags:
        bench.say("no tag lies on the pad")
    return 0 if tags else 1


async def watch(bench: Bench) -> int:
    """Print what is laid down and taken away, until Ctrl-C."""
    before: frozenset[str] = frozenset()
    async for uids in laid_down(bench.pad, bench.say):
        for uid in sorted(uids - before):
            try:
                tag = bench.describe(await bench.pad.read_all(uid))
            except DeviceError as error:
                tag = {"uid": uid, "what": "unread", "reason": error.seen}
            bench.tell(
                {"event": "placed"} | tag,
                "+ " + (sentence(tag) if "afi" in tag else f"{uid} {tag['reason']}"),
            )
        for uid in sorted(before - uids):
            bench.tell({"event": "removed", "uid": uid}, f"- {uid}")
        before = uids
    return 0


async def verify(bench: Bench, wanted: list[Wanted]) -> int:
    """Compare what lies on the pad with the list, or with itself when there is none."""
    expected = {(one.item, one.part): one for one in wanted}
    bad = 0
    memories = await bench.now()
    for memory in memories:
        tag = bench.describe(memory)
        problems = []
        if tag["what"] != "item":
            problems.append(tag["reason"] or f"this is a {tag['what']} tag")
        elif expected and (tag["item"], tag["part"]) not in expected:
            problems.append("not in the list")
        elif expected and tag["owner"] != expected[tag["item"], tag["part"]].owner:
            problems.append(f"the list says {expected[tag['item'], tag['part']].owner}")
        if tag["security"] == "unknown":
            problems.append("its AFI is neither secured nor lent")
        bad += bool(problems)
        text = f"{'✗' if problems else '✓'} {sentence(tag)}" + "".join(f"\n    {one}" for one in problems)
        bench.tell(tag | {"ok": not problems, "problems": problems}, text)
    if not memories:
        bench.say("no tag lies on the pad")
    return 1 if bad or not memories else 0


async def write(bench: Bench, wanted: list[Wanted], source: str) -> int:
    """Program items in a row."""
    mark = hashlib.sha256(source.encode()).hexdigest()[:12]
    journal = Journal(bench.settings.state_dir / f"tagging-{mark}.jsonl")
    try:
        left = [one for one in wanted if (one.item, one.part) not in journal.done]
        if len(left) < len(wanted):
            bench.say(f"{len(wanted) - len(left)} of {len(wanted)} are written already; {len(left)} are left")
        for uid, begun in journal.open.items():
            bench.say(
                f"tag {uid} was being written with {begun.wanted.item}: lay it down when its turn comes"
            )
        station = TagStation(bench.pad, bench.rules, journal)

        def done(result: Programmed, tally: Tally) -> None:
            mark = {"written": "✓", "already": "="}.get(result.outcome, "✗")
            rate = f"{tally.per_hour:.0f} items/h"
            text = f"{mark} {result.wanted.item} on {result.uid}: {result.outcome} {result.seen}".rstrip()
            bench.tell(
                {"item": result.wanted.item, "part": result.wanted.part, "uid": result.uid,
                 "outcome": result.outcome, "why": result.why, "seen": result.seen, "blocks": result.blocks},
                f"{text}  ({rate})",
            )  # fmt: skip
            if result.outcome == "refused":
                bench.say("  left alone; take another tag" + _force(result))

        tally = await write_row(
            station, left, bench.clock, reason=bench.args.force or "", say=bench.say, done=done,
            beep=bench.beep, poll_s=bench.settings.pad.poll_ms / 1000,
        )  # fmt: skip
        text = (
            f"{tally.written} written, {tally.already} were there already, {tally.refused} refused,"
            f" {tally.failed} failed; {tally.per_hour:.0f} items an hour"
        )
        bench.tell({"done": tally.as_dict()}, text)
        return 0
    finally:
        journal.close()


def _force(result: Programmed) -> str:
    if result.why in ("locked", "too-small", "patron-card"):
        return ""
    return ', or begin again with --force "why this tag may be overwritten"'


async def lock(bench: Bench, wanted: Wanted) -> int:
    """Lock the item's blocks of the one tag on the pad."""
    uids = sorted(await bench.pad.inventory())
    if len(uids) != 1:
        raise ConfigError(f"{len(uids)} tags lie on the pad", do="Lay the one tag down that is to be locked.")
    result = await TagStation(bench.pad, bench.rules).lock(uids[0], wanted)
    good = result.outcome in ("written", "already")
    text = (
        f"locked for ever: {result.blocks} blocks"
        if result.outcome == "written"
        else result.seen or "locked before"
    )
    bench.tell(
        {"uid": result.uid, "outcome": result.outcome, "blocks": result.blocks, "seen": result.seen}, text
    )
    return 0 if good else 1


async def survey(bench: Bench, count: int) -> int:
    """Look at the library's own tags; write nothing."""
    found = Survey(bench.rules.bits)
    bench.say(f"lay books on the pad, stack by stack; Ctrl-C ends; {count} different tags are enough")
    try:
        while len(found.tags) < count:
            before = len(found.tags)
            try:
                for uid in sorted(await bench.pad.inventory() - found.tags.keys()):
                    found.take(await bench.pad.read_all(uid))
            except DeviceError as error:
                bench.say(error.seen)
            if len(found.tags) != before:
                bench.say(f"  {len(found.tags)} tags")
            await asyncio.sleep(POLL_S)
    except asyncio.CancelledError:
        bench.say("ended")
    rows = [
        {"content": kind.content, "afi": None if kind.afi is None else f"{kind.afi:02X}", "owner": kind.owner,
         "locked": kind.locked, "damage": kind.damage, "tags": number}
        for kind, number in found.rows()
    ]  # fmt: skip
    text = [f"{'tags':>5}  {'content':<12} {'AFI':<4} {'owner':<14} {'locked':<7} damage"]
    text += [
        f"{row['tags']:>5}  {row['content']:<12} {row['afi'] or '?':<4} {row['owner'] or '-':<14}"
        f" {row['locked']:<7} {row['damage']}"
        for row in rows
    ]
    settings = found.settings()
    bench.tell(
        {"tags": len(found.tags), "rows": rows, "settings": settings}, "\n".join(text) + f"\n\n{settings}"
    )
    return 0 if rows else 1


async def shelf(bench: Bench, holdings: list[Holding], name: str, out: Path | None) -> int:
    """Read a shelf until Ctrl-C, then compare it with the list."""
    seen: dict[str, TagReading] = {}
    bench.say("move along the shelf; Ctrl-C when you are at its end")
    try:
        while True:
            try:
                for uid in sorted(await bench.pad.inventory() - seen.keys()):
                    memory = await bench.pad.read_tag(uid)
                    seen[uid] = decode_tag(memory, bench.rules.owners, bench.rules.bits)
                    bench.say(f"  {len(seen)} tags")
            except DeviceError as error:
                bench.say(error.seen)
            await asyncio.sleep(POLL_S)
    except asyncio.CancelledError:
        pass
    lines = compare(holdings, seen.values(), name)
    if out is not None:
        write_csv(lines, out)
    found = [line for line in lines if line.finding != "here"]
    here = len(lines) - len(found)
    rows = [{"item": line.item, "finding": line.finding, "detail": line.detail} for line in found]
    text = "\n".join(f"{row['finding']:<11} {row['item'] or '-':<18} {row['detail']}" for row in rows)
    bench.tell(
        {"seen": len(seen), "here": here, "findings": rows},
        f"{text}\n{here} items are where they belong".lstrip(),
    )
    return 1 if found else 0


def write_csv(lines: tuple[Line, ...], out: Path) -> None:
    """Write the report of a shelf, every item in it."""
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("item", "finding", "detail"))
        writer.writerows((line.item, line.finding, line.detail) for line in lines)


def wanted_of(bench: Bench, holdings: Holdings) -> tuple[list[Wanted], str]:
    """Return the items that the options name, and what names the row of work."""
    args, tags = bench.args, bench.settings.tags
    if getattr(args, "csv", None):
        path = Path(args.csv)
        return from_csv(path, tags.owner), f"csv:{path.absolute()}"
    if getattr(args, "ledger", None):
        return [wanted for _, wanted in holdings(args.ledger)], f"ledger:{args.ledger}"
    if getattr(args, "item", None):
        one = Wanted(args.item, tags.owner, args.part, args.parts, tags.usage)
        return [one], f"item:{args.item}/{args.part}"
    return [], ""


def run(args: argparse.Namespace, settings: TagStationSettings, holdings: Holdings) -> int:
    """Carry a verb out on the pad; Ctrl-C ends it."""
    bench = Bench(settings, args, SystemClock())
    verb = args.what

    async def main() -> int:
        match verb:
            case "read":
                return await read(bench)
            case "watch":
                return await watch(bench)
            case "survey":
                return await survey(bench, args.count)
            case "shelf":
                return await shelf(bench, _holdings(bench, holdings), args.shelf, args.out)
        wanted, source = wanted_of(bench, holdings)
        if verb == "verify":
            return await verify(bench, wanted)
        if not wanted:
            raise ConfigError("nothing to write", do="Give --csv FILE, --ledger URL or --item ID.")
        return await (lock(bench, wanted[0]) if verb == "lock" else write(bench, wanted, source))

    try:
        return asyncio.run(main())
    except KeyboardInterrupt:
        return 0 if verb in ("watch", "write") else 130


def _holdings(bench: Bench, holdings: Holdings) -> list[Holding]:
    if bench.args.csv:
        with Path(bench.args.csv).open(newline="", encoding="utf-8-sig") as file:
            return [
                Holding(
                    row["item"], row.get("shelf") or "", (row.get("on_loan") or "") in ("1", "yes", "true")
                )
                for row in csv.DictReader(file)
            ]
    return [holding for holding, _ in holdings(bench.args.ledger)]
