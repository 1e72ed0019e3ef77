"""`turnleaf bin`: run an unattended return bin."""

import argparse
from pathlib import Path

HELP = "Run an unattended return bin."
EXAMPLE = "turnleaf bin run --config /etc/turnleaf/bin-1.toml"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    from kiosk.cli_station import run_arguments

    run_arguments(parser, EXAMPLE)


def run(args: argparse.Namespace) -> int:
    """Run the bin until a signal ends it, or check its settings."""
    from kiosk.cli_station import start
    from kiosk.config_bin import BinSettings
    from wire.settings import load

    settings = load(Path(args.config), BinSettings)

    async def main() -> None:
        from kiosk.daemon_bin import run_bin

        await run_bin(settings)

    return start(args, settings, main)
