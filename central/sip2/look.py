"""Asking a library system how an item stands (17), for gates: quickly, or not at all.

Its connections are its own, so that a question of a gate never waits behind a checkout; they are opened
before they are needed, because a login takes longer than a gate waits.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from central.looks import Stands
from central.sip2.authority import due_of
from central.sip2.client import LoginRefused, Unheard, Unreachable
from central.sip2.messages import Message, ScStatus
from central.sip2.messages_items import ItemInformation, ItemInformationResponse
from central.sip2.mirror import readable, stands
from central.sip2.pool import Pool
from wire.clock import Clock


class Sip2Look:
    """An `ItemLook` over a pool of connections."""

    def __init__(
        self, pool: Pool, clock: Clock, *, institution: str = "", terminal: str = "", zone: str = "UTC"
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._institution = institution
        self._terminal = terminal
        self._zone = ZoneInfo(zone)

    async def look(self, item: str) -> Stands | None:
        """Ask; None when there was no answer that can be read."""
        found = await self._ask(
            ItemInformation(at=self._now(), item=item, institution=self._institution, terminal=self._terminal)
        )
        if not isinstance(found, ItemInformationResponse) or found.item not in ("", item):
            return None
        return Stands(stands(found), due_of(found.due))

    async def keep(self) -> None:
        """Open a connection, or let a free one say something: many systems drop those that are silent."""
        await self._ask(ScStatus())

    async def close(self) -> None:
        """Hang up."""
        await self._pool.close()

    async def _ask(self, message: Message) -> Message | None:
        try:
            async with self._pool.connection() as connection:
                frame = await connection.request(message)
        except (Unreachable, LoginRefused, Unheard, ValueError):
            return None
        return frame.message if readable(frame) else None

    def _now(self) -> datetime:
        return self._clock.now().astimezone(self._zone).replace(tzinfo=None, microsecond=0)
