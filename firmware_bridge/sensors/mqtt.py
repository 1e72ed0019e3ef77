"""Listens at a foreign MQTT broker, the one that sensors already speak to. Reads, and never publishes.

MQTT 3.1.1, QoS 0, a clean connection: what sensors say while nobody listens is theirs to repeat. Not the link
of a station (`wire.mqtt_link`): that one has a certificate, a will and an outbox, and goes to our broker.
"""

import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware_bridge.errors import DeviceLost, DeviceRefused
from firmware_bridge.sensors.ending import end_if_cancelled
from firmware_bridge.sensors.mapping import PAYLOAD_BYTES, Raw
from wire.clock import Clock

log = logging.getLogger("turnleaf.firmware_bridge.sensors")

TOPIC_LETTERS = 512
"""A longer topic is left alone."""

WAITING = 10_000
"""Messages that wait in memory at most; more are dropped by the client, which logs it."""


@dataclass(frozen=True, slots=True)
class ForeignBroker:
    """Where sensors speak, and how we listen there."""

    host: str
    port: int
    identity: str
    topics: tuple[str, ...] = ("#",)
    username: str = ""
    password: str = field(default="", repr=False)
    ca: Path | None = None
    """PEM file of the authority of its certificate; None for a plain connection."""
    timeout_s: float = 10.0
    keepalive_s: int = 30


async def listen(
    broker: ForeignBroker, clock: Clock, take: Callable[[Raw], None], connected: Callable[[], None]
) -> None:
    """Hand every message over as it comes, until cancelled.

    Raises DeviceRefused when the broker does not want us or a subscription, DeviceLost when it goes away.
    """
    import aiomqtt

    context = None
    if broker.ca is not None:
        try:
            context = ssl.create_default_context(cafile=str(broker.ca))
        except OSError as error:
            raise DeviceRefused(
                f"{broker.ca}: not a PEM file of certificates ({error})",
                why="Foreign sensors cannot be heard.",
                do="Set mqtt.ca to the file of the authority that signed the foreign broker's certificate.",
            ) from error
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=broker.identity,
        username=broker.username or None,
        password=broker.password or None,
        tls_context=context,
        timeout=broker.timeout_s,
        keepalive=broker.keepalive_s,
        max_queued_incoming_messages=WAITING,
    )
    where = f"{broker.host}:{broker.port}"
    try:
        async with client:
            end_if_cancelled()
            await _subscribe(client.subscribe, broker.topics, where)
            end_if_cancelled()
            connected()
            async for message in client.messages:
                payload, topic = message.payload, message.topic.value
                if len(payload) <= PAYLOAD_BYTES and len(topic) <= TOPIC_LETTERS:
                    take(Raw(clock.now(), "mqtt", topic, payload, message.retain))
    except (aiomqtt.MqttError, OSError) as error:
        raise DeviceLost(
            f"the foreign broker {where} is not there: {error}",
            why="Values of the sensors that speak there are missing.",
            do="Look at that broker, and at host, port, ca and credentials of the table [mqtt].",
        ) from error


async def _subscribe(subscribe: Callable[..., Awaitable[Any]], topics: tuple[str, ...], where: str) -> None:
    """Subscribe at QoS 0; raises DeviceRefused naming the topics that the broker does not grant."""
    granted = await subscribe([(topic, 0) for topic in topics])
    refused = [
        topic
        for topic, code in zip(topics, granted, strict=False)
        if int(getattr(code, "value", code)) >= 0x80
    ]
    if refused:
        raise DeviceRefused(
            f"the foreign broker {where} does not grant {', '.join(refused)}",
            why="Values of the sensors that speak there are missing.",
            do="Allow it in that broker's access list, or change mqtt.topics.",
        )
