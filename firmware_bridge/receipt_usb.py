"""A receipt printer at a USB printer port of the kernel (driver usblp, /dev/usb/lp0), for python-escpos.

python-escpos writes to such a device file and cannot hear it; printers of the class answer on it, too, so
that is added here. No library for raw USB is needed, and no rights but those of the group `lp`.

Not for: printers at a serial converter, which are serial ports (`serial:`).
"""

import os
import select
from typing import Any

from escpos.printer import File

CHUNK = 64


class UsbFile(File):  # type: ignore[misc]  # python-escpos tells no types
    """python-escpos' `File`, opened for both directions; reading gives up after `timeout_s`."""

    def __init__(self, path: str, *, timeout_s: float, profile: str) -> None:
        super().__init__(devfile=path, profile=profile)
        self._timeout_s = timeout_s

    def open(self, raise_not_found: bool = True) -> None:
        """Open the device; raises OSError when it is not there or may not be used."""
        self.device: Any = os.fdopen(os.open(self.devfile, os.O_RDWR | os.O_NOCTTY), "r+b", buffering=0)

    def _read(self) -> bytes:
        """Return what the printer said; nothing when it says nothing in time."""
        ready, _, _ = select.select([self.device], [], [], self._timeout_s)
        return os.read(self.device.fileno(), CHUNK) if ready else b""

    def close(self) -> None:
        """Close the device."""
        if self.device:
            self.device.close()
            self.device = None
