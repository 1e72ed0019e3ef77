"""`turnleaf central run`: the central service in the foreground, for a service manager."""

import argparse
import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from wire.errors import TurnleafError
from wire.output import emit

if TYPE_CHECKING:
    from central.config import CentralSettings

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
    try:
        asyncio.run(_until_signal(settings, as_json=args.json))
    except BaseExceptionGroup as group:
        told = list(_leaves(group))
        if all(isinstance(one, TurnleafError) for one in told):
            raise told[0] from group
        raise
    return 0


async def _until_signal(settings: "CentralSettings", *, as_json: bool) -> None:
    """Run the service as a task that SIGTERM and SIGINT cancel."""
    from central.start import run as run_service

    def ready() -> None:
        emit({"ready": True}, as_json=as_json, text="ready")

    loop = asyncio.get_running_loop()
    task = asyncio.create_task(run_service(settings, ready), name="central")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
