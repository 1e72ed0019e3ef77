"""The MQTT link, with either client, keeps the same contract as the link in memory: real Mosquitto, real TLS."""

import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from real.broker import RealBroker
from real.cable import Cable

from wire.link import Disconnected, Outgoing
from wire.mqtt_fast import FastConnection
from wire.mqtt_link import Connect, MqttLink, paho

sys.path.insert(0, str(Path(__file__).parents[1] / "wire"))

from link_contract import FACT, RULES, World, running

pytestmark = pytest.mark.broker


class MqttWorld:
    """The contract's world: each link reaches the broker by a cable of its own."""

    def __init__(self, broker: RealBroker, connection: Connect) -> None:
        self.broker = broker
        self.connection = connection
        self.cables: dict[str, Cable] = {}

    async def plug(self, *identities: str) -> None:
        for identity in identities:
            self.cables[identity] = await Cable(self.broker.settings(identity).port).plug()

    def link(
        self,
        identity: str,
        subscriptions: Sequence[str] = (),
        will: Outgoing | None = None,
        keepalive_s: int = 15,
    ) -> MqttLink:
        settings = self.broker.settings(identity, subscriptions=subscriptions, will=will)
        port = self.cables[identity].port
        settings = replace(settings, port=port, will_delay_s=0, keepalive_s=keepalive_s)
        return MqttLink(settings, connection=self.connection)

    async def cut(self, identity: str) -> None:
        self.cables[identity].cut()

    async def cut_for_good(self, identity: str, will: Outgoing) -> None:
        async with running(self.link(identity, will=will)) as (party,):
            await party.connected()
            self.cables[identity].cut(for_good=True)
            await party.until(lambda heard: any(isinstance(event, Disconnected) for event in heard))

    async def stop_broker(self) -> None:
        await self.broker.stop()

    async def start_broker(self) -> None:
        await self.broker.start()


CLIENTS = {"paho": paho, "fast": FastConnection}


@pytest.fixture(params=CLIENTS)
async def world(real_broker: RealBroker, request: pytest.FixtureRequest) -> AsyncIterator[MqttWorld]:
    made = MqttWorld(real_broker, CLIENTS[request.param])
    await made.plug("central", "k1", "k2")
    try:
        yield made
    finally:
        for cable in made.cables.values():
            await cable.close()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_the_mqtt_link_keeps_the_contract(rule, world: MqttWorld):
    kept: World = world
    await rule(kept)


async def test_a_half_open_line_is_found_by_keepalive(world: MqttWorld):
    async with running(world.link("k1", keepalive_s=1)) as (k1,):
        await k1.connected()
        world.cables["k1"].hold()
        await k1.until(lambda heard: any(isinstance(event, Disconnected) for event in heard))
        world.cables["k1"].let_go()
        await k1.connected(times=2)
        await k1.link.publish(Outgoing(FACT, b"x"))
