"""Copies of the ledger: made while central works, checked, and put back.

A copy is one SQLite file of one moment, made with the engine's online backup (sqlite.org/backup.html): pages
are taken in portions, and what central writes meanwhile is taken in too. It appears under its name only when
it is whole, checked and on the disk. SQLite has no incremental backup of its own; each copy is complete.

A copy holds who has what, and what the ledger forgets later is not forgotten in it: so only the newest few
are kept. A restored ledger needs nothing else: stations send again what it lacks, with the answers that were
given (streams.md C6), so a copy may be as old as what the stations keep (`outbox.keep_days`).
"""

import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from central.ledger import copy_sum, database
from central.ledger.lock import LockFile
from central.ledger.rights import demand, keep_owner
from central.ledger.rules import RULES
from central.ledger.trouble import is_damage, is_of_the_disk, ledger_trouble
from wire.errors import ConfigError, TurnleafError, WireError

PAGES = 2048
"""Pages taken at a time: 8 MiB; between two portions central's writer has its turn."""
SUFFIX = ".turnleaf-ledger"
UNFINISHED = re.compile(r"\d{8}T\d{6}Z(_\d+)?\.unfinished")
"""Names of copies that did not come to be: a moment, and the number of whoever was not first in it."""
UNDER_WAY_S = 3600
"""One that was written to so lately may be another backup's, still under way."""
UNTOLD = "Whether it is sound cannot be told now."
Progress = Callable[[int, int], None]
"""Pages done, pages in all."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a ledger's file holds, and what is wrong with it."""

    version: str
    epoch: int
    items: int
    loans_open: int
    facts: int
    last: int
    """When the last fact was received, ms since 1970; 0: none yet."""
    faults: tuple[str, ...]


class Unreadable(ConfigError):
    """A file that is damaged beyond what a check can look into, or no ledger at all."""

    exit_code = 1


def check(path: Path) -> Checked:
    """Check a ledger's file: its sum, its pages, and the rules that always hold.

    Raises ConfigError when there is none, `Unreadable` when it cannot be read as one, TurnleafError when the
    disk fails.
    """
    demand(path)
    if not path.is_file():
        raise ConfigError(f"{path}: there is no file", do="Give the path of a ledger or of a copy of one.")
    try:
        seen = (*_cut(path), *copy_sum.faults(path))
        with closing(_read_only(path)) as db:
            return _check(db, seen)
    except OSError as error:
        raise ledger_trouble(error, path, why=UNTOLD) from error
    except sqlite3.DatabaseError as error:
        if is_of_the_disk(error, path):
            raise ledger_trouble(error, path, why=UNTOLD) from error
        raise Unreadable(
            f"{path}: not a ledger that can be read: {error}",
            why="It is damaged, or something else.",
            do="Take another copy; the newest that `turnleaf ledger verify` finds sound.",
        ) from error


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def _cut(path: Path) -> tuple[str, ...]:
    """Tell what lacks at the end of a file. SQLite takes a last page that is cut off for one of zeros."""
    file = path.resolve()
    with file.open("rb") as opened:
        head = opened.read(100)
        logs = (file.with_name(file.name + end) for end in ("-wal", "-journal"))
        if any(log.exists() and log.stat().st_size for log in logs):
            return ()  # its size is not settled: pages may stand in the log alone
        size = os.fstat(opened.fileno()).st_size  # last: a log that was empty just now is in the file by now
    if len(head) < 100 or head[24:28] != head[92:96]:  # the header's count of pages is not the valid one
        return ()
    page = int.from_bytes(head[16:18], "big")
    whole = int.from_bytes(head[28:32], "big") * (65536 if page == 1 else page)
    return (f"{whole - size} of its {whole} bytes lack at the end",) if size < whole else ()


