"""A serial barcode scanner: types codes into a pseudo terminal, whole or in pieces, and can be unplugged.

The far end opens `path` as it would open a serial port: a name of this one scanner, as below /dev/serial,
that goes with it, while the terminal's own name may be another program's at once. A pseudo terminal carries
no parity and no bit rate.
"""

import os
import tempfile
import tty
from pathlib import Path


class SerialScannerDevice:
    """One scanner on one pseudo terminal; `suffix` ends each code."""

    def __init__(self, suffix: bytes = b"\r\n") -> None:
        self._suffix = suffix
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._folder = tempfile.TemporaryDirectory(prefix="scanner-")
        link = Path(self._folder.name) / "scanner"
        link.symlink_to(os.ttyname(self._slave))
        self.path = str(link)

    def scan(self, code: str, *, pieces: int = 1) -> None:
        """Type a code, in so many writes."""
        data = code.encode() + self._suffix
        size = max(1, -(-len(data) // pieces))
        for at in range(0, len(data), size):
            os.write(self._master, data[at : at + size])

    def unplug(self) -> None:
        """Take it away; may be called twice."""
        self._folder.cleanup()
        for end in (self._master, self._slave):
            if end >= 0:
                os.close(end)
        self._master = self._slave = -1
