"""What every `wire.link.Link` must do; run on the fake and on the real one with the same words.

A test module brings a `World`: how to make a link, how to break its cable, how to stop and start the broker.
Each function below is one sentence of the contract: `await rule(world)`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import pytest

from wire.errors import LinkError
from wire.link import (
    Connected,
    Disconnected,
    Inbound,
    Link,
    LinkEvent,
    Outgoing,
    PublishDenied,
    Refused,
)
from wire.topics import topic

PATIENCE_S = 15.0


class World(Protocol):
    """A broker with the identities `central`, `k1` and `k2`, and the means to make trouble."""

    def link(
        self, identity: str, subscriptions: Sequence[str] = (), will: Outgoing | None = None
    ) -> Link: ...

    async def cut(self, identity: str) -> None:
        """Break the connection of one identity without a goodbye; the link may come back by itself."""

    async def stop_broker(self) -> None: ...

    async def start_broker(self) -> None: ...


class Party:
    """A running link and what it has heard."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.heard: list[LinkEvent] = []
        self.acknowledge = True
        self._news = asyncio.Condition()

    async def pump(self) -> None:
        async for event in self.link.events():
            if isinstance(event, Inbound) and self.acknowledge:
                event.ack()
            async with self._news:
                self.heard.append(event)
                self._news.notify_all()

    async def until(self, seen: Callable[[list[LinkEvent]], object]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: bool(seen(self.heard)))

    def messages(self, where: str = "") -> list[Inbound]:
        return [event for event in self.heard if isinstance(event, Inbound) and where in event.topic]

    async def connected(self, times: int = 1) -> None:
        await self.until(lambda heard: sum(isinstance(event, Connected) for event in heard) >= times)


@asynccontextmanager
async def running(*links: Link) -> AsyncIterator[list[Party]]:
    parties = [Party(link) for link in links]
    tasks = [asyncio.create_task(party.link.run()) for party in parties]
    tasks += [asyncio.create_task(party.pump()) for party in parties]
    try:
        yield parties
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError) or ended is None, ended


FACT = topic("fact", station="k1")
RESUME = topic("resume", station="k1")
STATUS = topic("status", station="k1")


async def it_says_connected_first_and_carries_in_order(world: World) -> None:
    async with running(world.link("central", [topic("fact")]), world.link("k1")) as (central, k1):
        await central.connected()
        await k1.connected()
        for number in range(200):
            assert k1.link.post(Outgoing(FACT, b"%d" % number))
        await central.until(lambda heard: len(central.messages()) >= 200)

        assert isinstance(k1.heard[0], Connected)
        assert [b"%d" % number for number in range(200)] == [m.payload for m in central.messages()]


async def a_retained_message_waits_for_whoever_comes_later(world: World) -> None:
    async with running(world.link("k1")) as (k1,):
        await k1.connected()
        await k1.link.publish(Outgoing(STATUS, b"here", retain=True))
        async with running(world.link("central", [topic("status")])) as (central,):
            await central.until(lambda heard: central.messages())

            assert (central.messages()[0].payload, central.messages()[0].retained) == (b"here", True)
        await k1.link.publish(Outgoing(STATUS, b"", retain=True))


async def what_was_not_acknowledged_comes_again(world: World) -> None:
    async with running(world.link("central", [topic("fact")]), world.link("k1")) as (central, k1):
        await central.connected()
        await k1.connected()
        await k1.link.publish(Outgoing(FACT, b"kept"))
        await central.until(lambda heard: central.messages())
        central.acknowledge = False
        await k1.link.publish(Outgoing(FACT, b"owed"))
        await central.until(lambda heard: len(central.messages()) == 2)
        late = central.messages()[1]
        await world.cut("central")
        await central.connected(times=2)
        await central.until(lambda heard: len(central.messages()) >= 3)
        late.ack()  # belongs to a connection that is gone: does nothing
        await world.cut("central")
        await central.connected(times=3)
        await central.until(lambda heard: len(central.messages()) >= 4)

        assert [m.payload for m in central.messages()][:4] == [b"kept", b"owed", b"owed", b"owed"]
        central.messages()[-1].ack()


async def a_message_waits_for_a_client_that_is_away(world: World) -> None:
    async with running(world.link("central")) as (central,):
        async with running(world.link("k1", [RESUME])) as (k1,):
            await k1.connected()
        await central.connected()
        await central.link.publish(Outgoing(RESUME, b"meanwhile"))
        async with running(world.link("k1", [RESUME])) as (k1,):
            await k1.until(lambda heard: k1.messages())

            assert [m.payload for m in k1.messages()] == [b"meanwhile"]


async def without_a_connection_nothing_is_taken(world: World) -> None:
    await world.stop_broker()
    try:
        async with running(world.link("k1")) as (k1,):
            assert not k1.link.post(Outgoing(FACT, b"x"))
            with pytest.raises(LinkError):
                await k1.link.publish(Outgoing(FACT, b"x"))
    finally:
        await world.start_broker()


async def it_comes_back_by_itself_and_says_so(world: World) -> None:
    async with running(world.link("k1")) as (k1,):
        await k1.connected()
        await world.stop_broker()
        await k1.until(lambda heard: any(isinstance(event, Disconnected) for event in heard))
        await world.start_broker()
        await k1.connected(times=2)

        first, second = (event for event in k1.heard if isinstance(event, Connected))
        assert first.generation < second.generation
        assert k1.link.post(Outgoing(FACT, b"again"))


async def a_denied_publish_is_seen(world: World) -> None:
    forbidden = topic("fact", station="k2")
    async with running(world.link("k1")) as (k1,):
        await k1.connected()
        with pytest.raises(PublishDenied):
            await k1.link.publish(Outgoing(forbidden, b"x"))
        await k1.connected()
        k1.link.post(Outgoing(forbidden, b"x"))
        await k1.until(lambda heard: any(isinstance(event, Refused) for event in heard))

        refused = next(event for event in k1.heard if isinstance(event, Refused))
        assert forbidden == refused.topic


async def the_will_speaks_for_a_broken_cable_alone(world: World) -> None:
    will = Outgoing(STATUS, b"lost", retain=True)
    async with running(world.link("central", [topic("status")])) as (central,):
        await central.connected()
        async with running(world.link("k1", will=will)) as (k1,):
            await k1.connected()
            await k1.link.publish(Outgoing(STATUS, b"online", retain=True))
        async with running(world.link("k1", will=will)) as (k1,):
            await k1.connected()
            await k1.link.publish(Outgoing(STATUS, b"second", retain=True))
            await central.until(lambda heard: any(m.payload == b"second" for m in central.messages()))
            assert b"lost" not in [m.payload for m in central.messages()]  # the first went with a goodbye
        await world.cut_for_good("k1", will)  # type: ignore[attr-defined] # worlds that can break a cable for good
        await central.until(lambda heard: any(m.payload == b"lost" for m in central.messages()))


RULES: tuple[Callable[[World], Awaitable[None]], ...] = (
    it_says_connected_first_and_carries_in_order,
    a_retained_message_waits_for_whoever_comes_later,
    what_was_not_acknowledged_comes_again,
    a_message_waits_for_a_client_that_is_away,
    without_a_connection_nothing_is_taken,
    it_comes_back_by_itself_and_says_so,
    a_denied_publish_is_seen,
    the_will_speaks_for_a_broken_cable_alone,
)
