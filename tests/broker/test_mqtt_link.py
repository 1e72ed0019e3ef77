"""The MQTT link against a real Mosquitto."""

import asyncio
import statistics
import time

import pytest
from real.broker import RealBroker, running

from wire import mqtt_fast, mqtt_link
from wire.link import Connected, Disconnected, Inbound, Outgoing, PublishDenied, Refused, TooLarge
from wire.topics import topic

pytestmark = pytest.mark.broker

CLIENTS = {"paho": mqtt_link.paho, "fast": mqtt_fast.FastConnection}


@pytest.fixture(params=CLIENTS)
def real_broker(real_broker: RealBroker, request: pytest.FixtureRequest) -> RealBroker:
    """The same broker, for each of the clients."""
    real_broker.connection = CLIENTS[request.param]
    return real_broker


FACT = topic("fact", station="kiosk-1")
RESUME = topic("resume", station="kiosk-1")


async def test_central_hears_what_a_station_says_and_answers(real_broker: RealBroker):
    central = real_broker.link("central", subscriptions=[topic("fact")])
    kiosk = real_broker.link("kiosk-1", subscriptions=[RESUME])
    async with running(central) as at_central, running(kiosk) as at_kiosk:
        await kiosk.publish(Outgoing(FACT, b"hello"))
        heard = await at_central.next(Inbound)
        await central.publish(Outgoing(RESUME, b"resume", correlation=b"c"))
        answer = await at_kiosk.next(Inbound)

        assert (heard.topic, heard.payload, heard.qos) == (FACT, b"hello", 1)
        assert (answer.topic, answer.payload, answer.correlation) == (RESUME, b"resume", b"c")


async def test_a_denied_publish_is_an_error_that_names_the_topic(real_broker: RealBroker):
    kiosk = real_broker.link("kiosk-1")
    async with running(kiosk) as seen:
        other = topic("fact", station="kiosk-2")
        with pytest.raises(PublishDenied, match="kiosk-2"):
            await kiosk.publish(Outgoing(other, b"x"))
        assert kiosk.post(Outgoing(other, b"x"))
        refused = await seen.next(Refused)

        assert (other, "Not authorized") == (refused.topic, refused.reason)


async def test_too_large_a_packet_is_not_sent_and_the_connection_stays(real_broker: RealBroker):
    kiosk = real_broker.link("kiosk-1")
    async with running(kiosk) as seen:
        big = Outgoing(FACT, b"x" * 70000)
        with pytest.raises(TooLarge, match="65536"):
            await kiosk.publish(big)
        assert kiosk.post(big)
        await seen.next(Refused)
        await kiosk.publish(Outgoing(FACT, b"small"))

        assert seen.of(Disconnected) == []


async def test_what_was_not_acknowledged_comes_again_and_late_acks_do_nothing(real_broker: RealBroker):
    central = real_broker.link("central", subscriptions=[topic("fact")])
    kiosk = real_broker.link("kiosk-1")
    async with running(kiosk):
        async with running(central) as first:
            for n in range(3):
                await kiosk.publish(Outgoing(FACT, b"%d" % n))
            await first.next(Inbound, 3)
            kept = first.of(Inbound)
            kept[0].ack()
            kept[0].ack()
        kept[1].ack()
        central = real_broker.link("central", subscriptions=[topic("fact")])
        async with running(central) as second:
            await second.next(Inbound, 2)

            assert [event.payload for event in second.of(Inbound)] == [b"1", b"2"]
            assert second.of(Connected)[0].session_present


async def test_the_link_comes_back_after_the_broker_was_killed(real_broker: RealBroker):
    kiosk = real_broker.link("kiosk-1", subscriptions=[RESUME])
    async with running(kiosk) as seen:
        await real_broker.kill()
        gone = await seen.next(Disconnected)
        assert not kiosk.post(Outgoing(FACT, b"x"))
        await real_broker.start()
        back = await seen.next(Connected, 2)
        await kiosk.publish(Outgoing(FACT, b"x"))

        assert gone.generation < back.generation


async def test_many_messages_keep_their_order(real_broker: RealBroker):
    central = real_broker.link("central", subscriptions=[topic("fact")])
    kiosk = real_broker.link("kiosk-1")
    async with running(central) as seen, running(kiosk):
        for n in range(3000):
            assert kiosk.post(Outgoing(FACT, b"%d" % n))
        acked = 0
        while acked < 3000:
            await seen.next(Inbound, acked + 1)
            arrived = seen.of(Inbound)
            for event in arrived[acked:]:
                event.ack()
            acked = len(arrived)

        assert [b"%d" % n for n in range(3000)] == [event.payload for event in seen.of(Inbound)]


async def test_an_exchange_is_not_slowed_by_nagle(real_broker: RealBroker):
    """With Nagle's algorithm on at one of the three, half of the exchanges take 40 ms or more."""
    central = real_broker.link("central", subscriptions=[topic("fact")])
    kiosk = real_broker.link("kiosk-1", subscriptions=[RESUME])
    took = []
    async with running(central) as at_central, running(kiosk) as at_kiosk:
        for number in range(1, 32):
            began = time.perf_counter()
            kiosk.post(Outgoing(FACT, b"q"))
            asked = await at_central.next(Inbound, number)
            central.post(Outgoing(RESUME, b"a"))
            asked.ack()
            answer = await at_kiosk.next(Inbound, number)
            answer.ack()
            took.append(time.perf_counter() - began)

    assert statistics.median(took) < 0.02


async def test_an_owner_that_falls_behind_is_waited_for_and_loses_nothing(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mqtt_link, "HIGH_WATER", 20)
    monkeypatch.setattr(mqtt_link, "LOW_WATER", 5)
    central = real_broker.link("central", subscriptions=[topic("fact")], keepalive_s=60)
    kiosk = real_broker.link("kiosk-1")
    heard: list[bytes] = []
    deepest = 0

    async def slowly() -> None:
        nonlocal deepest
        async for event in central.events():
            if isinstance(event, Inbound):
                deepest = max(deepest, len(central._events))
                heard.append(event.payload)
                event.ack()
                await asyncio.sleep(0.001)

    reader = asyncio.create_task(slowly())
    async with running(central, read=False), running(kiosk):
        await kiosk.publish(Outgoing(FACT, b"0"))
        async with asyncio.timeout(20):
            while not heard:
                await asyncio.sleep(0.01)
                await kiosk.publish(Outgoing(FACT, b"0"))
        heard.clear()
        for number in range(600):
            kiosk.post(Outgoing(FACT, b"n%d" % number))
        async with asyncio.timeout(20):
            while b"n599" not in heard:
                await asyncio.sleep(0.01)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)

    assert [b"n%d" % number for number in range(600)] == [payload for payload in heard if payload != b"0"]
    assert deepest < 200


async def test_cancelling_is_a_clean_goodbye_without_a_will(real_broker: RealBroker):
    status = topic("status", station="kiosk-1")
    central = real_broker.link("central", subscriptions=[status])
    kiosk = real_broker.link("kiosk-1", will=Outgoing(status, b"lost", retain=True), will_delay_s=0)
    async with running(central) as seen:
        async with running(kiosk):
            await kiosk.publish(Outgoing(status, b"left", retain=True))
        async with running(kiosk):
            pass
        await asyncio.sleep(0.3)

        assert [event.payload for event in seen.of(Inbound)] == [b"left"]
