"""`turnleaf demo`: a small library on real parts, with simulated devices and patrons."""

import argparse
import asyncio
import sys
from pathlib import Path

HELP = "Run a small library with simulated devices and patrons."
EXAMPLE = "turnleaf demo --seconds 40 --headless --json"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--seconds", type=float, help="end after so many seconds of play")
    parser.add_argument(
        "--headless", action="store_true", help="no keys, no page to open; so also without a terminal"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object with the day's counts")
    parser.add_argument("--seed", type=int, default=1, help="the same seed is the same day (1)")
    parser.add_argument("--influx", action="store_true", help="telemetry in a real InfluxDB")
    parser.add_argument("--dir", type=Path, help="folder of the demo (default: the user's state directory)")


def run(args: argparse.Namespace) -> int:
    """Play, and say whether every count is right."""
    from sim.ranges import WEEK_S, within
    from turnleaf.demo import Wish, default_folder, play, summary
    from wire.logs import setup
    from wire.output import emit

    setup("warning")
    headless = args.headless or not sys.stdin.isatty()
    seconds = 40.0 if headless else None
    if args.seconds is not None:
        seconds = within("--seconds", args.seconds, 1, WEEK_S)
    elif not args.headless and headless:
        print(
            "  no terminal: it plays for 40 s, compares, and ends (--seconds plays longer)", file=sys.stderr
        )
    wish = Wish(args.dir or default_folder(), seconds, headless, args.json, args.seed, args.influx)
    found = asyncio.run(play(wish))
    emit(found.as_dict(), as_json=args.json, text=summary(found))
    return 0 if found.ok else 1
