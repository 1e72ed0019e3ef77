"""`turnleaf tag`: bytes of item tags explained and made; tags on a pad read, written, verified, locked."""

import argparse
from pathlib import Path

from firmware_bridge import cli_tag as codec

HELP = "Read, write, verify and count item tags; decode and encode their bytes."
EXAMPLE = "turnleaf tag write --station tags.toml --csv items.csv"

ON_A_PAD = {
    "read": ("print every tag that lies on the pad", "turnleaf tag read --station tags.toml --json"),
    "write": ("write items in a row: lay down, written, read back, take away, next", EXAMPLE),
    "verify": (
        "compare the tags on the pad with a list, or each with itself",
        "turnleaf tag verify --station tags.toml --csv items.csv",
    ),
    "eas": (
        "ask the tags on the pad for their EAS bit, or set or clear it; what is heard afterwards counts",
        "turnleaf tag eas check --station tags.toml",
    ),
    "lock": (
        "lock an item's blocks for ever, once its tag reads as it should",
        "turnleaf tag lock --station tags.toml --item 30000001 --yes",
    ),
    "convert": (
        "rewrite tags of an older model with all that they say, in a row",
        "turnleaf tag convert --station tags.toml --to iso28560-3",
    ),
    "watch": (
        "print what is laid down and taken away, until Ctrl-C",
        "turnleaf tag watch --station tags.toml",
    ),
    "survey": (
        "count what stands on the library's own tags, and say which settings fit; writes nothing",
        "turnleaf tag survey --station tags.toml --count 200",
    ),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    sub = parser.add_subparsers(dest="what", required=True, metavar="VERB")
    codec.declare(sub)
    for verb, (line, example) in ON_A_PAD.items():
        one = sub.add_parser(verb, help=line, description=line, epilog=f"example: {example}")
        one.add_argument("--station", required=True, metavar="FILE", help="the tag station's TOML file")
        one.add_argument("--json", action="store_true", help="one JSON object a line")
        if verb in ("write", "verify"):
            items = one.add_mutually_exclusive_group(required=verb == "write")
            items.add_argument(
                "--csv", metavar="FILE", help="items, a line each: item[,owner,part,parts,usage]"
            )
            items.add_argument(
                "--ledger", metavar="URL", help="all items of a ledger, e.g. sqlite:///ledger.db"
            )
            items.add_argument("--item", help="one item")
            if verb == "write":
                items.add_argument(
                    "--from-scanner", nargs="?", const="-", metavar="DEVICE",
                    help="each number that is scanned, for the tag that is laid down after it; the scanner "
                    "types into this terminal, or is the event device DEVICE",
                )  # fmt: skip
        if verb == "eas":
            one.add_argument("order", choices=("check", "on", "off"), help="what to do")
        if verb == "lock":
            one.add_argument("--item", required=True, help="the item on the tag")
            one.add_argument("--yes", action="store_true", required=True, help="yes, for ever")
        if verb in ("write", "verify", "lock"):
            one.add_argument("--part", type=int, default=1, help="number of this part (1)")
            one.add_argument("--parts", type=int, default=1, help="parts of the set (1)")
        if verb == "write":
            one.add_argument(
                "--force", metavar="REASON", help="overwrite tags of others; the reason goes into the journal"
            )
        if verb == "convert":
            one.add_argument("--to", required=True, choices=("iso28560-2", "iso28560-3"), help="the model")
            one.add_argument(
                "--leave-out", action="store_true", help="leave out what the model has no place for"
            )
        if verb == "survey":
            one.add_argument("--count", type=int, default=200, help="different tags that are enough (200)")


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    if args.what in ("decode", "encode"):
        return codec.run(args)
    from kiosk.tagging.commands import run as on_a_pad
    from kiosk.tagging.config import TagStationSettings
    from turnleaf.holdings import holdings
    from wire.settings import load

    return on_a_pad(args, load(Path(args.station), TagStationSettings), holdings)
