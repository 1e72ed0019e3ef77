"""What the MQTT link writes into packets: properties, and the size of a PUBLISH before it is sent."""

from typing import TYPE_CHECKING

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from wire.link import LinkSettings, Outgoing

if TYPE_CHECKING:
    from paho.mqtt.client import MQTTMessage

RECEIVE_MAXIMUM = 1000
"""Unacknowledged messages we let a broker send us. Mosquitto 2.0.11 does not keep to it once
acknowledgements flow; the link therefore also stops reading when its owner falls behind."""


def connect_properties(settings: LinkSettings) -> Properties:
    """Return the properties of CONNECT: the session outlives the connection (MQTT 5 §3.1.2.11)."""
    properties = _properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = settings.session_expiry_s
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    return properties


def will_properties(settings: LinkSettings) -> Properties:
    """Return the will's properties: a short cut of the line is not told as a death (§3.1.3.2.2)."""
    properties = _properties(PacketTypes.WILLMESSAGE)
    properties.WillDelayInterval = settings.will_delay_s
    return properties


def publish_properties(out: Outgoing) -> Properties | None:
    """Return the properties of a PUBLISH, or None when it needs none."""
    if out.expiry_s is None and out.correlation is None:
        return None
    properties = _properties(PacketTypes.PUBLISH)
    if out.expiry_s is not None:
        properties.MessageExpiryInterval = out.expiry_s
    if out.correlation is not None:
        properties.CorrelationData = out.correlation
    return properties


def publish_size(out: Outgoing, properties: Properties | None) -> int:
    """Return the bytes of the PUBLISH packet as it will be on the wire (MQTT 5 §3.3)."""
    body = 2 + len(out.topic.encode()) + (2 if out.qos else 0) + len(out.payload)
    body += len(_packed(properties)) if properties is not None else 1
    digits = 1
    rest = body >> 7
    while rest:
        digits += 1
        rest >>= 7
    return 1 + digits + body


def correlation_of(message: "MQTTMessage") -> tuple[bytes | None, str | None]:
    """Return correlation data and response topic of an arrived message."""
    properties = message.properties
    return (
        getattr(properties, "CorrelationData", None),
        getattr(properties, "ResponseTopic", None),
    )


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho leaves this class untyped


def _packed(properties: Properties) -> bytes:
    packed: bytes = properties.pack()  # type: ignore[no-untyped-call]  # as above
    return packed
