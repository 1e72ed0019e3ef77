"""Loops that live as long as their daemon, and how one that may lose its device comes back."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from wire.errors import TurnleafError

log = logging.getLogger("turnleaf.wire.loops")

EARLY_S = 0.001


async def beat(every_s: float) -> None:
    """Sleep until the next beat: a moment that all loops with this period, and its multiples, have in common.

    A daemon that rests is woken once for all that it looks at each second, not once for each.
    """
    loop = asyncio.get_running_loop()
    await asyncio.sleep(to_next_beat(loop.time(), every_s))


def to_next_beat(now: float, every_s: float) -> float:
    """Return the seconds from `now` to the next multiple of `every_s`; a timer may have rung a bit early."""
    left = every_s - now % every_s
    return left if left > EARLY_S else left + every_s


async def keep_alive(
    name: str,
    once: Callable[[], Awaitable[None]],
    *,
    expect: tuple[type[TurnleafError], ...],
    base_s: float = 0.2,
    cap_s: float = 30.0,
    lasting_s: float = 10.0,
    lost: Callable[[TurnleafError], None] | None = None,
    rng: random.Random | None = None,
) -> None:
    """Run `once` again whenever it ends by an expected error; back off with full jitter up to `cap_s`.

    Ends by cancellation alone. Any other exception is a bug and passes through, so that the service
    manager restarts the process. `lost` is told of each expected error. A run that lasted longer than
    `lasting_s` seconds begins the back-off anew.
    """
    rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
    loop = asyncio.get_running_loop()
    attempt = 0
    while True:
        started = loop.time()
        try:
            await once()
            attempt = 0
        except expect as error:
            attempt = 0 if loop.time() - started > lasting_s else attempt + 1
            log.warning("%s: %s", name, error.seen)
            if lost is not None:
                lost(error)
        await asyncio.sleep(rng.uniform(base_s / 2, min(cap_s, base_s * 2 ** min(attempt, 16))))
