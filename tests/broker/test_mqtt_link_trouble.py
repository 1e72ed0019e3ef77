"""The MQTT link when the broker is rude, silent, or does not know us."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real.broker import RealBroker, running
from real.rude_broker import RudeBroker, connack, puback

from broker_config import pki
from wire.errors import ConfigError, LinkError
from wire.link import Connected, Disconnected, Outgoing, PublishDenied
from wire.mqtt_fast import FastConnection
from wire.mqtt_limits import Limits
from wire.mqtt_link import CAP_S, Connect, MqttLink, paho, retry_delay
from wire.mqtt_window import Window
from wire.topics import topic

FACT = topic("fact", station="kiosk-1")
CLIENTS = {"paho": paho, "fast": FastConnection}


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Connect:
    """Each of the two kinds of connection."""
    return CLIENTS[request.param]


async def test_no_more_is_in_flight_than_the_broker_takes(tmp_path: Path, client: Connect):
    """Receive Maximum 3, acknowledgements withheld: the fourth waits until one comes."""
    broker = RudeBroker(tmp_path / "b", connack=connack(receive_maximum=3), on_publish=lambda n, mid: [])
    async with broker.serving() as settings:
        link = MqttLink(replace(settings, keepalive_s=15), connection=client)
        async with running(link):
            for n in range(10):
                assert link.post(Outgoing(FACT, b"%d" % n))
            await link.publish(Outgoing(FACT, b"sample", qos=0))
            await broker.until(lambda: len(broker.published) >= 3)
            await asyncio.sleep(0.2)
            assert len(broker.published) == 3
            for packet_id in list(broker.published):
                broker.writer.write(puback(packet_id))
            await broker.until(lambda: len(broker.published) >= 6)
            await asyncio.sleep(0.1)

            assert len(broker.published) == 6


async def test_a_broker_that_drops_whoever_it_denies_is_not_stormed(tmp_path: Path, client: Connect):
    broker = RudeBroker(
        tmp_path / "b", connack=connack(), on_publish=lambda n, mid: [puback(mid, 0x87), None]
    )
    async with broker.serving() as settings:
        link = MqttLink(settings, rng=random.Random(1), connection=client)
        async with running(link) as seen:
            with pytest.raises(PublishDenied):
                await link.publish(Outgoing(FACT, b"x"))
            await seen.next(Disconnected)
            await seen.next(Connected, 2)

            assert broker.connections == 2


async def test_a_broker_that_drops_before_its_word_fails_the_publish(tmp_path: Path, client: Connect):
    broker = RudeBroker(tmp_path / "b", connack=connack(), on_publish=lambda n, mid: [None])
    async with broker.serving() as settings:
        link = MqttLink(settings, connection=client)
        async with running(link):
            with pytest.raises(LinkError, match="before the broker's word"):
                await link.publish(Outgoing(FACT, b"x"))


async def test_the_reason_of_a_disconnect_is_told(tmp_path: Path, client: Connect):
    taken_over = b"\xe0\x02\x8e\x00"
    broker = RudeBroker(tmp_path / "b", connack=connack(), on_publish=lambda n, mid: [taken_over, None])
    async with broker.serving() as settings:
        link = MqttLink(settings, connection=client)
        async with running(link) as seen:
            link.post(Outgoing(FACT, b"x"))
            gone = await seen.next(Disconnected)

            assert "Session taken over" in gone.reason


async def test_the_goodbye_is_said_when_the_link_is_cancelled(tmp_path: Path, client: Connect):
    broker = RudeBroker(tmp_path / "b", connack=connack(), on_publish=lambda n, mid: [puback(mid)])
    async with broker.serving() as settings:
        async with running(MqttLink(settings, connection=client)):
            pass
        await broker.until(lambda: broker.goodbyes == 1)


@pytest.mark.broker
async def test_a_frozen_broker_is_found_by_keepalive(real_broker: RealBroker, client: Connect):
    real_broker.connection = client
    link = real_broker.link("kiosk-1", keepalive_s=1)
    async with running(link) as seen:
        real_broker.freeze()
        gone = await seen.next(Disconnected, timeout=8)
        real_broker.thaw()
        await seen.next(Connected, 2)

        assert "Keep alive" in gone.reason


@pytest.mark.broker
async def test_a_certificate_of_another_installation_is_told_with_its_mend_once(
    real_broker: RealBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture, client: Connect
):
    pki.init(tmp_path / "other", [])
    home = pki.enrol(tmp_path / "other", "kiosk-1")
    good = real_broker.settings("kiosk-1")
    link = MqttLink(
        replace(good, cert=str(home / "cert.pem"), key=str(home / "key.pem")),
        rng=random.Random(0),
        connection=client,
    )
    async with running(link, connected=False):
        async with asyncio.timeout(10):
            while link.trouble is None or link._generation < 4:
                await asyncio.sleep(0.02)

    told = [record.getMessage() for record in caplog.records]
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert len(told) == len(set(told)) <= 2  # with an alert or, when the end comes first, without
    assert all("another installation" in text for text in told)


@pytest.mark.broker
async def test_a_broker_of_another_installation_is_not_trusted(
    real_broker: RealBroker, tmp_path: Path, client: Connect
):
    pki.init(tmp_path / "other", [])
    good = real_broker.settings("kiosk-1")
    link = MqttLink(replace(good, ca=str(tmp_path / "other" / "ca" / "ca.pem")), connection=client)
    async with running(link, connected=False):
        async with asyncio.timeout(10):
            while link.trouble is None:
                await asyncio.sleep(0.02)

    assert "is not trusted" in link.trouble


@pytest.mark.broker
async def test_the_brokers_name_is_checked(real_broker: RealBroker, client: Connect):
    link = MqttLink(
        replace(real_broker.settings("kiosk-1"), host="127.1"), connection=client
    )  # the same address by another name
    async with running(link, connected=False):
        async with asyncio.timeout(10):
            while link.trouble is None:
                await asyncio.sleep(0.02)

    assert "ostname mismatch" in link.trouble


async def test_a_missing_key_is_a_config_error_at_the_start(tmp_path: Path, client: Connect):
    pki.init(tmp_path / "b", [])
    home = pki.enrol(tmp_path / "b", "kiosk-1")
    (home / "key.pem").unlink()
    broker = RudeBroker(tmp_path / "c", connack=connack(), on_publish=lambda n, mid: [])
    async with broker.serving() as settings:
        link = MqttLink(replace(settings, key=str(home / "key.pem")), connection=client)
        with pytest.raises(ConfigError, match="key file cannot be read"):
            await link.run()
        other = pki.enrol(tmp_path / "b", "kiosk-2")
        link = MqttLink(replace(settings, key=str(other / "key.pem")), connection=client)
        with pytest.raises(ConfigError, match="do not belong together"):
            await link.run()


@given(st.integers(0, 10_000), st.integers(0, 2**32))
def test_the_wait_before_a_try_is_never_longer_than_its_cap(attempt: int, seed: int):
    delay = retry_delay(attempt, random.Random(seed))

    assert 0 <= delay <= min(CAP_S, 0.5 * 2 ** min(attempt, 20))


@given(st.integers(1, 5), st.lists(st.sampled_from(["post", "ack", "deny"]), max_size=60))
def test_the_window_keeps_order_and_never_exceeds_the_limit(limit: int, moves: list[str]):
    sent: list[int] = []
    refused: list[str] = []
    window = Window(
        lambda out: (sent.append(int(out.payload)), len(sent))[1], lambda name, why: refused.append(why)
    )
    window.limits = Limits(limit)
    posted = told = denied = 0
    for move in moves:
        if move == "post":
            assert window.submit(Outgoing("t", b"%d" % posted), None)
            posted += 1
        elif told < len(sent):
            told += 1
            denied += move == "deny"
            window.told(told, "no" if move == "deny" else None)

        assert window.inflight == len(sent) - told <= limit
        assert sent == list(range(len(sent)))
        assert len(refused) == denied
        assert len(sent) == min(posted, told + limit)
