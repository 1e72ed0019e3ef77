"""The packets that the fast connection writes, and what it reads from the broker's first ones."""

from collections.abc import Sequence
from enum import IntEnum

import mqtt5

from wire.errors import ConfigError, LinkError
from wire.link import LinkSettings, Outgoing
from wire.mqtt_limits import RECEIVE_MAXIMUM

FAILURE = 128
"""Reason codes from here on are failures (§2.4)."""


def failed(reason: IntEnum) -> bool:
    """Whether a reason code says no. (The codec's are no integers at run time, as its stubs say.)"""
    return int(reason) >= FAILURE


def said(reason: IntEnum) -> str:
    """Return a reason code in the words of the standard (§2.4)."""
    return reason.name.replace("_", " ").capitalize()


def encoded(out: Outgoing, packet_id: int) -> bytes:
    """Return a PUBLISH; packet id 0 stands for QoS 0."""
    return mqtt5.PublishPacket(
        out.topic,
        out.payload,
        qos=mqtt5.QoS.AT_LEAST_ONCE if packet_id else mqtt5.QoS.AT_MOST_ONCE,
        retain=out.retain,
        packet_id=packet_id or None,
        message_expiry_interval=out.expiry_s,
        correlation_data=out.correlation,
    ).write()


def connect(settings: LinkSettings) -> bytes:
    """Return CONNECT: the session outlives the connection, a short cut of the line is not told as a death."""
    will = None
    if settings.will is not None:
        will = mqtt5.Will(
            settings.will.topic,
            payload=settings.will.payload,
            qos=mqtt5.QoS(settings.will.qos),
            retain=settings.will.retain,
            will_delay_interval=settings.will_delay_s,
        )
    return mqtt5.ConnectPacket(
        settings.client_id or settings.identity,
        clean_start=False,
        will=will,
        keep_alive=settings.keepalive_s,
        session_expiry_interval=settings.session_expiry_s,
        receive_max=RECEIVE_MAXIMUM,
    ).write()


def subscribe(packet_id: int, names: Sequence[str]) -> bytes:
    """Return SUBSCRIBE, QoS 1; `retained` then means: said before we came (§3.3.1.3)."""
    filters = [
        mqtt5.TopicFilter(name, max_qos=mqtt5.QoS.AT_LEAST_ONCE, retain_as_published=False) for name in names
    ]
    return mqtt5.SubscribePacket(packet_id, filters).write()


def connect_fault(packet: mqtt5.ConnAckPacket) -> ConfigError | LinkError | None:
    """Return why this broker, or its word, is not good enough; None when it is."""
    if failed(packet.reason_code):
        return LinkError(
            f"the broker refused the connection: {said(packet.reason_code)}",
            do="Look at the broker's log; `turnleaf broker check` proves its configuration.",
        )
    if int(packet.max_qos) < 1 or not packet.retain_available:
        return ConfigError("the broker offers no QoS 1 or no retained messages", do="Use an MQTT 5 broker.")
    return None


def subscribe_fault(names: Sequence[str], packet: mqtt5.SubAckPacket) -> ConfigError | None:
    """Return which subscription the broker refuses; None when it grants all."""
    for name, reason in zip(names, packet.reason_codes, strict=False):
        if failed(reason):
            return ConfigError(
                f"the broker refuses the subscription to {name}: {said(reason)}",
                do="Make its ACL anew: `turnleaf broker init` writes it from the table of topics.",
            )
    return None
