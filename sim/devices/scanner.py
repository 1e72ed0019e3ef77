"""A serial barcode scanner: types codes into a pseudo terminal, whole or in pieces, and can be unplugged.

The far end opens `path` as it would open a serial port. A pseudo terminal carries no parity and no bit rate.
"""

import os
import tty


class SerialScannerDevice:
    """One scanner on one pseudo terminal; `suffix` ends each code."""

    def __init__(self, suffix: bytes = b"\r\n") -> None:
        self._suffix = suffix
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)

    def scan(self, code: str, *, pieces: int = 1) -> None:
        """Type a code, in so many writes."""
        data = code.encode() + self._suffix
        size = max(1, -(-len(data) // pieces))
        for at in range(0, len(data), size):
            os.write(self._master, data[at : at + size])

    def unplug(self) -> None:
        """Take it away; may be called twice."""
        for end in (self._master, self._slave):
            if end >= 0:
                os.close(end)
        self._master = self._slave = -1
