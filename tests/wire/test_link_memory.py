import asyncio
import random
from collections.abc import Sequence

import pytest
from link_contract import FACT, RULES, Party, World, running

from wire.link import LinkSettings, Outgoing
from wire.link_memory import MemoryBroker, MemoryLink, matches
from wire.topics import topic


def settings(identity: str, subscriptions: Sequence[str] = (), will: Outgoing | None = None) -> LinkSettings:
    return LinkSettings(
        "memory", 0, identity, ca="", cert="", key="", subscriptions=subscriptions, will=will, will_delay_s=0
    )


class MemoryWorld:
    def __init__(self) -> None:
        self.broker = MemoryBroker()

    def link(
        self, identity: str, subscriptions: Sequence[str] = (), will: Outgoing | None = None
    ) -> MemoryLink:
        return MemoryLink(self.broker, settings(identity, subscriptions, will))

    async def cut(self, identity: str) -> None:
        self.broker.cut(identity)

    async def cut_for_good(self, identity: str, will: Outgoing) -> None:
        async with running(self.link(identity, will=will)) as (party,):
            await party.connected()
            self.broker.cut(identity)

    async def stop_broker(self) -> None:
        self.broker.stop()

    async def start_broker(self) -> None:
        self.broker.start()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_the_link_in_memory_keeps_the_contract(rule) -> None:
    world: World = MemoryWorld()
    await rule(world)


async def test_a_bad_network_loses_repeats_and_delays_what_it_is_told_to() -> None:
    rng = random.Random(7)
    broker = MemoryBroker(faults=lambda client, out: rng.choice([(), (0.0,), (0.0, 0.0), (0.01,)]))
    async with running(
        MemoryLink(broker, settings("central", [topic("fact")])), MemoryLink(broker, settings("k1"))
    ) as (central, k1):
        await central.connected()
        await k1.connected()
        for number in range(100):
            k1.link.post(Outgoing(FACT, b"%d" % number))
        broker.faults = None
        await asyncio.sleep(0.05)  # longer than the longest delay of this network
        k1.link.post(Outgoing(FACT, b"end"))
        await central.until(lambda heard: any(m.payload == b"end" for m in central.messages()))
        payloads = [message.payload for message in central.messages()]

        assert len(set(payloads)) < 100  # lost
        assert len(payloads) > len(set(payloads))  # repeated
        assert payloads[:-1] != sorted(payloads[:-1], key=int)  # late


async def test_a_second_connection_of_one_client_throws_off_the_first() -> None:
    world = MemoryWorld()
    async with running(world.link("k1")) as (first,):
        await first.connected()
        world.broker.connect(MemoryLink(world.broker, settings("k1")))
        await first.connected(times=2)


@pytest.mark.parametrize(
    ("pattern", "concrete", "covers"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/b", "a", False),
        ("+/b", "a/c", False),
    ],
)
def test_a_filter_covers_topics_as_mqtt_says(pattern: str, concrete: str, covers: bool) -> None:
    assert covers == matches(pattern, concrete)


assert Party
