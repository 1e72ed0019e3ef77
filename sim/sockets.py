"""Places for local sockets: an address holds 107 bytes (unix(7)), a folder's path may be longer."""

import os
import shutil
import tempfile
from pathlib import Path

LONGEST = 107


def place_of(wanted: Path) -> Path:
    """Return `wanted` if a socket can be bound there, else a place of that name in a folder of its own."""
    if len(os.fsencode(wanted)) <= LONGEST:
        return wanted
    place = Path(tempfile.mkdtemp(prefix="turnleaf-socket-")) / wanted.name
    if len(os.fsencode(place)) > LONGEST:  # TMPDIR may be far down, too
        place.parent.rmdir()
        place = Path(tempfile.mkdtemp(prefix="turnleaf-socket-", dir="/tmp")) / wanted.name
    return place


def gone(place: Path, wanted: Path) -> None:
    """Remove a socket, and the folder that was made for it."""
    place.unlink(missing_ok=True)
    if place != wanted:
        shutil.rmtree(place.parent, ignore_errors=True)
