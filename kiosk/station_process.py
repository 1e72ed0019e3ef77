"""What a daemon needs of its machine, and what it measures of itself: a folder, memory, the loop's lag."""

import asyncio
import ctypes
import gc
import os
from pathlib import Path

from wire.edge import Depth
from wire.errors import ConfigError
from wire.loops import to_next_beat

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_mb(statm: Path = Path("/proc/self/statm")) -> float:
    """Return the resident memory of this process in MB (10^6 bytes); 0 where /proc is not there."""
    try:
        return int(statm.read_text(encoding="ascii").split()[1]) * _PAGE / 1e6
    except (OSError, IndexError, ValueError):
        return 0.0


def make_state_dir(folder: Path) -> None:
    """Make the state folder, for this user alone; raises ConfigError when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be made: {error.strerror}",
            why="A station that cannot write down must not take items.",
            do="Set state_dir to a folder in which the station's user may write.",
        ) from error


def give_back_memory() -> None:
    """Return to the machine what only the start needed (building the message models: about 5 MB).

    glibc keeps freed memory for later; a daemon that idles for months on a small computer does not
    need it. Where there is no malloc_trim (musl), nothing happens.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class LoopLag:
    """How late the event loop wakes: the worst lag since it was last asked for, in milliseconds."""

    def __init__(self, every_s: float = 0.5) -> None:
        self._every_s = every_s
        self._worst_ms = 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + to_next_beat(loop.time(), self._every_s)
            await asyncio.sleep(due - loop.time())
            self._worst_ms = max(self._worst_ms, (loop.time() - due) * 1000)

    def take(self) -> float:
        """Return the worst lag and begin anew."""
        worst, self._worst_ms = self._worst_ms, 0.0
        return worst


def process_values(mono: int, lag: LoopLag, depth: Depth) -> dict[str, float]:
    """Return a daemon's sample of itself; `mono` is milliseconds since its boot."""
    return {
        "rss_mb": resident_mb(),
        "loop_lag_ms": lag.take(),
        "uptime_s": mono / 1000,
        "outbox_open": float(depth.open),
        "outbox_percent": depth.fill * 100,
    }
