"""`turnleaf console`: the fleet and its alarms in the terminal; read only unless `--operate`."""

import argparse
import os
from pathlib import Path

from monitor import where
from wire.errors import ConfigError

HELP = "Watch the fleet and its alarms in the terminal."
EXAMPLE = "turnleaf console --broker broker.library.example:8884 --cert identities/alice --operate"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    where.arguments(parser)
    parser.add_argument("--operate", action="store_true", help="allow to acknowledge and shelve alarms")
    parser.add_argument("--look", choices=("light", "dark", "contrast"), default="dark", help="its face")
    parser.add_argument(
        "--export-to", type=Path, default=Path(), metavar="DIR", help="where the key e writes its files"
    )


def run(args: argparse.Namespace) -> int:
    """Run until it is quit; raises ConfigError for an unusable broker, certificate or terminal."""
    import sys

    found = where.where(args)
    if not sys.stdout.isatty():
        raise ConfigError(
            "the console needs a terminal", do="Use turnleaf fleet, alarms or watch where there is none."
        )
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ.setdefault("TEXTUAL_FPS", "15")

    from monitor.app import Console
    from monitor.mqtt_feed import MqttFeed
    from wire.clock import SystemClock

    clock = SystemClock()
    app = Console(MqttFeed(found, clock), clock, operate=args.operate, look=args.look, exports=args.export_to)
    code = app.run()
    if app.trouble is not None:
        raise app.trouble
    return code or app.return_code or 0
