"""Central without TLS, for measurements: what TLS costs is told apart from what central costs.

    python -m tests.bench.without_tls --config central.toml

No setting of the product leads here.
"""

import argparse
import ssl
from pathlib import Path

from central.config import CentralSettings
from central.foreground import run_until_signal
from central.start import run
from wire.link import LinkSettings
from wire.logs import setup
from wire.mqtt_fast import FastConnection
from wire.mqtt_link import MqttLink
from wire.output import emit
from wire.settings import load


class PlainConnection(FastConnection):
    """The production connection on bare TCP."""

    def context(self) -> ssl.SSLContext | None:
        return None


def plain_link(settings: LinkSettings) -> MqttLink:
    return MqttLink(settings, connection=PlainConnection)


def ready() -> None:
    emit({"ready": True}, as_json=False, text="ready")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    args = parser.parse_args()
    setup("INFO", as_json=False)
    settings = load(args.config, CentralSettings)
    run_until_signal(lambda: run(settings, ready, plain_link), "central")
