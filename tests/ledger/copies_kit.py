"""Copies of a ledger, for the tests of backup, restore and verify."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from central.ledger.backup import back_up, copies

NOW = datetime(2026, 3, 3, 2, 30, tzinfo=UTC)


def quiet(done: int, total: int) -> None:
    """No progress."""


def two_copies(ledger: Path) -> tuple[Path, Path]:
    """Copy a ledger on two days, into the folder `copies` beside it."""
    folder = ledger.with_name("copies")
    for day in range(2):
        back_up(ledger, folder, NOW + timedelta(days=day), 9, quiet)
    older, newest = copies(folder)
    return older, newest
