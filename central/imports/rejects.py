"""What is not taken is set aside: FILE.rejected.csv, readable by its owner alone, to be mended and imported.

It holds the rows as they stood, with line, column and reason before them. It is written before the commit of
its batch, and cut back to what was committed when an import goes on.
"""

import csv
import io
import os
from pathlib import Path

from central.imports.records import Fault, Raw
from wire.errors import ConfigError

KEPT = 1000
"""Faults that a report lists; all are in the file."""

_HEAD = ("rejected_line", "rejected_column", "rejected_reason")


class Rejects:
    """The rejected rows of one file. On trial nothing is written."""

    def __init__(self, of: Path, columns: tuple[str, ...], *, trial: bool) -> None:
        self.path = of.with_name(of.name + ".rejected.csv")
        self.faults: list[Fault] = []
        self.size = 0
        self._columns = columns
        self._trial = trial
        self._waiting = io.StringIO()
        self._writer = csv.writer(self._waiting)

    def anew(self) -> None:
        """Begin without any."""
        self.faults, self.size = [], 0
        if not self._trial:
            self.path.unlink(missing_ok=True)

    def go_on(self, size: int) -> bool:
        """Go on behind the first `size` bytes; False when they are not there any more."""
        if size == 0:
            self.anew()
            return True
        try:
            with self.path.open("rb" if self._trial else "r+b") as file:
                whole = file.read(size)
                if len(whole) < size:
                    return False
                if not self._trial:
                    file.truncate(size)
        except OSError:
            return False
        rows = csv.reader(io.StringIO(whole.decode(errors="surrogateescape"), newline=""))
        next(rows, None)
        self.faults = [
            Fault(int(row[0]), row[1], row[2]) for row in rows if len(row) >= 3 and row[0].isdecimal()
        ]
        del self.faults[KEPT:]
        self.size = size
        return True

    def add(self, raw: Raw, fault: Fault) -> None:
        """Set a row aside."""
        if len(self.faults) < KEPT:
            self.faults.append(fault)
        if self._trial:
            return
        if self.size == 0 and self._waiting.tell() == 0:
            self._writer.writerow((*_HEAD, *self._columns))
        self._writer.writerow((fault.line, fault.column, fault.reason, *raw.cells))

    def keep(self) -> int:
        """Bring what was set aside to the disk; returns the size of the file."""
        text = self._waiting.getvalue()
        if text:
            self._append(text.encode(errors="surrogateescape"))
            self._waiting.seek(0)
            self._waiting.truncate()
        return self.size

    def _append(self, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (os.O_TRUNC if self.size == 0 else 0)
        try:
            file = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise ConfigError(
                f"{self.path}: cannot be written: {error.strerror}",
                why="Rows that are not taken are set aside there.",
                do="Put the file where you may write, and import it again.",
            ) from error
        with os.fdopen(file, "wb") as opened:
            os.fchmod(file, 0o600)
            opened.write(data)
            opened.flush()
            os.fsync(file)
        self.size += len(data)
