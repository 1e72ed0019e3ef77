"""`turnleaf shelf`: what stands on a shelf against what should."""

import argparse
from pathlib import Path

HELP = "Read a shelf and say what is missing, misplaced, foreign or unsecured."
EXAMPLE = "turnleaf shelf --station tags.toml --csv shelf-qa.csv --out report.csv"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--station", required=True, metavar="FILE", help="TOML file of the hand reader or pad"
    )
    known = parser.add_mutually_exclusive_group(required=True)
    known.add_argument("--csv", metavar="FILE", help="what should be there: item[,shelf,on_loan]")
    known.add_argument("--ledger", metavar="URL", help="the ledger's items, e.g. sqlite:///ledger.db")
    parser.add_argument("--shelf", default="", help="only items of this shelf belong here")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the whole report as CSV")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Read until Ctrl-C and compare: 0 nothing to do, 1 something was found."""
    from kiosk.tagging.commands import run as on_a_pad
    from kiosk.tagging.config import TagStationSettings
    from turnleaf.holdings import holdings
    from wire.settings import load

    args.what = "shelf"
    return on_a_pad(args, load(Path(args.station), TagStationSettings), holdings)
