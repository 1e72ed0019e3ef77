"""`turnleaf kiosk`: run a self-check kiosk."""

import argparse
from pathlib import Path

HELP = "run a self-check kiosk"
EXAMPLE = "turnleaf kiosk run --config /etc/turnleaf/kiosk-1.toml"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    from kiosk.cli_station import run_arguments

    run_arguments(parser, EXAMPLE)


def run(args: argparse.Namespace) -> int:
    """Run the kiosk until a signal ends it, or check its settings."""
    from kiosk.cli_station import start
    from kiosk.config_kiosk import KioskSettings
    from wire.settings import load

    settings = load(Path(args.config), KioskSettings)

    async def main() -> None:
        from kiosk.daemon_kiosk import run_kiosk

        await run_kiosk(settings)

    return start(args, settings, main)
