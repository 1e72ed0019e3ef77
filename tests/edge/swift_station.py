"""`python -m swift_station kiosk|gate|bin run --config FILE`: a daemon as the command runs it, with time that leaps.

The seconds to leap over stand in the file TURNLEAF_LEAP (`leaping`). So what a daemon does by the minute or the
hour comes after each leap: hellos of the stream, pruning, folding the log, the end of a goodbye. Nothing else is
changed.
"""

import argparse
import os
import sys
from pathlib import Path

from leaping import LeapingClock

from kiosk.cli_station import run_arguments, start
from kiosk.config_bin import BinSettings
from kiosk.config_gate import GateSettings
from kiosk.config_kiosk import KioskSettings
from wire.settings import load


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
