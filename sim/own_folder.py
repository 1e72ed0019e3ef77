"""A folder that the simulator makes new each time: only one that is empty, or that it made itself."""

import shutil
from pathlib import Path

from wire.errors import ConfigError

MARK = ".turnleaf-simulated"
"""A file of this name says that everything beside it was made by the simulator, and may go."""


def make_new(folder: Path) -> None:
    """Leave an empty folder with the mark in it; raises ConfigError before anybody's files are touched."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file", do="Give a new folder, or an empty one.")
    found = sorted(folder.iterdir()) if folder.exists() else []
    if found and not (folder / MARK).is_file():
        raise ConfigError(
            f"{folder} holds files that the simulator did not make: {found[0].name}"
            + (f" and {len(found) - 1} more" if found[1:] else ""),
            why="It makes its folder new each time, and all of them would be gone.",
            do="Give a new folder, or an empty one.",
        )
    for child in found:
        shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / MARK).touch()
