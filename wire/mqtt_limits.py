"""What bounds a connection to a broker, and the size of a PUBLISH before it is sent."""

from dataclasses import dataclass

from wire.link import Outgoing

CONNECT_TIMEOUT_S = 5.0
GRANT_TIMEOUT_S = 10.0

RECEIVE_MAXIMUM = 1000
"""Unacknowledged messages we let a broker send us. Mosquitto 2.0.11 does not keep to it once
acknowledgements flow; the link therefore also stops reading when its owner falls behind."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the broker said in its CONNACK."""

    receive_maximum: int
    maximum_packet: int | None = None


def publish_size(out: Outgoing) -> int:
    """Return the bytes of the PUBLISH packet as it will be on the wire (MQTT 5 §3.3)."""
    properties = 0 if out.expiry_s is None else 1 + 4
    if out.correlation is not None:
        properties += 1 + 2 + len(out.correlation)
    body = 2 + len(out.topic.encode()) + (2 if out.qos else 0) + len(out.payload)
    body += _digits(properties) + properties
    return 1 + _digits(body) + body


def _digits(value: int) -> int:
    """Return the bytes of a variable byte integer (§1.5.5)."""
    digits = 1
    while value := value >> 7:
        digits += 1
    return digits
