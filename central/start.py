"""Opens what central needs, as the settings say, and lets it run: ledger, telemetry store, link."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from central.authority_kinds import choose
from central.config import CentralSettings, InfluxTelemetry, SqliteTelemetry
from central.ledger.ledger import Ledger
from central.presence import status
from central.service import SUBSCRIPTIONS, Service
from central.telemetry.port import TelemetryStore
from circulation.policy import Policy
from wire.clock import Clock, SystemClock
from wire.errors import ConfigError
from wire.link import Link, LinkSettings
from wire.settings import load


def telemetry_store(settings: CentralSettings) -> TelemetryStore:
    """Return the store that the settings name; raises ConfigError."""
    match settings.telemetry:
        case SqliteTelemetry(path=path, retention_days=days):
            from central.telemetry.sqlite_store import SqliteStore

            return SqliteStore(path, retention=timedelta(days=days))
        case InfluxTelemetry() as influx:
            from central.telemetry.influx_store import InfluxSettings, InfluxStore

            token = _read(influx.token_file, "the token of InfluxDB").decode().strip()
            return InfluxStore(InfluxSettings(influx.url, influx.org, influx.bucket, token))


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path}: {what} cannot be read: {error.strerror}",
            why="The central service cannot work without it.",
            do="Set the path in central.toml, and let the service's account read the file.",
        ) from error


def _items_key(path: Path) -> bytes:
    """Return the key of the item hashes; raises ConfigError without quoting it."""
    try:
        return bytes.fromhex(_read(path, "the key of the item hashes").decode().strip())
    except ValueError as error:
        raise ConfigError(
            f"{path}: not a key in hexadecimal digits",
            why="Gates know items by hashes made with this key.",
            do="Use the items.key that `turnleaf broker enrol central` wrote.",
        ) from error


async def run(
    settings: CentralSettings,
    ready: Callable[[], None] = lambda: None,
    link_to: Callable[[LinkSettings], Link] | None = None,
    clock: Clock | None = None,
) -> None:
    """Open the ledger and the stores and run until cancelled; raises ConfigError.

    `link_to` makes the link to the broker; the fast one over TLS when it is left out. `clock`: the machine's
    when it is left out.
    """
    from wire.mqtt_fast import fast_link

    clock = clock or SystemClock()
    policy = load(settings.policy, Policy)
    authority = choose(settings, policy)
    items_key = _items_key(settings.items_key)
    async with AsyncExitStack() as stack:
        ledger = Ledger.open(settings.ledger, policy=policy, clock=clock)
        stack.callback(ledger.close)
        telemetry = telemetry_store(settings)
        stack.push_async_callback(telemetry.close)
        stations = len(await ledger.stations())
        broker = settings.broker
        link = (link_to or fast_link)(
            LinkSettings(
                host=broker.host,
                port=broker.port,
                identity="central",
                ca=str(broker.ca),
                cert=str(broker.cert),
                key=str(broker.key),
                subscriptions=SUBSCRIPTIONS,
                will=status(clock, ledger.boot, "lost", stations),
            )
        )
        await Service(settings, ledger, policy, telemetry, items_key, link, clock, authority).run(ready)
