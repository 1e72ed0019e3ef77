"""Whose the ledger's files are: root leaves them to the service's user, and a want of rights names both."""

import os
import pwd
from pathlib import Path

from wire.errors import ConfigError


def keep_owner(handle: int, like: Path) -> None:
    """As root, give an open file to the owner of `like`, or of its folder while there is no such file."""
    if os.geteuid() != 0:
        return
    model = (like if like.exists() else like.parent).stat()
    made = os.fstat(handle)
    if made.st_nlink == 1 and (made.st_uid, made.st_gid) != (model.st_uid, model.st_gid):
        os.fchown(handle, model.st_uid, model.st_gid)


def denied(path: Path, *, writing: bool) -> ConfigError | None:
    """Return the error of a file, or of its folder, that this user may not open; None when rights suffice."""
    wanted, asked = os.R_OK | (os.W_OK if writing else 0), path
    while not os.path.lexists(asked) and asked != asked.parent:  # it is not there, or nobody may look
        asked = asked.parent
    if asked not in (path, path.parent):  # a folder on the way: there must be a way through it
        wanted = os.X_OK
    elif asked.is_dir():
        wanted |= os.X_OK
    user = _name(os.geteuid())
    if os.access(asked, wanted, effective_ids=True):
        return None
    owner = _name(asked.stat().st_uid)
    may = f"{asked} belongs to {owner}, and this is the user {user}"
    return ConfigError(
        f"{path}: permission denied: {may}",
        why="The service works on its ledger under one user, who alone may open it.",
        do=f"Work as {owner} (`sudo -u {owner} …`), or give it to this one: chown {user}: {asked}",
    )


def demand(path: Path) -> None:
    """Raise the error of a file or folder that this user may not read."""
    if reason := denied(path, writing=False):
        raise reason


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
