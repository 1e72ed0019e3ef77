"""`turnleaf ledger`: make a ledger, load a registry or another system's files, look into it, copy it.

`init`, `load`, `import` and `restore` write, so they need the ledger to themselves: stop central first.
`show`, `cases`, `backup`, `verify` and a dry run of `import` only read and work beside it.
"""

import argparse
import os
from pathlib import Path
from typing import Any

from central import cli_ledger_copies, cli_ledger_import

HELP = "Make, load, copy and look into the ledger."
EXAMPLE = "turnleaf ledger load registry.json --db sqlite:////var/lib/turnleaf/ledger.db"

_EXAMPLES = {
    "init": "init --db sqlite:///ledger.db",
    "load": "load registry.json --db sqlite:///ledger.db",
    "import": cli_ledger_import.EXAMPLE,
    "show": "show --db sqlite:///ledger.db --json",
    "cases": "cases --all --db sqlite:///ledger.db",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare init, load, import, show and cases."""
    parser.add_argument(
        "--db",
        default=os.environ.get("TURNLEAF_LEDGER", "sqlite:///ledger.db"),
        help="the ledger's URL (default: TURNLEAF_LEDGER, else sqlite:///ledger.db)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("init", help="make the ledger, or bring its tables up to date")
    load = verbs.add_parser("load", help="insert or update branches, stations, patrons and items")
    load.add_argument("file", type=Path, metavar="FILE", help="a registry in JSON")
    bring = verbs.add_parser("import", help="bring in patrons, items, loans, holds or fees of another system")
    cli_ledger_import.arguments(bring)
    verbs.add_parser("show", help="say what the ledger holds")
    cases = verbs.add_parser("cases", help="list what a person must look at")
    cases.add_argument("--all", action="store_true", help="closed ones too")
    cli_ledger_copies.arguments(verbs)
    for name, verb in verbs.choices.items():
        verb.epilog = f"example: turnleaf ledger {(_EXAMPLES | cli_ledger_copies.EXAMPLES)[name]}"
        verb.add_argument("--db", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Run one of the verbs."""
    if args.verb in cli_ledger_copies.VERBS:
        return cli_ledger_copies.run(args)
    if args.verb == "import":
        return cli_ledger_import.run(args)
    verbs = {"init": _init, "load": _load, "show": _show, "cases": _cases}
    return verbs[args.verb](args)


def _init(args: argparse.Namespace) -> int:
    from central.ledger.ledger import Ledger
    from wire.output import emit

    ledger = Ledger.open(args.db)
    ledger.close()
    emit({"db": args.db, "epoch": ledger.epoch}, as_json=args.json, text=f"{args.db} is ready.")
    return 0


def _load(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from central.ledger import seed
    from central.ledger.ledger import Ledger
    from central.ledger.rows import millis
    from wire.clock import SystemClock
    from wire.output import emit

    registry = seed.read(args.file)
    ledger = Ledger.open(args.db)
    try:
        loaded = seed.load(ledger.hot, registry, millis(SystemClock().now()))
    finally:
        ledger.close()
    text = (
        f"{loaded.branches} branches, {loaded.stations} stations, {loaded.patrons} patrons, "
        f"{loaded.items} items; {loaded.changed} items are new or changed for the gates."
    )
    emit(asdict(loaded), as_json=args.json, text=text)
    return 0


def _read(url: str, query: Any) -> Any:
    """Run a query on an existing ledger, beside whoever writes it."""
    from central.ledger import database
    from wire.errors import ConfigError

    if not database.path_of(url).exists():
        raise ConfigError(f"{url}: there is no ledger", do=f"Make one: turnleaf ledger init --db {url}")
    engine = database.engine(url, writing=False)
    try:
        with database.connected(engine) as connection:
            return query(connection)
    finally:
        engine.dispose()


def _show(args: argparse.Namespace) -> int:
    from central.ledger import queries
    from wire.output import emit

    figures: dict[str, int | str] = _read(args.db, queries.figures)
    width = max(map(len, figures))
    text = "\n".join(f"{name:{width}}  {value}" for name, value in figures.items())
    emit({"db": args.db, **figures}, as_json=args.json, text=text)
    return 0


def _cases(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from central.ledger import queries
    from wire.output import emit

    found = _read(args.db, lambda db: queries.cases(db, not args.all, 10_000))
    lines = [
        f"{row.opened:%Y-%m-%d %H:%M}  {'closed' if row.closed else 'open':6}  {row.station:12}  {row.key}"
        + (f"  ({row.detail})" if row.detail else "")
        for row in found
    ]
    emit([asdict(row) for row in found], as_json=args.json, text="\n".join(lines) or "No case is open.")
    return 0
