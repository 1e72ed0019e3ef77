"""`turnleaf gate`: run a security gate."""

import argparse
from pathlib import Path

HELP = "Run a security gate."
EXAMPLE = "turnleaf gate run --config /etc/turnleaf/gate-1.toml"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    from kiosk.cli_station import run_arguments

    run_arguments(parser, EXAMPLE)


def run(args: argparse.Namespace) -> int:
    """Run the gate until a signal ends it, or check its settings."""
    from kiosk.cli_station import start
    from kiosk.config_gate import GateSettings
    from wire.settings import load

    settings = load(Path(args.config), GateSettings)

    async def main() -> None:
        from kiosk.daemon_gate import run_gate

        await run_gate(settings)

    return start(args, settings, main)
