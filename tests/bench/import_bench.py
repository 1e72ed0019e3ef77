"""Rows a second through `turnleaf ledger import`: the command itself, into a SQLite ledger on a disk.

    python tests/bench/import_bench.py [--rows 1000000] [--form csv|marc|marcxml] [--dir FOLDER] [--json]

The file has Koha's columns and random item numbers, so that the indexes are met as in a library's own file.
Measured: a dry run, the import, and the same import again, which finds nothing to do; from the start of the
process to its end, and by the processor time of the process. Nothing is left out: each row is read, checked,
compared with the ledger, written with its number for the gates, and committed with synchronous FULL.
"""

import argparse
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
COLUMNS = ("barcode", "biblionumber", "title", "homebranch", "holdingbranch", "itype", "itemcallnumber")
MORE = ("ccode", "notforloan", "itemlost", "withdrawn", "damaged")


def table(path: Path, rows: int) -> None:
    """Write items as Koha's report of its table does."""
    rng = random.Random(5)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*COLUMNS, *MORE))
        for number in rng.sample(range(10**10), rows):
            title = number % (rows // 2 + 1)
            writer.writerow(
                (
                    *(f"3{number:011}", title, f"The title {title}, and what it is about: å, ø, “quoted”"),
                    *(f"BR{number % 20}", f"BR{number % 19}", ("BK", "DVD", "REF")[number % 3]),
                    *(f"{number % 1000 / 10} ABC", "FIC", 0, 0, int(number % 97 == 0), 0),
                )
            )


def records(path: Path, rows: int, *, xml: bool) -> None:
    """Write items as records with two copies each."""
    from pymarc import Field, Indicators, Record, Subfield
    from pymarc.marcxml import record_to_xml

    rng = random.Random(5)
    numbers = rng.sample(range(10**10), rows)
    with path.open("wb") as file:
        if xml:
            file.write(b'<collection xmlns="http://www.loc.gov/MARC21/slim">')
        for at in range(0, rows, 2):
            record = Record(force_utf8=True)
            record.add_field(Field("001", data=str(at)))
            title = [Subfield("a", f"The title {at} :"), Subfield("b", "and what it is about: å, ø")]
            record.add_field(Field("245", Indicators("1", "0"), title))
            for number in numbers[at : at + 2]:
                told = {"p": f"3{number:011}", "a": "BR1", "b": "BR1", "y": "BK", "o": "813 ABC", "8": "FIC"}
                copy = [Subfield(code, value) for code, value in told.items()]
                record.add_field(Field("952", Indicators(" ", " "), copy))
            file.write(record_to_xml(record) if xml else record.as_marc())
        if xml:
            file.write(b"</collection>")


def turnleaf(*words: str) -> tuple[float, float, str]:
    """Run a command; returns seconds, processor seconds and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "turnleaf", "ledger", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    took = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def measure(folder: Path, rows: int, form: str) -> dict[str, object]:
    """Import one file three times."""
    path, ledger = folder / f"items.{form}", folder / "ledger.db"
    if form == "csv":
        table(path, rows)
    else:
        records(path, rows, xml=form == "marcxml")
    db = ("--db", f"sqlite:///{ledger}")
    turnleaf("init", *db)
    figures: dict[str, object] = {"rows": rows, "form": form, "file_mb": path.stat().st_size >> 20}
    words = ("import", str(path), "--kind", "items", "--format", form, "--make-branches", "UTC", "--json")
    for name, more in (("dry_run", ("--dry-run",)), ("import", ()), ("again", ())):
        took, used, printed = turnleaf(*words, *more, *db)
        told = json.loads(printed)["files"][0]
        assert told["rows"] == rows == told["unchanged" if name == "again" else "added"], told
        figures[f"{name}_rows_per_s"] = round(rows / took)
        figures[f"{name}_cpu_us_per_row"] = round(used / rows * 1e6, 1)
    figures["ledger_mb"] = ledger.stat().st_size >> 20
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--form", choices=("csv", "marc", "marcxml"), default="csv")
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        figures = measure(Path(folder), args.rows, args.form)
    print(json.dumps(figures) if args.json else "\n".join(f"{k:26} {v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
