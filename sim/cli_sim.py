"""`turnleaf sim day | chaos | history`: simulated patrons on real parts, faults, and the reckoning."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from wire.errors import ConfigError

HELP = "Play a simulated day, chaos or one accident, and reckon what came of it."
EXAMPLE = "turnleaf sim day --seconds 30 --kill central --kill broker --json"
CHAOS = "turnleaf sim chaos --seed 7 --minutes 3 --json"
HISTORY = "turnleaf sim history killed-before-the-tag"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `day`, `chaos` and `history`."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    day = verbs.add_parser("day", help="one day, unattended", epilog=f"example: {EXAMPLE}")
    day.add_argument("--seed", type=int, default=1, help="the same seed is the same day (1)")
    day.add_argument("--seconds", type=float, default=30.0, help="length of the day (30)")
    day.add_argument(
        "--kill", action="append", default=[], metavar="NAME", help="SIGKILL this again and again: broker,"
        " central, kiosk-1, kiosk-2, gate-1, gate-2, bin-1; may be repeated",
    )  # fmt: skip
    day.add_argument("--kill-every", type=float, default=4.0, help="mean seconds between two kills (4)")
    day.add_argument("--gap", type=float, default=2.0, help="mean seconds between two patrons (2)")
    day.add_argument("--dir", type=Path, help="folder, kept afterwards (default: a temporary one)")
    day.add_argument("--json", action="store_true", help="one JSON object")
    chaos = verbs.add_parser(
        "chaos", help="every fault, and the account of every fact", epilog=f"example: {CHAOS}"
    )
    chaos.add_argument("--seed", type=int, default=1, help="the same seed is the same plan (1)")
    chaos.add_argument("--minutes", type=float, default=3.0, help="how long the faults go on (3)")
    chaos.add_argument("--kill-every", type=float, default=6.0, help="mean seconds between two kills (6)")
    chaos.add_argument("--dir", type=Path, help="empty folder, kept afterwards (default: a temporary one)")
    chaos.add_argument("--json", action="store_true", help="one JSON object")
    history = verbs.add_parser(
        "history", help="one accident by its name, and the end it must come to", epilog=f"example: {HISTORY}"
    )
    history.add_argument("names", nargs="*", metavar="NAME", help="histories to play; see --list")
    history.add_argument("--list", action="store_true", help="say which there are, and play none")
    history.add_argument("--all", action="store_true", help="play every one")
    history.add_argument("--dir", type=Path, help="folder, kept afterwards (default: a temporary one)")
    history.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Play, and say whether every count is right."""
    return {"day": _day, "chaos": _chaos, "history": _history}[args.verb](args)


def _history(args: argparse.Namespace) -> int:
    from sim.histories.table import BY_NAME, HISTORIES, play_in
    from wire.logs import setup
    from wire.output import emit

    if args.list:
        listed = [{"history": one.name, "what": one.what, "end": one.end} for one in HISTORIES]
        text = "\n".join(f"{one.name}\n    {one.what}\n    {one.end}" for one in HISTORIES)
        emit({"histories": listed}, as_json=args.json, text=text)
        return 0
    wanted = tuple(BY_NAME) if args.all else tuple(args.names)
    if not wanted or not BY_NAME.keys() >= set(wanted):
        raise ConfigError(
            f"no such history: {', '.join(sorted(set(wanted) - BY_NAME.keys())) or '(none named)'}",
            do="Name some of `turnleaf sim history --list`, or give --all.",
        )
    setup("critical")
    outcomes = []
    for name in wanted:
        outcomes.append(asyncio.run(play_in(BY_NAME[name], args.dir, _say)))
        if not args.json:
            emit({}, as_json=False, text=outcomes[-1].as_text())
    ok = all(outcome.ok for outcome in outcomes)
    if args.json:
        emit({"ok": ok, "outcomes": [outcome.as_dict() for outcome in outcomes]}, as_json=True, text="")
    return 0 if ok else 1


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def _chaos(args: argparse.Namespace) -> int:
    from sim.chaos.field import as_text
    from sim.chaos.field import run as play
    from sim.ranges import WEEK_S, within
    from wire.logs import setup
    from wire.output import emit

    seconds = within("--minutes", args.minutes, 0.1, WEEK_S / 60) * 60
    kill_every_s = within("--kill-every", args.kill_every, 0.1, WEEK_S)
    setup("critical")
    with tempfile.TemporaryDirectory(prefix="turnleaf-chaos-") as temporary:
        result = asyncio.run(
            play(
                args.dir or Path(temporary),
                args.seed,
                seconds,
                kill_every_s=kill_every_s,
                say=lambda text: print(f"  {text}", file=sys.stderr, flush=True),
            )
        )
    emit(result.as_dict(), as_json=args.json, text=as_text(result))
    return 0 if result.account.ok else 1


def _day(args: argparse.Namespace) -> int:
    from sim.ranges import WEEK_S, within
    from sim.trial import KILLABLE, Wish, as_text
    from sim.trial import run as play
    from wire.logs import setup
    from wire.output import emit

    if unknown := sorted(set(args.kill) - set(KILLABLE)):
        raise ConfigError(
            f"--kill {', '.join(unknown)}: there is no such part", do=f"Name some of: {', '.join(KILLABLE)}."
        )
    seconds = within("--seconds", args.seconds, 1, WEEK_S)
    kill_every_s = within("--kill-every", args.kill_every, 0.1, WEEK_S)
    gap_s = within("--gap", args.gap, 0.01, WEEK_S)
    setup("error")
    with tempfile.TemporaryDirectory(prefix="turnleaf-sim-") as temporary:
        folder = args.dir or Path(temporary)
        wish = Wish(folder, args.seed, seconds, tuple(args.kill), kill_every_s, gap_s)
        result = asyncio.run(play(wish, lambda text: print(f"  {text}", file=sys.stderr, flush=True)))
    emit(result.as_dict(), as_json=args.json, text=as_text(result))
    return 0 if result.reckoning.ok else 1
