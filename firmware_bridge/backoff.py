"""Pauses between tries to reach a device that is gone. Pure but for its dice."""

import random

CAP_S = 30.0
"""Longest pause before a device is looked for again, seconds, where nothing else is said."""
LASTING_S = 10.0
"""A connection that lasted so long begins the back-off anew, seconds."""


class Backoff:
    """Pauses with jitter, twice as long each time up to `cap_s` seconds; never none, unless told 0."""

    def __init__(self, base_s: float, rng: random.Random | None = None, *, cap_s: float = CAP_S) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._tries = 0

    def pause_s(self, lasted_s: float = 0.0) -> float:
        """Return the next pause in seconds; `lasted_s` is how long the last connection held."""
        self._tries = 0 if lasted_s > LASTING_S else self._tries + 1
        most = min(self._cap_s, self._base_s * 2 ** min(self._tries, 16))
        return self._rng.uniform(self._base_s / 2, most)
