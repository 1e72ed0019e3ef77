"""Connections to one library system: a few, opened on demand, and a rest after failures.

A system that does not answer is not asked by every patron anew: after a failure to connect nothing is tried
for a while that grows, so that who stands at a kiosk hears at once that it is not possible now.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from central.sip2.client import Connection, LoginRefused, Peer, Unreachable
from wire.clock import Clock
from wire.errors import TurnleafError


class Pool:
    """Up to `size` connections of one account."""

    def __init__(
        self,
        peer: Peer,
        clock: Clock,
        *,
        size: int = 4,
        rest_s: float = 0.5,
        longest_s: float = 30.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._peer = peer
        self._clock = clock
        self._free: list[Connection] = []
        self._room = asyncio.Semaphore(size)
        self._rest_s = rest_s
        self._longest_s = longest_s
        self._chance = chance
        self._failures = 0
        self._rests_until = 0
        self._closed = False
        self.last: TurnleafError | None = None
        """Why the last attempt to connect failed; None when it did not."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection that works; raises Unreachable or LoginRefused before anything was asked."""
        async with self._room:
            found = await self._idle() or await self._open()
            try:
                yield found
            finally:
                if found.gone or self._closed:
                    await found.close()
                else:
                    self._free.append(found)

    async def _idle(self) -> Connection | None:
        """Return a free connection that still stands; others are let go before anything is asked on them."""
        while self._free:
            found = self._free.pop()
            if not found.gone:
                return found
            await found.close()
        return None

    async def _open(self) -> Connection:
        if self._clock.mono() < self._rests_until and self.last is not None:
            raise Unreachable(self.last.seen, why=self.last.why, do=self.last.do)
        try:
            found = await Connection.open(self._peer)
        except (Unreachable, LoginRefused) as error:
            self._rest(error)
            raise
        except TurnleafError as error:  # it took the connection and then said nothing
            self._rest(error)
            raise Unreachable(error.seen, why="The library system was asked nothing.", do=error.do) from error
        if found.status is not None and not found.status.online:
            await found.close()
            away = Unreachable(
                f"{self._peer.name}: the library system says that it is off line (98)",
                why="What it would be told now might be lost there.",
                do="It is asked again by itself; look at the library system if this stays.",
            )
            self._rest(away)
            raise away
        self._failures, self.last = 0, None
        return found

    def _rest(self, error: TurnleafError) -> None:
        self.last = error
        longest = min(self._rest_s * 2**self._failures, self._longest_s)
        self._failures = min(self._failures + 1, 16)
        self._rests_until = self._clock.mono() + int((0.5 + self._chance() / 2) * longest * 1000)

    async def close(self) -> None:
        """Hang up; a connection that is lent is closed when it comes back."""
        self._closed = True
        while self._free:
            await self._free.pop().close()
