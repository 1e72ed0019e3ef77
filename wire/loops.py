"""Loops that live as long as their daemon, and how one that may lose its device comes back."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from wire.errors import TurnleafError

log = logging.getLogger("turnleaf.wire.loops")


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
