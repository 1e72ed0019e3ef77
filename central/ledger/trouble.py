"""What the ledger's database has against being used, in words for whoever must mend it."""

import shutil
import sqlite3
from pathlib import Path

from wire.errors import TurnleafError

FULL_BYTES = 16 * 1024 * 1024
"""With less than this free a disk counts as full: SQLite calls a log that it cannot make an I/O error."""
_KEPT = "Nothing can be lent or taken back. What was told as done is safe; stations keep the rest."


def _code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def is_damage(error: BaseException) -> bool:
    """Say whether the engine found pages that are not what they should be, the first one among them."""
    return _code(error) == sqlite3.SQLITE_CORRUPT or is_foreign(error)


def is_foreign(error: BaseException) -> bool:
    """Say whether the file does not even begin as a database does."""
    return _code(error) == sqlite3.SQLITE_NOTADB


def is_full(error: BaseException, path: Path) -> bool:
    """Say whether there is no room left: even to read a ledger the engine wants some, for its log."""
    if _code(error) == sqlite3.SQLITE_FULL:
        return True
    free = _free(path)
    return _code(error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and (
        free is not None and free < FULL_BYTES
    )


def is_of_the_disk(error: BaseException, path: Path) -> bool:
    """Say whether the disk is to blame, rather than what is in the file."""
    return is_full(error, path) or _code(error) == sqlite3.SQLITE_IOERR


def ledger_trouble(error: BaseException, path: Path, *, why: str = _KEPT) -> TurnleafError:
    """Return the driver's error as what was seen, why it matters, and what to do."""
    if is_damage(error):
        do = "Stop central and restore a copy: turnleaf ledger verify, then turnleaf ledger restore."
        return TurnleafError(f"the ledger {path} is damaged: {error}", why=why, do=do)
    if is_full(error, path):
        free = _free(path)
        left = "" if free is None else f", {free // 1024} kB are left"
        do = "Make room there: a full disk harms no ledger, so restore nothing."
        return TurnleafError(f"the disk of the ledger {path} is full{left}", why=why, do=do)
    do = "Look at that disk, and at who may write there; turnleaf ledger verify checks the ledger itself."
    return TurnleafError(f"the ledger {path} cannot be used: {error}", why=why, do=do)


def _free(path: Path) -> int | None:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return None
