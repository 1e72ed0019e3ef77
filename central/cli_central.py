"""`turnleaf central run`: the central service in the foreground, for a service manager."""

import argparse
from pathlib import Path

from wire.output import emit

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
    from central.foreground import run_until_signal
    from central.start import run as run_service
    from wire.logs import setup
    from wire.settings import load

    settings = load(args.config, CentralSettings)
    setup(settings.log.level, as_json=settings.log.as_json or args.json)

    def ready() -> None:
        emit({"ready": True}, as_json=args.json, text="ready")

    return run_until_signal(lambda: run_service(settings, ready), "central")
