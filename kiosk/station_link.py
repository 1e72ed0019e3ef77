"""With which subscriptions and which will a station goes to its broker."""

from functools import cache
from typing import Literal

from kiosk.config_station import StationSettings
from wire.clock import Stamper
from wire.link import Link, LinkSettings, Outgoing
from wire.messages.states import StationKind, Status
from wire.topics import BY_NAME, topic

WILL_DELAY_S = 5
"""A connection that drops and comes back within this time is nobody's business."""


@cache
def version() -> str:
    """Return the installed version of Turnleaf, or `unknown` in a bare source tree."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("turnleaf")
    except PackageNotFoundError:
        return "unknown"


def status_message(
    settings: StationSettings, kind: StationKind, stamper: Stamper, state: Literal["online", "lost", "left"]
) -> Outgoing:
    """Return the retained status of this boot; `lost` is the will, `left` a clean goodbye."""
    stamp = stamper.stamp()
    status = Status(
        state=state,
        boot=stamp.boot,
        at=stamp.at,
        kind=kind,
        version=version(),
        mono=stamp.mono,
        heartbeat_s=settings.heartbeat_s,
    )
    return Outgoing(topic("status", station=settings.name), status.encode(), qos=1, retain=True)


def subscriptions(name: str, *, wants_items: bool) -> tuple[str, ...]:
    """Return what a station listens to; the items' state is for gates alone."""
    rows = ["status", "resume", "answer", "command"] + (["items"] if wants_items else [])
    wide = [topic("central")] + ([topic("changes")] if wants_items else [])
    return tuple(topic(row, station=name) for row in rows) + tuple(wide)


def link_settings(settings: StationSettings, kind: StationKind, stamper: Stamper) -> LinkSettings:
    """Return how this station connects: its certificate, its subscriptions, its will."""
    broker = settings.broker
    return LinkSettings(
        host=broker.host,
        port=broker.port,
        identity=settings.name,
        ca=str(broker.ca),
        cert=str(broker.cert),
        key=str(broker.key),
        subscriptions=subscriptions(settings.name, wants_items=kind == "gate"),
        will=status_message(settings, kind, stamper, "lost"),
        will_delay_s=WILL_DELAY_S,
    )


def mqtt_link(settings: StationSettings, kind: StationKind, stamper: Stamper) -> Link:
    """Return the link to the broker, unconnected; raises ConfigError when the certificate cannot be used.

    Looked at here, so that a station says it is ready only when all is there that an operator must give it.
    """
    from wire.mqtt_link import MqttLink
    from wire.mqtt_tls import client_context

    found = link_settings(settings, kind, stamper)
    client_context(found)
    return MqttLink(found)


def expiry_of(row: str) -> int | None:
    """Return the message expiry of a row of the table of topics, in seconds."""
    return BY_NAME[row].expiry_s
