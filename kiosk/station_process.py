"""What a daemon measures of itself: resident memory, the lag of its loop, how long it has run."""

import asyncio
import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_mb(statm: Path = Path("/proc/self/statm")) -> float:
    """Return the resident memory of this process in MB (10^6 bytes); 0 where /proc is not there."""
    try:
        return int(statm.read_text(encoding="ascii").split()[1]) * _PAGE / 1e6
    except (OSError, IndexError, ValueError):
        return 0.0


class LoopLag:
    """How late the event loop wakes: the worst lag since it was last asked for, in milliseconds."""

    def __init__(self, every_s: float = 0.5) -> None:
        self._every_s = every_s
        self._worst_ms = 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._every_s
            await asyncio.sleep(self._every_s)
            self._worst_ms = max(self._worst_ms, (loop.time() - due) * 1000)

    def take(self) -> float:
        """Return the worst lag and begin anew."""
        worst, self._worst_ms = self._worst_ms, 0.0
        return worst
