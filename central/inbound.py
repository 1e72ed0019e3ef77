"""What arrives for central, and where it goes: facts to the desk, asks to the readers, states to the fleet.

The order in which entries reach the desk is the order in which the broker delivered them. A message is
acknowledged to the broker after its commit, never before; what is said (resume, answer) is said after the
commit too. A message of a station that the registry does not know is acknowledged and not taken: the
station keeps it, and an alarm tells of it.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from central.desk import Desk
from central.results import DeskResult, FromStation, Trouble, read_upward
from wire.link import Inbound, Link, Outgoing
from wire.topics import BY_NAME, topic

log = logging.getLogger("turnleaf.central.inbound")

HELD = 4000
"""Facts in line at the desk at most; more wait in the link, and so at the broker and the stations."""


class Facts:
    """Carries facts from the link to the desk and the desk's words back."""

    def __init__(
        self,
        desk: Desk,
        link: Link,
        *,
        known: Callable[[str], bool],
        stranger: Callable[[str], None],
        trouble: Callable[[Trouble], None],
        unreadable: Callable[[str], None],
    ) -> None:
        self._desk = desk
        self._link = link
        self._known = known
        self._stranger = stranger
        self._trouble = trouble
        self._unreadable = unreadable
        self._room = asyncio.Event()
        self._room.set()
        self._flying = 0
        self.taken = 0

    async def take(self, station: str, message: Inbound) -> None:
        """Put one fact in line; waits while too many are."""
        if not self._known(station):
            self._stranger(station)
            message.ack()
            return
        upward = read_upward(message.payload)
        if upward is None:
            log.error("a message of %s has no readable envelope; nothing moves", station)
            self._unreadable(station)
            message.ack()
            return
        if not self._room.is_set():
            await self._room.wait()
        self._flying += 1
        if self._flying >= HELD:
            self._room.clear()
        self._desk.hand_over(FromStation(station, upward), partial(self._done, station, message))

    def _done(self, station: str, message: Inbound, result: DeskResult | None) -> None:
        self._flying -= 1
        if self._flying < HELD // 2:
            self._room.set()
        if result is None:
            return  # not committed: not acknowledged, so it comes again
        self.taken += 1
        self.say(station, result)
        message.ack()

    def say(self, station: str, result: DeskResult) -> None:
        """Say what a commit brought: the answer first, then how far the stream stands."""
        if result.answer is not None:
            self._post("answer", station, result.answer)
        if result.resume is not None:
            self._post("resume", station, result.resume)
        if result.alarm is not None:
            self._trouble(result.alarm)

    def _post(self, row: str, station: str, message: Any) -> None:
        self._link.post(Outgoing(topic(row, station=station), message.encode(), qos=BY_NAME[row].qos))
