"""Central's own retained presence: said again and again, and at once when a branch falls out of step.

Stations come back after an outage over a window that grows with their number; gates hear whether loans are
decided elsewhere, and whether a station of their branch may have lent what nobody knows of yet.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress

from central.fleet import StationView, behind
from wire.clock import Clock
from wire.link import Link, Outgoing
from wire.messages.states import CentralStatus
from wire.topics import topic

STATIONS_PER_S = 300.0
"""How many stations may come back in a second after an outage (design §3)."""
LOOK_S = 1.0
"""How often it is looked whether the branches are in step."""
FAREWELL_S = 2.0


def version() -> str:
    """Return the installed version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("turnleaf")
    except PackageNotFoundError:
        return "unknown"


def status(
    clock: Clock,
    boot: str,
    state: str,
    stations: int,
    *,
    elsewhere: bool = False,
    behind: tuple[str, ...] = (),
) -> Outgoing:
    """Return central's presence; `lost` is its will. `elsewhere`: gates ask before they sound."""
    said = CentralStatus.model_validate(
        {
            "state": state,
            "boot": boot,
            "at": clock.now(),
            "version": version(),
            "reconnect_window_s": round(stations / STATIONS_PER_S, 2),
            "elsewhere": elsewhere,
            "behind": behind,
        }
    )
    return Outgoing(topic("central"), said.encode(), retain=True)


class Presence:
    """Says that central is there. `run()` says it until cancelled, `birth()` once."""

    def __init__(
        self,
        link: Link,
        clock: Clock,
        boot: str,
        views: Callable[[], Mapping[str, StationView]],
        every_s: float,
        *,
        elsewhere: bool,
    ) -> None:
        self._link = link
        self._clock = clock
        self._boot = boot
        self._views = views
        self._every_s = every_s
        self._elsewhere = elsewhere
        self._behind: tuple[str, ...] = ()

    async def run(self) -> None:
        """Say it with jitter, and when other gates are behind than were said."""
        loop = asyncio.get_running_loop()
        while True:
            until = loop.time() + self._every_s * random.uniform(0.9, 1.1)  # noqa: S311 - jitter
            while loop.time() < until and self._behind == self._now_behind():
                await asyncio.sleep(min(LOOK_S, self._every_s))
            self.birth()

    def birth(self) -> None:
        """Say that central is there, and how things stand."""
        self._behind = self._now_behind()
        self._link.post(
            status(
                self._clock,
                self._boot,
                "online",
                len(self._views()),
                elsewhere=self._elsewhere,
                behind=self._behind,
            )
        )

    def _now_behind(self) -> tuple[str, ...]:
        return behind(self._views().values(), self._clock.now())

    async def farewell(self, state: str) -> None:
        """Say that we go; the link ends cleanly then, so that the broker would not say it for us."""
        with suppress(Exception):
            async with asyncio.timeout(FAREWELL_S):
                await self._link.publish(status(self._clock, self._boot, state, len(self._views())))
