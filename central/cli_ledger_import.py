"""`turnleaf ledger import`: bring in what another system knows, from files.

It writes, so it needs the ledger to itself: stop central first. With --dry-run it only reads the ledger, and
works beside a central that runs.
"""

import argparse
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from central.imports.mapping import Delimiter
    from central.imports.run import Reading, Report
    from central.ledger.hot_sqlite import Hot

KINDS = ("patrons", "items", "loans", "holds", "fees")
FORMATS = ("csv", "marc", "marcxml")
ENCODINGS = ("utf-8", "iso-8859-1", "cp1252", "cp850")
SHOWN = 20
"""Faults that are printed for people; --json has more, the file of rejected rows has all."""

EXAMPLE = "import borrowers.csv --kind patrons --dry-run --db sqlite:///ledger.db"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `import`."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="files, taken in this order")
    parser.add_argument("--kind", required=True, choices=KINDS, help="what the rows are")
    parser.add_argument("--format", choices=FORMATS, default="csv", help="how it is written (default: csv)")
    parser.add_argument("--map", type=Path, metavar="FILE", help="which column is which field, in TOML")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="one value for all rows; may be repeated",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would come of it; change nothing")
    parser.add_argument("--encoding", choices=ENCODINGS, help="how letters are written (default: utf-8)")
    parser.add_argument(
        "--delimiter",
        choices=(",", ";", "|", "tab"),
        help="what stands between cells (default: looked for)",
    )
    parser.add_argument(
        "--dates", choices=("iso", "dmy", "mdy"), help="how 1/2/2026 is read (default: not at all)"
    )
    parser.add_argument(
        "--currency", default="EUR", metavar="CODE", help="of fees, as ISO 4217 names it (default: EUR)"
    )
    parser.add_argument(
        "--make-branches",
        metavar="ZONE",
        help="make branches that rows name and the ledger lacks, in this time zone",
    )
    parser.add_argument("--batch", type=int, metavar="N", help="rows in one commit (default: by kind)")


def run(args: argparse.Namespace) -> int:
    """Import the files; 0 all in, 1 some rows were rejected, 2 wrong use, 3 the ledger is held by another."""
    from central.imports.meter import Meter
    from central.imports.run import import_file
    from central.imports.work import Work
    from wire.clock import SystemClock
    from wire.output import emit

    clock = SystemClock()
    reading = _reading(args)
    with _few_collections(), _ledger(args.db, trial=args.dry_run, clock=clock) as (hot, now):
        work = Work(hot, _terms(args, now))
        try:
            reports = [
                import_file(path, reading, work, Meter(sys.stderr, clock, path.name)) for path in args.files
            ]
        except KeyboardInterrupt:
            sys.stderr.write("Broken off. The same command goes on behind the last commit.\n")
            raise
    emit(
        {"dry_run": args.dry_run, "files": [_document(report) for report in reports]},
        as_json=args.json,
        text="\n".join(_text(report) for report in reports),
    )
    return 1 if any(report.tally.rejected for report in reports) else 0


@contextmanager
def _few_collections() -> Iterator[None]:
    """Rows make no cycles; looking for some took a fifth of the processor's time."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _terms(args: argparse.Namespace, now: int) -> Any:
    import os

    from central.imports.work import Terms
    from central.ledger.seed import BranchIn
    from wire.errors import ConfigError

    zone = args.make_branches
    if zone is not None:
        try:
            BranchIn(branch="zone", name="", zone=zone)
        except ValueError as error:
            raise ConfigError(
                f"--make-branches {zone}: no such time zone",
                do="Name it as IANA does, like Europe/Copenhagen.",
            ) from error
    return Terms(now, zone, trial=args.dry_run, workers=os.cpu_count() or 1)


def _reading(args: argparse.Namespace) -> "Reading":
    from central.imports.mapping import MapFile
    from central.imports.run import Reading
    from wire.errors import ConfigError
    from wire.settings import load

    told = MapFile() if args.map is None else load(args.map, MapFile)
    constants = dict(pair.partition("=")[::2] for pair in args.set)
    if any("=" not in pair for pair in args.set):
        raise ConfigError("--set needs a field and a value", do="Write it like --set owner=DK-710100")
    if args.batch is not None and args.batch < 1:
        raise ConfigError("--batch needs a number from 1", do="Leave it out for the default.")
    told = told.model_copy(update={"constants": {**told.constants, **constants}})
    delimiter: Delimiter | None = "\t" if args.delimiter == "tab" else args.delimiter
    return Reading(
        args.kind, args.format, told, args.encoding, delimiter, args.dates, args.currency, args.batch
    )


@contextmanager
def _ledger(url: str, *, trial: bool, clock: Any) -> Iterator[tuple["Hot", int]]:
    """Open the ledger for writing, or a copy of it that is thrown away."""
    from central.imports.trial import copy_of
    from central.ledger import database
    from central.ledger.ledger import Ledger
    from central.ledger.rows import millis
    from wire.errors import ConfigError

    now = millis(clock.now())
    if not database.path_of(url).exists():
        raise ConfigError(f"{url}: there is no ledger", do=f"Make one: turnleaf ledger init --db {url}")
    if trial:
        with copy_of(url, now) as hot:
            yield hot, now
        return
    ledger = Ledger.open(url, clock=clock)
    try:
        yield ledger.hot, now
    finally:
        ledger.close()


def _document(report: "Report") -> dict[str, object]:
    from dataclasses import asdict

    told = asdict(report)
    tally = told.pop("tally")
    told["faults"] = [asdict(fault) for fault in report.faults]
    return {**told, **tally}


def _text(report: "Report") -> str:
    tally = report.tally
    verb = "would be " if report.trial else ""
    lines = [
        f"{report.file}: {tally.rows} rows of {report.kind}: {tally.added} {verb}added,"
        f" {tally.changed} changed, {tally.unchanged} unchanged,"
        f" {tally.left_out} left out, {tally.rejected} rejected."
    ]
    if report.went_on_at:
        lines.append(f"  It went on at row {report.went_on_at + 1}, where an earlier import was broken off.")
    lines += [f"  {times} times: {notice}" for notice, times in sorted(tally.notices.items())]
    if report.unused:
        lines.append(f"  Columns not used: {', '.join(report.unused)}")
    lines += [
        f"  {report.unit} {fault.line}: {fault.column} {fault.reason}" for fault in report.faults[:SHOWN]
    ]
    if tally.rejected > SHOWN:
        lines.append(f"  and {tally.rejected - min(SHOWN, len(report.faults))} more")
    if report.rejected_file:
        lines.append(f"  Rejected rows, each with its reason: {report.rejected_file}")
    return "\n".join(lines)
