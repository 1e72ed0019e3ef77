"""How far it is, on standard error: a bar for people, a line now and then for logs."""

from typing import TextIO

from wire.clock import Clock

_BAR = 30
_BAR_MS = 200
_LINE_MS = 10_000


class Meter:
    """Tells how many rows are done."""

    def __init__(self, out: TextIO, clock: Clock, label: str) -> None:
        self._out = out
        self._clock = clock
        self._label = label
        self._bar = out.isatty()
        self._began = self._said = clock.mono()
        self._first = 0

    def begin(self, rows: int) -> None:
        """Count from here: these rows were done before."""
        self._first = rows

    def tell(self, rows: int, part: float) -> None:
        """Say it, if it is time again."""
        now = self._clock.mono()
        if now - self._said < (_BAR_MS if self._bar else _LINE_MS):
            return
        self._said = now
        self._say(rows, part, now)

    def _say(self, rows: int, part: float, now: int) -> None:
        rate = (rows - self._first) * 1000 // max(1, now - self._began)
        words = f"{self._label}: {rows:,} rows, {part:.0%}, {rate:,} a second"
        if self._bar:
            bar = ("█" * round(part * _BAR)).ljust(_BAR, "·")
            self._out.write(f"\r\x1b[K{bar} {words}")
        else:
            self._out.write(words + "\n")
        self._out.flush()

    def end(self) -> None:
        """Clear the bar."""
        if self._bar:
            self._out.write("\r\x1b[K")
            self._out.flush()