def _check(db: sqlite3.Connection, seen: tuple[str, ...]) -> Checked:
    pages = [str(row[0]) for row in db.execute("PRAGMA integrity_check(20)")]
    faults = [*seen] if pages == ["ok"] else [*seen, *pages]
    version = str(db.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    if version not in database.versions():  # its tables may be others: neither rules nor figures are asked
        newer = f"written by a newer Turnleaf (its version is {version})"
        return Checked(version, 0, 0, 0, 0, 0, (*faults, newer))
    for rule in RULES:
        found = _one(db, rule.query) if version >= rule.since else 0
        if found:
            faults.append(f"{found} {rule.broken}")
    return Checked(
        version=version,
        epoch=_one(db, "SELECT max(epoch) FROM lease"),
        items=_one(db, "SELECT count(*) FROM item"),
        loans_open=_one(db, "SELECT count(*) FROM loan WHERE ended IS NULL AND NOT withdrawn"),
        facts=_one(db, "SELECT count(*) FROM journal"),
        last=_one(db, "SELECT max(received) FROM journal"),
        faults=tuple(faults),
    )


def _one(db: sqlite3.Connection, query: str) -> int:
    return int(db.execute(query).fetchone()[0] or 0)


def back_up(source: Path, folder: Path, now: datetime, keep: int, progress: Progress) -> tuple[Path, Checked]:
    """Copy a ledger that may be in use into `folder`; keep the newest `keep` copies there.

    A copy that is not sound stays as `.unfinished`, for whoever looks into it, until one begins an hour later
    or more: the ledger as it is then tells more, and what names patrons must not pile up where `keep` never
    counts it. The same goes for what a killed backup left.

    Raises ConfigError when there is no ledger, WireError when the copy is not sound or cannot be written.
    """
    demand(source)
    if not source.is_file():
        raise ConfigError(f"{source}: there is no ledger", do="Give its URL with --db.")
    target = unfinished = None
    try:
        if cut := _cut(source):
            raise _damaged(source, folder, cut[0])
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(folder, now)
        target, unfinished = _reserved(folder, now)
        _copy(source, unfinished, progress)
        found = check(unfinished)
        if found.faults:
            raise WireError(
                f"{source}: {'; '.join(found.faults)}",
                why="A copy of a ledger that breaks its own rules would be no help.",
                do=f"Look at it before anything else; the copy is kept as {unfinished}.",
            )
        copy_sum.write(unfinished, target)
        unfinished.replace(target)
        _sync(folder)
    except WireError:  # the copy that is not sound
        raise
    except (OSError, sqlite3.Error, TurnleafError) as error:
        if unfinished is not None:
            _discard(unfinished)
        if target is not None and not target.exists():
            copy_sum.beside(target).unlink(missing_ok=True)
        if isinstance(error, ConfigError) or is_damage(error):
            raise _damaged(source, folder, str(error.__cause__ or error)) from error
        if isinstance(error, TurnleafError):
            raise
        raise WireError(
            f"{unfinished or folder}: {error}",
            why="There is no new copy; the older ones are as they were.",
            do="Make room, or give a folder where this user may write.",
        ) from error
    for old in copies(folder)[:-keep]:
        old.unlink(missing_ok=True)
        copy_sum.beside(old).unlink(missing_ok=True)
    return target, found


def _sweep(folder: Path, now: datetime) -> None:
    """Remove what did not become a copy, and sums without one."""
    lone = (one for one in folder.glob(f"*{SUFFIX}{copy_sum.SUFFIX}") if not one.with_suffix("").exists())
    half = (one for one in folder.glob("*.unfinished") if UNFINISHED.fullmatch(one.name))
    for left in (*half, *lone):
        if left.stat().st_mtime < now.timestamp() - UNDER_WAY_S:
            left.unlink(missing_ok=True)


def _damaged(source: Path, folder: Path, seen: str) -> WireError:
    return WireError(
        f"{source}: the ledger itself is damaged: {seen}",
        why="There is no new copy; the older ones are as they were.",
        do=f"Stop central, and put the newest sound copy in its place: turnleaf ledger restore {folder}",
    )


def _stamp(now: datetime, number: int) -> str:
    """Name a moment; who comes second in the same second sorts behind the first."""
    return f"{now:%Y%m%dT%H%M%SZ}" + (f"_{number:03d}" if number > 1 else "")


def _reserved(folder: Path, now: datetime) -> tuple[Path, Path]:
    """Make the unfinished file of a name that no other copy has: who holds it alone may make that copy."""
    names = (folder / f"{_stamp(now, number)}{SUFFIX}" for number in count(1))
    target = next(name for name in names if _reserve(name))
    return target, target.with_suffix(".unfinished")


def _reserve(target: Path) -> bool:
    unfinished = target.with_suffix(".unfinished")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    if target.exists():
        unfinished.unlink()
        return False
    return True


def copies(folder: Path) -> list[Path]:
    """Return the copies in a folder, oldest first; raises ConfigError when this user may not look into it."""
    demand(folder)
    return sorted(folder.glob(f"*{SUFFIX}"))


def _copy(source: Path, target: Path, progress: Progress) -> None:
    with (
        closing(_read_only(source)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(
            new, pages=PAGES, progress=lambda _, left, total: progress(total - left, total), sleep=0.01
        )
        new.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def restore(copy: Path, target: Path, now: datetime, progress: Progress) -> tuple[Checked, Path | None]:
    """Put a copy in a ledger's place. What stood there is kept beside it, never deleted; returns where.

    Raises LedgerHeld while a central works there, ConfigError when the copy is not sound, WireError when it
    cannot be written.
    """
    found = check(copy)
    if found.faults:
        raise ConfigError(
            f"{copy}: {'; '.join(found.faults)}",
            why="Nothing was changed: the ledger stays as it is.",
            do="Take an older copy; `turnleaf ledger verify` tells which one is sound.",
        )
    fresh, placed = target.with_name(target.name + ".restoring"), False
    lock = LockFile(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock.take()
        _fetch(copy, fresh, target, progress)
        kept = _set_aside(target, now)
        fresh.replace(target)
        placed = True
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        if placed:
            why = "The copy stands there, but the disk does not say that a power cut would leave it so."
        elif target.exists():
            why = "The old ledger is untouched."
        else:
            why = f"No ledger stands there now. What did, if any, is beside it as {target.name}.before-…"
        do = "Make room, or work as a user who may write there, and restore again."
        raise WireError(f"{target}: {error}", why=why, do=do) from error
    finally:
        if lock.held:
            _discard(fresh)
        lock.release()
    return found, kept


def _fetch(copy: Path, fresh: Path, target: Path, progress: Progress) -> None:
    _discard(fresh)
    file = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    keep_owner(file, target)
    os.close(file)
    _copy(copy, fresh, progress)


def _discard(half: Path) -> None:
    """Remove a file that did not become whole, and its journal, which would spoil the next of that name."""
    for end in ("", "-journal"):
        Path(f"{half}{end}").unlink(missing_ok=True)


def _set_aside(target: Path, now: datetime) -> Path | None:
    """Move a ledger away under a new name, with the last commits that may stand in its log alone."""
    if not target.exists():
        return None
    with suppress(sqlite3.Error), closing(sqlite3.connect(target)) as db:  # a damaged one is moved as it is
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    names = (target.with_name(f"{target.name}.before-{_stamp(now, number)}") for number in count(1))
    kept = next(name for name in names if not name.exists())
    for end in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{target}{end}").replace(f"{kept}{end}")
    return kept
