"""The properties that the paho connection writes into packets, and reads from them."""

from typing import TYPE_CHECKING

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from wire.link import LinkSettings, Outgoing
from wire.mqtt_limits import RECEIVE_MAXIMUM

if TYPE_CHECKING:
    from paho.mqtt.client import MQTTMessage


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


def correlation_of(message: "MQTTMessage") -> tuple[bytes | None, str | None]:
    """Return correlation data and response topic of an arrived message."""
    properties = message.properties
    return (
        getattr(properties, "CorrelationData", None),
        getattr(properties, "ResponseTopic", None),
    )


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho leaves this class untyped
