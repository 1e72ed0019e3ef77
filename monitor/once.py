"""One look at the fleet, or one question, for commands that print and end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from monitor.feed import Args, apply
from monitor.fleet import Fleet
from monitor.mqtt_feed import MqttFeed, Reader
from monitor.where import Where
from wire.clock import Clock
from wire.errors import LinkError
from wire.messages.states import Operated

PATIENCE_S = 8.0
"""How long the broker has to say what stands."""
FLUSH_S = 0.5


def _away(reader: Reader) -> LinkError:
    why = f": {reader.connection.why}" if reader.connection.why else ""
    return LinkError(
        f"the broker does not answer{why}", do="See whether it runs and the port is right: turnleaf doctor"
    )


async def look(where: Where, clock: Clock) -> Fleet:
    """Return the fleet as it stands; raises LinkError when the broker does not say it in time."""
    async with aclosing(looks(where, clock)) as fleets:
        return await anext(fleets)


async def looks(where: Where, clock: Clock) -> AsyncGenerator[Fleet, None]:
    """Yield the fleet when it changed, at most twice a second; raises LinkError when the broker is away."""
    feed = MqttFeed(where, clock)
    fleet, settled, known = Fleet(), False, None
    reading = asyncio.create_task(feed.reader.run(), name="read")
    began = clock.mono()
    try:
        while True:
            batch = feed.take()
            settled = settled or batch.settled
            fleet = apply(fleet, batch)
            if settled and fleet is not known:
                known = fleet
                yield fleet
            late = not settled and clock.mono() - began > PATIENCE_S * 1000
            if late or (settled and feed.connection.word == "away"):
                raise _away(feed.reader)
            done, _ = await asyncio.wait([reading], timeout=FLUSH_S if settled else 0.02)
            if done:
                reading.result()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def ask(where: Where, clock: Clock, verb: str, args: Args) -> Operated:
    """Ask central one thing; raises LinkError when no reply comes."""
    feed = MqttFeed(where, clock)
    running = asyncio.create_task(feed.run(), name="feed")
    asking = asyncio.create_task(feed.ask(verb, args), name="ask")
    try:
        await asyncio.wait([running, asking], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        return await asking
    except ExceptionGroup as group:
        raise group.exceptions[0] from None  # the feed's tasks end together; the first says why
    finally:
        for task in (running, asking):
            task.cancel()
        await asyncio.gather(running, asking, return_exceptions=True)
