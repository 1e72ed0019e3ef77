"""An operator at a console: sees the alarms that stand, and acknowledges them all."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from real.broker import RealBroker

from wire.clock import Clock
from wire.ids import new_id
from wire.link import Inbound, Link, Outgoing
from wire.topics import match, topic

NAME = "alice"
PATIENCE_S = 30.0


class AlarmDesk:
    """What stands, by its id."""

    def __init__(self, link: Link, clock: Clock) -> None:
        self.alarms: dict[str, dict[str, Any]] = {}
        self._link, self._clock = link, clock
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Be connected and listen until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run())
            async for event in self._link.events():
                if isinstance(event, Inbound):
                    self._take(event)
                    event.ack()
                self._news.set()

    def _take(self, event: Inbound) -> None:
        found = match(event.topic)
        if found is None or found[0].name != "alarm":
            return
        alarm = found[1]["alarm"]
        if event.payload:
            self.alarms[alarm] = json.loads(event.payload)
        else:
            self.alarms.pop(alarm, None)

    def rules(self) -> list[str]:
        """Return the rules of what stands."""
        return sorted(one["rule"] for one in self.alarms.values())

    async def until(self, wanted: Callable[[], bool]) -> None:
        """Wait until `wanted()` after some message."""
        async with asyncio.timeout(PATIENCE_S):
            while not wanted():
                await self.until_news()

    async def until_news(self, within_s: float = 0.2) -> None:
        """Wait for a message, but not for long."""
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._news.wait()

    async def acknowledge_all(self) -> None:
        """Acknowledge whatever nobody has acknowledged yet."""
        for alarm, seen in list(self.alarms.items()):
            if "unacknowledged" in seen["state"]:
                until = (self._clock.now() + timedelta(seconds=20)).isoformat()
                asked = {"schema": "operate/1", "request": new_id(), "until": until, "args": {"alarm": alarm}}
                where = topic("request", identity=NAME, verb="alarm-ack")
                await self._link.publish(Outgoing(where, json.dumps(asked).encode()))


@asynccontextmanager
async def alarm_desk(broker: RealBroker, clock: Clock) -> AsyncIterator[AlarmDesk]:
    """Let an operator sit down."""
    broker.enrol(NAME, "operator")
    desk = AlarmDesk(
        broker.link(NAME, subscriptions=[topic("alarm"), topic("response", identity=NAME)]), clock
    )
    running = asyncio.create_task(desk.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await desk._news.wait()
        yield desk
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
