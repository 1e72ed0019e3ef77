"""`python -m swift_station kiosk|gate|bin run --config FILE`: a daemon as the command runs it, with time that leaps.

The clock is the machine's, wall and monotonic, plus the seconds that stand in the file TURNLEAF_LEAP. So what a
daemon does by the minute or the hour comes after each leap: hellos of the stream, pruning, folding the log, the
end of a goodbye. Nothing else is changed.
"""

import argparse
import mmap
import os
import struct
import sys
from datetime import datetime, timedelta
from pathlib import Path

from kiosk.cli_station import run_arguments, start
from kiosk.config import BinSettings, GateSettings, KioskSettings
from wire.clock import SystemClock
from wire.settings import load


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
    """`wire.clock.Clock` that leaps."""

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


def main() -> int:
    """Run the daemon."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("kiosk", "gate", "bin"))
    run_arguments(parser, "swift_station kiosk run")
    args = parser.parse_args()
    clock = LeapingClock(Path(os.environ["TURNLEAF_LEAP"]))
    if args.kind == "kiosk":
        from kiosk.daemon_kiosk import run_kiosk

        settings = load(Path(args.config), KioskSettings)
        return start(args, settings, lambda: run_kiosk(settings, clock=clock))
    if args.kind == "gate":
        from kiosk.daemon_gate import run_gate

        gate_settings = load(Path(args.config), GateSettings)
        return start(args, gate_settings, lambda: run_gate(gate_settings, clock=clock))
    from kiosk.daemon_bin import run_bin

    bin_settings = load(Path(args.config), BinSettings)
    return start(args, bin_settings, lambda: run_bin(bin_settings, clock=clock))


if __name__ == "__main__":
    sys.exit(main())
