"""How often each antenna of a reader reads tags. Pure: the time is an argument.

An antenna that falls silent between two samples counts 0, and one that was never heard is not there: both
look alike in a list of what was read, and only the first is a fault.
"""

from collections import Counter


class AntennaRates:
    """Reads of each antenna; `per_second` gives the rates since it was asked last."""

    def __init__(self) -> None:
        self.total = Counter[int]()
        """Antenna -> reads since this was made."""
        self._told = Counter[int]()
        self._told_at: float | None = None

    def count(self, antenna: int, reads: int = 1) -> None:
        """Count reads of one antenna."""
        self.total[antenna] += reads

    def per_second(self, now_s: float) -> dict[int, float]:
        """Return antenna -> reads per second since the last call; empty at the first, which only begins."""
        before, self._told_at = self._told_at, now_s
        past, self._told = self._told, Counter(self.total)
        if before is None or now_s <= before:
            return {}
        return {number: (reads - past[number]) / (now_s - before) for number, reads in self.total.items()}


def named(rates: dict[int, float]) -> dict[str, float]:
    """Return rates as values of a sample: of all antennas together, and of each."""
    each = {f"reads_per_s_antenna_{number}": rate for number, rate in sorted(rates.items())}
    return {"reads_per_s": sum(rates.values())} | each if rates else {}
