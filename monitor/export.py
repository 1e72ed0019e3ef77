"""What is shown, as a file: CSV for a spreadsheet, JSON for a program. Pure but for `write`."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

Form = Literal["csv", "json"]

RISKY = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is taken for a formula by spreadsheets."""


def as_csv(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a CSV text that no spreadsheet runs anything of."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(titles)
    for row in rows:
        writer.writerow(["'" + cell if cell.startswith(RISKY) else cell for cell in row])
    return out.getvalue()


def as_json(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a JSON list with one object a row."""
    return json.dumps([dict(zip(titles, row, strict=True)) for row in rows], ensure_ascii=False, indent=1)


def write(
    folder: Path, what: str, form: Form, titles: Sequence[str], rows: Sequence[Sequence[str]], now: datetime
) -> Path:
    """Write what is shown into a new file of `folder` and return its path; raises OSError."""
    text = as_csv(titles, rows) if form == "csv" else as_json(titles, rows)
    path = folder / f"turnleaf-{what}-{now:%Y%m%d-%H%M%S}.{form}"
    path.write_text(text, encoding="utf-8")
    return path
