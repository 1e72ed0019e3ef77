"""Every driver run over every fault: what came, counted. The tests hold it against `fault_outcomes`.

python -m tests.firmware_bridge.fault_table [driver ...]     prints how often each outcome came
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from fault_outcomes import CABLE_OUTCOMES, CABLES, DRIVERS, ODDITIES
from fault_pads import LONG_S, PATIENCE_S, Came, odd_feig, odd_threem, pads
from fault_readers import odd_pcsc, odd_scans, odd_uhf, pcsc, scans, uhf

LIMIT_S = 90.0
"""Nothing here takes longer, whatever the fault; what does hangs."""


async def over_cable(driver: str, fault: str, seed: int = 0) -> Came:
    """Return what came of a driver over a bad cable."""
    _, cable = CABLES[fault]
    async with asyncio.timeout(LIMIT_S):
        match driver:
            case "llrp":
                return await uhf(cable, seed)
            case "scanner":
                return await scans(cable, seed)
            case "pcsc":
                return await pcsc(cable, seed)
        patience_s = LONG_S if CABLE_OUTCOMES[driver][fault].always else PATIENCE_S
        return await pads(driver, cable, seed, patience_s)


ODD: dict[str, Callable[[str], Coroutine[None, None, Came]]] = {
    "feig-tcp": odd_feig, "3m-tcp": odd_threem, "llrp": odd_uhf, "scanner": odd_scans, "pcsc": odd_pcsc,
}  # fmt: skip


async def with_oddity(driver: str, name: str) -> Came:
    """Return what came of a driver against an odd firmware."""
    async with asyncio.timeout(LIMIT_S):
        return await ODD[driver](name)


def main() -> int:
    """Run all of it and print what came; 1 when a value was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("drivers", nargs="*", choices=[[], *DRIVERS], help="some of them alone")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.getLogger("turnleaf").setLevel(logging.CRITICAL)
    wrong = 0
    for driver in args.drivers or DRIVERS:
        runs = [(fault, over_cable(driver, fault, args.seed)) for fault in CABLE_OUTCOMES[driver]]
        runs += [(name, with_oddity(driver, name)) for name in ODDITIES.get(driver, {})]
        for name, run in runs:
            came = asyncio.run(run)
            wrong += came["wrong"]
            told = ", ".join(f"{what} {count}" for what, count in sorted(came.items()) if count)
            print(f"{DRIVERS[driver]:<16} {name:<12} {told}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
