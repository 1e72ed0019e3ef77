"""Many stations in one process: outbox, uplink and link are the product's own, only nobody is there.

`python -m sim.histories.fleet_player CONFIG.json`. Each station works on its own edge.db, with a certificate
and a connection of its own, until SIGTERM.
"""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from kiosk.config_station import BrokerSettings, StationSettings
from kiosk.station import Station
from wire.logs import setup
from wire.messages.states import StationKind
from wire.service_manager import notify_ready
from wire.settings import Settings


class PlayerSettings(Settings):
    """Which stations are played, and where they connect."""

    host: str
    port: int
    identities: Path
    disks: Path
    stations: dict[str, StationKind]


def _settings(wish: PlayerSettings, name: str) -> StationSettings:
    home = wish.identities / name
    files = {part: home / f"{part}.pem" for part in ("ca", "cert", "key")}
    return StationSettings(
        name=name,
        state_dir=wish.disks / name,
        broker=BrokerSettings(host=wish.host, port=wish.port, **files),
    )


async def run(wish: PlayerSettings) -> None:
    """Be all these stations until SIGTERM."""
    async with AsyncExitStack() as stack:
        stations = [
            await stack.enter_async_context(Station.open(_settings(wish, name), kind))
            for name, kind in wish.stations.items()
        ]
        async with asyncio.TaskGroup() as tasks:
            lives = [tasks.create_task(station.run()) for station in stations]

            def end() -> None:
                for life in lives:
                    life.cancel()

            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
            notify_ready()


def main(config: Path) -> int:
    """Play the stations that a file names."""
    setup("warning")
    asyncio.run(run(PlayerSettings.model_validate_json(config.read_bytes())))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
