"""`turnleaf sip2 serve` and `password`: let terminals of other makes in, and make their secrets."""

import argparse
import sys
from pathlib import Path
from typing import Any

from wire.errors import ConfigError
from wire.output import emit

VERBS = frozenset({"serve", "password"})
SHORTEST = 12
"""Characters of a terminal's password that is taken without a word."""


def arguments(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Declare the verbs."""
    serve = verbs.add_parser(
        "serve",
        help="let terminals in that speak SIP2, without MQTT and without a central",
        epilog="example: turnleaf sip2 serve --config /etc/turnleaf/central.toml",
    )
    serve.add_argument("--config", type=Path, required=True, metavar="FILE", help="central.toml")
    serve.add_argument("--json", action="store_true", help="logs and the ready line as JSON")
    password = verbs.add_parser(
        "password",
        help="make the secret of a terminal's account from a password on standard input",
        epilog="example: turnleaf sip2 password < terminal.password",
    )
    password.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Do what was asked: 0 done, 1 failed, 2 wrong use."""
    return _password(args) if args.verb == "password" else _serve(args)


def _password(args: argparse.Namespace) -> int:
    from central.ledger.pins import seal

    if sys.stdin.isatty():
        from getpass import getpass

        given = getpass("Password of the terminal: ")
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if not given or not given.isprintable() or "|" in given or len(given.encode()) > 255:
        raise ConfigError(
            "that is no password a terminal can send",
            why="SIP2 carries at most 255 bytes without | and line ends.",
            do="Give one line on standard input.",
        )
    if len(given) < SHORTEST:
        sys.stderr.write(f"a terminal types nothing: take one of {SHORTEST} characters or more\n")
    sealed = seal(given)
    emit({"secret": sealed}, as_json=args.json, text=sealed)
    return 0


def _serve(args: argparse.Namespace) -> int:
    from central.config import CentralSettings
    from central.foreground import run_until_signal
    from central.sip2.serve import run_alone
    from wire.logs import setup
    from wire.settings import load

    settings = load(args.config, CentralSettings)
    setup(settings.log.level, as_json=settings.log.as_json or args.json)

    def ready(port: int) -> None:
        emit({"ready": True, "port": port}, as_json=args.json, text=f"ready on port {port}")

    return run_until_signal(lambda: run_alone(settings, ready), "sip2")
