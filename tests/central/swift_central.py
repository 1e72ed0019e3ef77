"""`python -m swift_central FILE`: central as `turnleaf central run` runs it, with time that leaps.

The seconds to leap over stand in the file TURNLEAF_LEAP (`leaping`). What central does by its clock (alarms,
retention, days, presence of stations) comes after each leap; its upkeep, which waits a minute of real time, comes
each second, so that it falls between any two hours. With TURNLEAF_PAGES_KB the ledger's page caches, of 64 MB
each, are that small: what memory is taken for besides is seen. Nothing else is changed.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "edge"))

from leaping import LeapingClock

from central import desk
from central.config import CentralSettings
from central.foreground import run_until_signal
from central.ledger import database
from central.start import run
from wire.logs import setup
from wire.settings import load

UPKEEP_S = 1.0


def main(config: Path) -> int:
    """Run central until a signal ends it."""
    settings = load(config, CentralSettings)
    setup(settings.log.level, as_json=settings.log.as_json)
    desk.UPKEEP_S = UPKEEP_S
    if pages_kb := os.environ.get("TURNLEAF_PAGES_KB"):
        database.PRAGMAS = (*database.PRAGMAS, f"PRAGMA cache_size=-{pages_kb}")
    clock = LeapingClock(Path(os.environ["TURNLEAF_LEAP"]))
    return run_until_signal(lambda: run(settings, lambda: print("ready", flush=True), clock=clock), "central")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
