"""`turnleaf sip2 serve` and `password`: let terminals of other makes in, and make their secrets."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wire.errors import ConfigError, TurnleafError
from wire.output import emit

if TYPE_CHECKING:
    from central.config import CentralSettings

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
    from central.sip2.serve import run_alone

    def ready(port: int) -> None:
        emit({"ready": True, "port": port}, as_json=as_json, text=f"ready on port {port}")

    loop = asyncio.get_running_loop()
    task = asyncio.create_task(run_alone(settings, ready), name="sip2")
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
