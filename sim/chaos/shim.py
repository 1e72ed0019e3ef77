"""A disk and a clock that misbehave when told, for one process (faults.c, preloaded)."""

import errno
import shutil
import struct
import subprocess
from pathlib import Path

from wire.errors import ConfigError

SOURCE = Path(__file__).with_name("faults.c")
FULL, READ_ONLY = errno.ENOSPC, errno.EROFS


def build(folder: Path) -> Path:
    """Compile the library once into `folder`; raises ConfigError without a C compiler."""
    library = folder / "faults.so"
    if library.exists():
        return library
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise ConfigError(
            "there is no C compiler",
            why="A full disk and a wrong clock are played by a small preloaded library.",
            do="Install gcc.",
        )
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"faults.c does not compile: {done.stderr.strip()[:300]}", do="Install gcc.")
    return library


class Shim:
    """The faults of one process; told at any time, felt at once, also by the process after a restart."""

    def __init__(self, library: Path, told: Path) -> None:
        self._library = library
        self._told = told
        self._now = (0, 0, 0)
        self._say()

    @property
    def environment(self) -> dict[str, str]:
        """What the process gets."""
        return {"LD_PRELOAD": str(self._library), "TURNLEAF_FAULTS": str(self._told)}

    def disk(self, *, sync_ms: int = 0, write_errno: int = 0) -> None:
        """Let each sync take longer, or each write fail."""
        self._now = (sync_ms, write_errno, self._now[2])
        self._say()

    def clock(self, seconds: int) -> None:
        """Let the wall clock be wrong by so much."""
        self._now = (*self._now[:2], seconds)
        self._say()

    def _say(self) -> None:
        with self._told.open("r+b" if self._told.exists() else "wb") as file:
            file.write(struct.pack("=qqq", *self._now))
