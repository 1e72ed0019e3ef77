"""What `turnleaf tag` and `turnleaf shelf` do on a pad: which verb, which items, and the end by Ctrl-C."""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

from kiosk.tagging.bench import Bench, sentence
from kiosk.tagging.config import TagStationSettings
from kiosk.tagging.count import shelf, survey
from kiosk.tagging.marks import eas
from kiosk.tagging.program import Wanted
from kiosk.tagging.row import Row, from_csv, laid_down, rows
from kiosk.tagging.shelf import Holding
from kiosk.tagging.work import convert, lock, write
from wire.clock import SystemClock
from wire.errors import ConfigError, DeviceError

Holdings = Callable[[str], list[tuple[Holding, Wanted]]]
"""Reads the items of a ledger by its URL; given by whoever may look into one."""


async def read(bench: Bench) -> int:
    """Print every tag that lies on the pad."""
    tags = await bench.now()
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
                tag = await bench.look(uid)
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
    tags = await bench.now()
    for tag in tags:
        problems = []
        if tag["what"] != "item":
            problems.append(tag["reason"] or f"this is a {tag['what']} tag")
        elif expected and (tag["item"], tag["part"]) not in expected:
            problems.append("not in the list")
        elif expected and tag["owner"] != expected[tag["item"], tag["part"]].owner:
            problems.append(f"the list says {expected[tag['item'], tag['part']].owner}")
        if tag["security"] == "unknown":
            problems.append(tag["security_reason"])
        if tag["model"] not in (None, bench.rules.model):
            problems.append(f"its model is {tag['model']}, and this library writes {bench.rules.model}")
        bad += bool(problems)
        text = f"{'✗' if problems else '✓'} {sentence(tag)}" + "".join(f"\n    {one}" for one in problems)
        bench.tell(tag | {"ok": not problems, "problems": problems}, text)
    if not tags:
        bench.say("no tag lies on the pad")
    return 1 if bad or not tags else 0


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
    if getattr(args, "from_scanner", None):
        return [], "scanner"
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
            case "eas":
                return await eas(bench, args.order)
            case "convert":
                return await convert(bench, args.to, leave_out=args.leave_out)
            case "survey":
                return await survey(bench, args.count)
            case "shelf":
                return await shelf(bench, _holdings(bench, holdings), args.shelf, args.out)
        wanted, source = wanted_of(bench, holdings)
        if verb == "verify":
            return await verify(bench, wanted)
        if not wanted and source != "scanner":
            raise ConfigError(
                "nothing to write", do="Give --csv FILE, --ledger URL, --item ID or --from-scanner."
            )
        return await (lock(bench, wanted[0]) if verb == "lock" else write(bench, wanted, source))

    try:
        return asyncio.run(main())
    except KeyboardInterrupt:
        return 0 if verb in ("watch", "write", "convert") else 130


def _holdings(bench: Bench, holdings: Holdings) -> list[Holding]:
    if bench.args.csv:
        return [_holding(row) for _, row in rows(Path(bench.args.csv), "item[,shelf,on_loan]")]
    return [holding for holding, _ in holdings(bench.args.ledger)]


def _holding(row: Row) -> Holding:
    on_loan = (row.get("on_loan") or "") in ("1", "yes", "true")
    return Holding(row["item"] or "", row.get("shelf") or "", on_loan)
