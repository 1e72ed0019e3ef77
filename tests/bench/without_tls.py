"""Central without TLS, for measurements: what TLS costs is told apart from what central costs.

    python -m tests.bench.without_tls --config central.toml

No setting of the product leads here.
"""

import argparse
import asyncio
import signal
import ssl
from pathlib import Path

from central.config import CentralSettings
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


async def main(settings: CentralSettings) -> None:
    def ready() -> None:
        emit({"ready": True}, as_json=False, text="ready")

    task = asyncio.create_task(run(settings, ready, plain_link))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    args = parser.parse_args()
    setup("INFO", as_json=False)
    asyncio.run(main(load(args.config, CentralSettings)))
