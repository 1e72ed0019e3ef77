"""When it happened, on central's clock (design §4, time).

A station stamps each fact with its wall clock and with the milliseconds since its boot. While it is
connected, central sees that counter beside its own clock and so learns how the two lie (`Heard`). A
fact of that boot is then placed by its counter, whatever the station's wall clock says; only where a
synchronised clock says a little less, the message by which the counter was seen came late. A fact of a boot
that central never heard live is placed by its own clock, if that was synchronised and fits between the
fact before it and the moment it was received. What fits nothing is a doubt: it is placed where it favours
the patron (a return early, a loan late) and a person looks at it.
"""

from typing import Literal, NamedTuple

DRIFT = 0.0002
"""How fast two clocks may part (200 ppm): an old sighting of the counter gives way that much."""

LATE_MS = 60_000
"""How late a sighting of the counter may have come. By so much a synchronised clock may say less than the
counter and is believed: in an outage a message that waited is likelier than such a clock that is behind."""

SLACK_MS = 2_000
"""How far a synchronised clock may be off and still be believed."""


class OwnClock:
    """Finds out that this machine's own clock was set: its time minus its counter jumps then."""

    def __init__(self, slack_ms: int = SLACK_MS) -> None:
        self._slack = slack_ms
        self._lag: int | None = None

    def set_by(self, now: int, mono: int) -> int:
        """Return by how many ms it was set since the last look; 0 when that is within the slack."""
        lag, before = now - mono, self._lag
        self._lag = lag
        by = 0 if before is None else lag - before
        return by if abs(by) > self._slack else 0


class Heard(NamedTuple):
    """A boot of a station, and central's time minus its counter, in ms, at counter `mono`.

    The smallest difference is the truest, because a message can only be late.
    """

    boot: str
    offset: int
    mono: int

    def again(self, mono: int, now: int) -> "Heard":
        """Return what is known after another sighting of the same boot."""
        allowed = self.offset + int(max(0, mono - self.mono) * DRIFT)
        return Heard(self.boot, min(now - mono, allowed), max(mono, self.mono))


class Placed(NamedTuple):
    """Corrected time in ms, and whether it is a guess."""

    at: int
    doubt: bool


def place(
    *,
    at: int,
    clock: Literal["synced", "free"],
    boot: str,
    mono: int,
    heard: Heard | None,
    after: int,
    received: int,
    favour: Literal["early", "late"],
) -> Placed:
    """Return when a fact happened. All in ms; `after` is the time of the entry before it in its stream.

    Entries of one stream keep their order: the result is always after `after`. It is not later than
    `received`, but where that order demands a few milliseconds.
    """
    low, high = after + 1, max(after + 1, received)
    if heard is not None and heard.boot == boot:
        counted = mono + heard.offset
        if clock == "synced" and counted - LATE_MS <= at < counted:
            counted = at
        return Placed(_within(counted, low, high), doubt=False)
    if clock == "synced" and low - SLACK_MS <= at <= high + SLACK_MS:
        return Placed(_within(at, low, high), doubt=False)
    if favour == "late":
        return Placed(high, doubt=True)
    return Placed(low if after else min(at, high), doubt=True)


def _within(at: int, low: int, high: int) -> int:
    return max(low, min(at, high))
