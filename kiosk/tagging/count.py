"""Commands that only look at many tags: the survey of a collection, and a shelf read against a list."""

import asyncio
import csv
from pathlib import Path

from firmware_bridge.tags.reading import TagReading, decode_tag
from kiosk.tagging.bench import Bench
from kiosk.tagging.row import POLL_S
from kiosk.tagging.shelf import Holding, Line, compare
from kiosk.tagging.survey import Survey
from wire.errors import DeviceError


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
        {"content": kind.content, "model": kind.model, "afi": None if kind.afi is None else f"{kind.afi:02X}",
         "owner": kind.owner, "locked": kind.locked, "damage": kind.damage, "tags": number}
        for kind, number in found.rows()
    ]  # fmt: skip
    text = [f"{'tags':>5}  {'content':<12} {'model':<11} {'AFI':<4} {'owner':<14} {'locked':<7} damage"]
    text += [
        f"{row['tags']:>5}  {row['content']:<12} {row['model'] or '-':<11} {row['afi'] or '?':<4}"
        f" {row['owner'] or '-':<14} {row['locked']:<7} {row['damage']}"
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
