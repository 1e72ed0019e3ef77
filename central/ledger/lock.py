"""Who may write: a lock on a file, and a lease with an epoch inside the database.

The lock keeps a second central on this machine away, and says so. The lease is the safety behind it:
each start takes the next epoch, every commit compares it, so a process that was paused, or whose lock
file somebody removed, finds out before it can do harm (streams.md §1.5, counterexample 12).
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from central.ledger.rights import denied, keep_owner
from wire.errors import ConfigError, TurnleafError


class LeaseLost(TurnleafError):
    """Another central took over; this one must end without a word."""

    exit_code = 3


class LedgerHeld(TurnleafError):
    """Another process works on the ledger; whoever wants it can wait until that one has ended."""

    exit_code = 3


def stream_moved() -> LeaseLost:
    """Return the error of a stream whose `upto` was not where this central had left it (streams.md C2)."""
    return LeaseLost("a stream moved under this central", why="Another central works on the same ledger.")


class LockFile:
    """An exclusive lock beside the ledger, held as long as the process (or `release`)."""

    def __init__(self, database: Path) -> None:
        self._database = database.resolve()  # one ledger has one lock, whatever link it is named by
        self.path = self._database.with_name(self._database.name + "-lock")
        self._file: int | None = None

    @property
    def held(self) -> bool:
        """Whether this one has the lock."""
        return self._file is not None

    def take(self) -> None:
        """Lock; raises LedgerHeld naming the process that has it, and ConfigError when nobody can."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise denied(self.path, writing=True) or ConfigError(
                f"{self.path}: cannot be opened: {error.strerror}",
                why="The ledger is locked by the one central that works on it.",
                do="Make the folder, and let the service's user write in it.",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(file, 64).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise LedgerHeld(
                f"{self.path}: another central works on this ledger (process {holder})",
                why="Two writers would each decide without the other's loans.",
                do="Stop that one first (`systemctl stop turnleaf-central`, or end that process),"
                " or give this one a ledger of its own.",
            ) from error
        keep_owner(file, self._database)
        with suppress(OSError):  # on a full disk nobody reads who holds it, and it holds all the same
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
