"""Commands that write tags: in a row, converted, locked."""

import asyncio
import hashlib
from contextlib import aclosing

from firmware_bridge.tags.image import Target
from kiosk.tagging.bench import Bench
from kiosk.tagging.journal import Journal
from kiosk.tagging.program import Wanted
from kiosk.tagging.row import Tally, laid_down, write_row
from kiosk.tagging.scanned import row_of_scans
from kiosk.tagging.station import Programmed, TagStation
from wire.errors import ConfigError, DeviceError


async def write(bench: Bench, wanted: list[Wanted], source: str) -> int:
    """Program items in a row: those of a list, or those that are scanned."""
    mark = hashlib.sha256(source.encode()).hexdigest()[:12]
    journal = Journal(bench.settings.state_dir / f"tagging-{mark}.jsonl")
    if bench.args.from_scanner:
        return await _scanned(bench, journal)
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
            _tell_written(bench, result, tally)

        tally = await write_row(
            station, left, bench.clock, reason=bench.args.force or "", say=bench.say, done=done,
            beep=bench.beep, poll_s=bench.settings.pad.poll_ms / 1000,
        )  # fmt: skip
        _tell_all(bench, tally)
        return 0
    finally:
        journal.close()


async def _scanned(bench: Bench, journal: Journal) -> int:
    tally = Tally(began_ms=bench.clock.mono())
    station = TagStation(bench.pad, bench.rules, journal)
    try:
        async with aclosing(row_of_scans(bench, station, tally)) as results:
            async for result in results:
                _tell_written(bench, result, tally)
    except asyncio.CancelledError:
        pass
    finally:
        journal.close()
    _tell_all(bench, tally)
    return 0


def _tell_written(bench: Bench, result: Programmed, tally: Tally) -> None:
    _tell(bench, result, tally)
    if result.outcome == "refused":
        bench.say("  left alone; take another tag" + _force(result))


def _tell_all(bench: Bench, tally: Tally) -> None:
    text = (
        f"{tally.written} written, {tally.already} were there already, {tally.refused} refused,"
        f" {tally.failed} failed; {tally.per_hour:.0f} items an hour"
    )
    bench.tell({"done": tally.as_dict()}, text)


def _force(result: Programmed) -> str:
    if result.why in ("locked", "too-small", "patron-card", "misread"):
        return ""
    return ', or begin again with --force "why this tag may be overwritten"'


async def convert(bench: Bench, target: Target, *, leave_out: bool = False) -> int:
    """Convert whatever is laid down, until Ctrl-C; exit code 1 when a tag could not be."""
    journal = Journal(bench.settings.state_dir / f"converting-to-{target}.jsonl")
    tally = Tally(began_ms=bench.clock.mono())
    station = TagStation(bench.pad, bench.rules, journal)
    for uid in journal.open:
        bench.say(f"tag {uid} was cut off while it was converted: lay it down again")
    bench.say(f"lay tags down, several at a time if you like; they become {target}; Ctrl-C ends")
    dealt: frozenset[str] = frozenset()
    try:
        async for uids in laid_down(bench.pad, bench.say, bench.settings.pad.poll_ms / 1000):
            for uid in sorted(uids - dealt):
                try:
                    result = await station.convert(
                        uid, target, bench.settings.tags.owner, leave_out=leave_out
                    )
                except DeviceError as error:
                    bench.say(f"not converted: {error.seen}")
                    continue
                tally.take(result, bench.clock.mono())
                bench.beep(result.outcome in ("written", "already"))
                _tell(bench, result, tally)
            dealt = uids
    except asyncio.CancelledError:
        pass
    finally:
        journal.close()
    text = f"{tally.written} converted, {tally.refused + tally.failed} not"
    bench.tell({"done": tally.as_dict()}, text)
    return 1 if tally.refused + tally.failed else 0


def _tell(bench: Bench, result: Programmed, tally: Tally) -> None:
    mark = {"written": "✓", "already": "="}.get(result.outcome, "✗")
    text = f"{mark} {result.wanted.item} on {result.uid}: {result.outcome} {result.seen}".rstrip()
    row = {
        "item": result.wanted.item,
        "part": result.wanted.part,
        "uid": result.uid,
        "outcome": result.outcome,
        "why": result.why,
        "seen": result.seen,
        "blocks": result.blocks,
    }
    bench.tell(row, f"{text}  ({tally.per_hour:.0f} items/h)")


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
