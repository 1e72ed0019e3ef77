"""Writing secrets and configuration: owner-only, whole or not at all."""

import os
import secrets
from pathlib import Path

from wire.errors import ConfigError


def write_private(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `data` in one step, readable as `mode` says from the first byte on."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigError(
            f"{path}: cannot be written: {error.strerror}",
            do="Run the command as the owner of the broker's folder.",
        ) from error
    follow_owner(path)


def private_folder(path: Path) -> Path:
    """Make the folder for its owner alone, and return it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{path}: the folder cannot be made: {error.strerror}", do="Choose another folder."
        ) from error
    follow_owner(path)
    return path


def follow_owner(path: Path) -> None:
    """Give `path` to the owner of its folder, when root works in another account's folder."""
    if os.geteuid() == 0:
        above = path.parent.stat()
        if above.st_uid != path.stat().st_uid and above.st_uid != 0 and not above.st_mode & 0o1000:
            os.chown(path, above.st_uid, above.st_gid)
