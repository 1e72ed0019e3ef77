"""`turnleaf fleet`: the fleet as it stands, worst first."""

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

from monitor import where
from wire.output import emit

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.fleet import Fleet

HELP = "Print the fleet as it stands."
EXAMPLE = "turnleaf fleet --broker broker.library.example:8884 --cert identities/alice --branch main --json"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    where.arguments(parser)
    parser.add_argument("--branch", default="", help="only the stations of this branch")
    parser.add_argument("--watch", action="store_true", help="print again whenever something changes")
    parser.add_argument("--json", action="store_true", help="as JSON, one document a print")


def run(args: argparse.Namespace) -> int:
    """Print: 0 done, 2 wrong use, 3 the broker is away."""
    found = where.where(args)
    return asyncio.run(_run(found, args))


async def _run(found: where.Where, args: argparse.Namespace) -> int:
    from contextlib import aclosing

    from monitor.once import looks
    from wire.clock import SystemClock

    clock = SystemClock()
    last = None
    async with aclosing(looks(found, clock)) as fleets:
        async for fleet in fleets:
            now = fleet.here(clock.now())
            said = lines(fleet, args.branch, now)
            if said != last:
                emit(document(fleet, args.branch), as_json=args.json, text="\n".join(said))
            last = said
            if not args.watch:
                break
    return 0


def document(fleet: "Fleet", branch: str) -> dict[str, Any]:
    """Return the fleet for programs."""
    from monitor.view import counts, station_rows

    return {
        "central": fleet.central,
        "counts": counts(fleet),
        "stations": [fleet.stations[key] for key in station_rows(fleet, branch=branch)],
        "occupancy": [o for name, o in sorted(fleet.occupancy.items()) if branch in ("", name)],
    }


def lines(fleet: "Fleet", branch: str, now: "datetime") -> list[str]:
    """Return the fleet as sentences, worst first."""
    from monitor.theme import GLYPHS
    from monitor.view import OLD, age, central_away, station_rows

    said = [f"{away}; what follows is older."] if (away := central_away(fleet)) else []
    for key in station_rows(fleet, branch=branch):
        entry = fleet.stations[key]
        sign, _, _ = GLYPHS[entry.glyph]
        waits = f", {entry.outbox_open} facts wait" if entry.outbox_open else ""
        old = f" (heard {age(entry.at, now)} ago)" if now - entry.at > OLD else ""
        today = f"{entry.loans_today} lent and {entry.returns_today} back today"
        name = entry.name or entry.station
        said.append(f"{sign} {name} ({entry.station}, {entry.branch}): {entry.word}; {today}{waits}{old}.")
    return said or ["No station yet."]
