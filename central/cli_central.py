"""`turnleaf central run`: the central service in the foreground, for a service manager."""

import argparse
import asyncio
import signal
from pathlib import Path

from wire.output import emit
from wire.service_manager import notify_ready

HELP = "Run the central service."
EXAMPLE = "turnleaf central run --config /etc/turnleaf/central.toml"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `run`."""
    sub = parser.add_subparsers(dest="what", required=True)
    run_parser = sub.add_parser(
        "run", help="run in the foreground until SIGTERM", epilog=f"Example: {EXAMPLE}"
    )
    run_parser.add_argument("--config", type=Path, required=True, help="central.toml")
    run_parser.add_argument("--json", action="store_true", help="logs and the ready line as JSON")


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or Ctrl-C."""
    from central.config import CentralSettings
    from wire.logs import setup
    from wire.settings import load

    settings = load(args.config, CentralSettings)
    setup(settings.log.level, as_json=settings.log.as_json or args.json)
    asyncio.run(_main(settings, as_json=args.json))
    return 0


async def _main(settings: object, *, as_json: bool) -> None:
    from central.config import CentralSettings
    from central.service import run as run_service

    assert isinstance(settings, CentralSettings)

    def ready() -> None:
        emit({"ready": True}, as_json=as_json, text="ready")
        notify_ready()

    loop = asyncio.get_running_loop()
    task = asyncio.create_task(run_service(settings, ready), name="central")
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return
