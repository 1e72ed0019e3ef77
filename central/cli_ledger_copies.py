"""`turnleaf ledger backup | restore | verify`: copies of the ledger, made beside a running central."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from central.ledger.backup import Checked, Progress

VERBS = ("backup", "restore", "verify")
EXAMPLES = {
    "backup": "backup /var/backups/turnleaf --db sqlite:////var/lib/turnleaf/ledger.db",
    "restore": "restore /var/backups/turnleaf --db sqlite:////var/lib/turnleaf/ledger.db",
    "verify": "verify /var/backups/turnleaf --json",
}


def arguments(verbs: Any) -> None:
    """Declare the three verbs."""
    backup = verbs.add_parser("backup", help="copy the ledger, also while central works")
    backup.add_argument("folder", type=Path, metavar="FOLDER", help="where the copies are kept")
    backup.add_argument("--keep", type=_count, default=14, help="how many copies stay in the folder (14)")
    restore = verbs.add_parser("restore", help="put a copy in the ledger's place; central must not run")
    restore.add_argument("copy", type=Path, metavar="COPY", help="a copy, or a folder: its newest sound one")
    verify = verbs.add_parser("verify", help="check a copy, every copy of a folder, or the ledger itself")
    verify.add_argument("copy", type=Path, nargs="?", metavar="COPY", help="a copy or a folder (the ledger)")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1: the copy that is made now")
    return number


def run(args: argparse.Namespace) -> int:
    """Run one of the verbs."""
    return {"backup": _backup, "restore": _restore, "verify": _verify}[args.verb](args)


def _backup(args: argparse.Namespace) -> int:
    from central.ledger.backup import back_up
    from central.ledger.database import path_of
    from wire.clock import SystemClock
    from wire.output import emit

    made, found = back_up(path_of(args.db), args.folder, SystemClock().now(), args.keep, _progress("copied"))
    emit({"copy": str(made), **_told(found)}, as_json=args.json, text=f"{made}: {_words(found)}")
    return 0


def _restore(args: argparse.Namespace) -> int:
    from central.ledger.backup import restore
    from central.ledger.database import path_of
    from wire.clock import SystemClock
    from wire.output import emit

    copy = _newest_sound(args.copy) if _is_folder(args.copy) else args.copy
    target = path_of(args.db)
    found, kept = restore(copy, target, SystemClock().now(), _progress("restored"))
    text = f"{target} is now {copy}: {_words(found)}."
    if kept is not None:
        text += f"\nWhat stood there is kept as {kept}; it names patrons, delete it when all is well."
    text += "\nStart central: the stations send again what this copy lacks."
    told = {"ledger": str(target), "copy": str(copy), "kept": None if kept is None else str(kept)}
    emit({**told, **_told(found)}, as_json=args.json, text=text)
    return 0


def _is_folder(path: Path) -> bool:
    from central.ledger.rights import demand

    demand(path)
    return path.is_dir()


def _newest_sound(folder: Path) -> Path:
    from central.ledger.backup import check, copies
    from wire.errors import ConfigError

    found = copies(folder)
    for copy in reversed(found):
        try:
            faults = check(copy).faults
        except ConfigError as error:  # it cannot even be read
            faults = (error.seen,)
        if not faults:
            return copy
        print(f"✗ {copy}: {'; '.join(faults)}; the one before it is tried", file=sys.stderr)
    raise ConfigError(
        f"{folder}: no usable copy" if found else f"{folder}: no copy is there",
        why="Nothing was changed: the ledger stays as it is.",
        do="See above what each one lacks, or give another folder." if found else "Give the copies' folder.",
    )


def _verify(args: argparse.Namespace) -> int:
    from central.ledger.backup import Unreadable, check, copies
    from central.ledger.database import path_of
    from wire.errors import ConfigError
    from wire.output import emit

    which: Path = args.copy or path_of(args.db)
    files = copies(which) if _is_folder(which) else [which]
    if not files:
        raise ConfigError(f"{which}: no copy is there", do="Make one: turnleaf ledger backup.")
    found: list[tuple[Path, Checked | ConfigError]] = []
    for file in files:
        try:
            found.append((file, check(file)))
        except ConfigError as error:
            if len(files) == 1 and not isinstance(error, Unreadable):
                raise
            found.append((file, error))
    rows, lines, sound = [], [], True
    for file, one in found:
        faults = (one.seen,) if isinstance(one, ConfigError) else one.faults
        sound = sound and not faults
        told = {} if isinstance(one, ConfigError) else _told(one)
        rows.append({"file": str(file), **told, "faults": list(faults)})
        words = "" if isinstance(one, ConfigError) else _words(one)
        lines.append(f"{'✗' if faults else '✓'} {file}: {'; '.join(faults) or words}")
    emit({"sound": sound, "files": rows}, as_json=args.json, text="\n".join(lines))
    return 0 if sound else 1


def _told(found: "Checked") -> dict[str, Any]:
    from dataclasses import asdict

    from central.ledger.rows import moment

    told = asdict(found)
    told["last"] = moment(found.last).isoformat() if found.last else None
    return told


def _words(found: "Checked") -> str:
    from central.ledger.rows import moment

    last = f", the last of {moment(found.last):%Y-%m-%d %H:%M} UTC" if found.last else ""
    return f"{found.items} items, {found.loans_open} on loan, {found.facts} facts{last}"


def _progress(word: str) -> "Progress":
    """Say on a terminal how far it is."""
    if not sys.stderr.isatty():
        return lambda done, total: None

    def say(done: int, total: int) -> None:
        share = 100 * done // max(total, 1)
        print(f"\r{share:3d} % {word}", end="\n" if done >= total else "", file=sys.stderr, flush=True)

    return say
