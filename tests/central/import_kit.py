"""A ledger with a branch, and files for it."""

import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from central.imports.mapping import MapFile
from central.imports.meter import Meter
from central.imports.records import Kind
from central.imports.run import Reading, Report, import_file
from central.imports.trial import copy_of
from central.imports.work import Terms, Work
from central.ledger.hot_sqlite import Hot
from central.ledger.ledger import Ledger
from central.ledger.seed import Registry, load
from wire.clock import SystemClock

ROOT = Path(__file__).parents[2]
NOW = 1_795_258_510_572
"""2026-11-21."""
REGISTRY = {
    "branches": [{"branch": "main", "name": "Main library", "zone": "Europe/Copenhagen"}],
    "patrons": [{"patron": "7", "card": "C7", "class": "adult", "home": "main"}],
    "items": [
        {"item": f"i{n}", "title": f"Title {n}", "class": "book", "branch": "main", "title_id": f"t{n}"}
        for n in range(1, 5)
    ],
}


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.db'}"


def make(folder: Path, registry: Mapping[str, Any] = REGISTRY) -> None:
    ledger = Ledger.open(url(folder))
    load(ledger.hot, Registry.model_validate_json(json.dumps(registry)), NOW)
    ledger.close()


def bring(
    folder: Path,
    kind: Kind,
    text: str | bytes,
    *,
    name: str = "",
    zone: str | None = None,
    trial: bool = False,
    now: int = NOW,
    work: type[Work] = Work,
    quick: bool = False,
    told: Mapping[str, Any] | None = None,
    **reading: Any,
) -> Report:
    """Import a file's text, here in this process; `quick` opens the file without looking at its version."""
    path = folder / (name or f"{kind}.csv")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    how = Reading(kind, told=MapFile.model_validate(told or {}), **reading)
    meter = Meter(io.StringIO(), SystemClock(), kind)
    terms = Terms(now, zone, trial=trial)
    if trial:
        with copy_of(url(folder), now) as hot:
            return import_file(path, how, work(hot, terms), meter)
    if quick:
        with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as db:
            db.execute("PRAGMA synchronous=OFF")
            hot = Hot(db)
            hot.take_lease("b", now)
            return import_file(path, how, work(hot, terms), meter)
    ledger = Ledger.open(url(folder))
    try:
        return import_file(path, how, work(ledger.hot, terms), meter)
    finally:
        ledger.close()


def rows(folder: Path, query: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(folder / "ledger.db")) as db:
        return db.execute(query, values).fetchall()


TABLES = ("branch", "patron", "card", "item", "loan", "hold", "fee", "change", "case", "meta")


def everything(folder: Path, but: Sequence[str] = ()) -> dict[str, list[Any]]:
    """Return all that an import could change. Salts of PINs differ each time and are left off."""
    found = {
        name: sorted(rows(folder, f'SELECT * FROM "{name}"'), key=repr) for name in TABLES if name not in but
    }
    found["meta"] = [row for row in found.get("meta", []) if row[0].startswith("import")]
    return found


def counts(report: Report) -> tuple[int, int, int, int, int]:
    """Added, changed, unchanged, left out, rejected."""
    tally = report.tally
    return tally.added, tally.changed, tally.unchanged, tally.left_out, tally.rejected


def said(report: Report) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.column, fault.reason) for fault in report.faults]


def turnleaf(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as people do."""
    return subprocess.run(
        [sys.executable, "-m", "turnleaf", "ledger", *words, "--db", url(folder)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
