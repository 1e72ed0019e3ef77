"""Time that leaps, shared by a file: whoever drives a daemon moves it, the daemon's clock reads it."""

import mmap
import struct
from datetime import datetime, timedelta
from pathlib import Path

from wire.clock import SystemClock


class Leap:
    """The file with the seconds that were leapt over; whoever drives the daemon writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.seconds = 0.0
        self.forward(0)

    def forward(self, seconds: float) -> None:
        """Let that much time have gone by."""
        self.seconds += seconds
        with self._path.open("r+b" if self._path.exists() else "wb") as file:
            file.write(struct.pack("=d", self.seconds))


class LeapingClock:
    """`wire.clock.Clock`: the machine's, wall and monotonic, plus the seconds in the file."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._told = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
        self._true = SystemClock()

    def _leapt(self) -> float:
        return float(struct.unpack("=d", self._told[:8])[0])

    def now(self) -> datetime:
        """Return the wall time."""
        return self._true.now() + timedelta(seconds=self._leapt())

    def mono(self) -> int:
        """Return milliseconds of the monotonic clock."""
        return self._true.mono() + int(self._leapt() * 1000)
