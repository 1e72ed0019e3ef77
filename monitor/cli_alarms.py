"""`turnleaf alarms`: the alarms as they stand, worst first; acknowledges one with `--ack`."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from monitor import where
from wire.output import emit

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.fleet import Fleet

HELP = "Print the alarms as they stand."
EXAMPLE = (
    "turnleaf alarms --broker broker.library.example:8884 --cert identities/alice"
    ' --ack 3f9c --note "new paper is on its way"'
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    where.arguments(parser)
    parser.add_argument("--ack", metavar="ID", help="acknowledge this alarm (its id, or how it begins)")
    parser.add_argument("--note", default="", help="a note for your colleagues, with --ack")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Print or acknowledge: 0 done, 1 refused, 2 wrong use, 3 broker or central away."""
    found = where.where(args)
    return asyncio.run(_acknowledge(found, args) if args.ack else _print(found, args))


async def _print(found: where.Where, args: argparse.Namespace) -> int:
    from monitor.once import look
    from monitor.view import alarm_rows
    from wire.clock import SystemClock

    clock = SystemClock()
    fleet = await look(found, clock)
    said = lines(fleet, fleet.here(clock.now()))
    alarms = [fleet.alarms[key] for key in alarm_rows(fleet)]
    state = None if fleet.central is None else fleet.central.state
    emit({"central": state, "alarms": alarms}, as_json=args.json, text="\n".join(said))
    return 0 if state == "online" else 3


async def _acknowledge(found: where.Where, args: argparse.Namespace) -> int:
    from monitor.once import ask, look
    from wire.clock import SystemClock
    from wire.errors import ConfigError

    clock = SystemClock()
    fleet = await look(found, clock)
    fit = sorted({alarm.alarm for alarm in fleet.alarms.values() if alarm.alarm.startswith(args.ack)})
    if len(fit) != 1:
        seen = f"{len(fit)} alarms begin with {args.ack}" if fit else f"no alarm begins with {args.ack}"
        raise ConfigError(seen, do="See which there are: turnleaf alarms")
    said = await ask(found, clock, "alarm-ack", {"alarm": fit[0], "note": args.note})
    text = "Acknowledged." if said.outcome == "done" else f"Not acknowledged: {said.detail or said.outcome}"
    emit(said, as_json=args.json, text=text)
    return 0 if said.outcome == "done" else 1


def lines(fleet: "Fleet", now: "datetime") -> list[str]:
    """Return the alarms with what was seen, why it matters and what to do."""
    from monitor.theme import GLYPHS
    from monitor.view import ALARM_WORDS, age, alarm_rows, central_away

    said = []
    if away := central_away(fleet):
        known = "what follows is older" if fleet.alarms else "no alarm is known"
        said += [
            f"{away}; {known}.",
            "    Why: Central alone raises and ends alarms; until it runs, nobody hears of a new one.",
            "    Do:  See why it does not run: turnleaf doctor",
        ]
    for key in alarm_rows(fleet):
        alarm = fleet.alarms[key]
        sign, _, _ = GLYPHS[alarm.severity]
        said += [
            f"{sign} {alarm.seen} ({ALARM_WORDS[alarm.state]}, for {age(alarm.since, now)})",
            f"    Why: {alarm.why}",
            f"    Do:  {alarm.do}",
            f"    Id:  {alarm.alarm}" + (f"   {alarm.by}: {alarm.note}" if alarm.by else ""),
        ]
    return said or ["No alarm. All is well."]
