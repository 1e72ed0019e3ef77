"""`turnleaf sip2`: ask a library system one thing, or find out what it can and which quirks it has."""

import argparse
import asyncio
import json
import sys
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from central import cli_sip2_bench, cli_sip2_proxy, cli_sip2_serve

if TYPE_CHECKING:
    from central.sip2.client import Peer
    from central.sip2.messages import Message

HELP = "Talk SIP2 with a library system: one message, or a probe of what it can."
EXAMPLE = "turnleaf sip2 probe ils.library.example:6001 --user kiosk --password-file secret"

FIELDS = ("patron", "item", "institution", "pin", "pickup", "amount", "summary", "reason", "location")
"""Options that set a field of the message, by the field's name."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    call = verbs.add_parser(
        "call",
        help="send one message and print the answer",
        epilog="example: turnleaf sip2 call localhost:6001 63 --patron 29000001",
    )
    probe = verbs.add_parser(
        "probe",
        help="find out what a library system can, and which quirks it has",
        epilog="example: turnleaf sip2 probe localhost:6001 --user kiosk --password-file secret",
    )
    cli_sip2_proxy.arguments(verbs)
    cli_sip2_serve.arguments(verbs)
    cli_sip2_bench.arguments(verbs)
    for one in (call, probe):
        one.add_argument("address", metavar="HOST:PORT", help="the SIP2 service")
        if one is call:
            one.add_argument("message", metavar="CODE", help="a request, e.g. 63, 17, 11, 09, 99")
            for option in FIELDS:
                one.add_argument(f"--{option}", help=f"the field {option}")
        else:
            one.add_argument("--patron", help="a patron's number, to try 63 with")
            one.add_argument("--item", help="an item's number, to try 17 with")
        one.add_argument("--user", default="", help="user of the login (93)")
        one.add_argument("--password-file", type=Path, metavar="FILE", help="file with its password")
        one.add_argument("--login-location", default="", help="location of the login (CP)")
        one.add_argument("--encoding", default="utf-8", help="utf-8, iso-8859-1 or cp850 (utf-8)")
        one.add_argument("--no-checksum", action="store_true", help="send no error detection")
        one.add_argument("--prompts", action="store_true", help="the peer asks login: and password: first")
        one.add_argument("--tls", action="store_true", help="TLS, verified by the system or --ca")
        one.add_argument("--ca", type=Path, metavar="FILE", help="PEM file of the peer's authority")
        one.add_argument("--timeout", type=float, default=5.0, metavar="S", help="seconds for an answer (5)")
        one.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Do what was asked: 0 answered, 1 a problem was found, 2 wrong use, 3 the peer cannot be reached."""
    if args.verb in cli_sip2_proxy.VERBS:
        return cli_sip2_proxy.run(args)
    if args.verb in cli_sip2_serve.VERBS:
        return cli_sip2_serve.run(args)
    if args.verb in cli_sip2_bench.VERBS:
        return cli_sip2_bench.run(args)
    return asyncio.run(_call(args) if args.verb == "call" else _probe(args))


def _peer(args: argparse.Namespace) -> "Peer":
    from central.authority_kinds import secret
    from central.sip2.client import Peer
    from central.sip2.codec import Dialect
    from wire.errors import ConfigError

    host, _, port = args.address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ConfigError(f"{args.address} is no address", do="Write HOST:PORT, e.g. localhost:6001.")
    password = secret(args.password_file)
    return Peer(
        host, int(port), args.user, password, args.login_location,
        Dialect(args.encoding, not args.no_checksum), args.timeout, tls=args.tls or args.ca is not None,
        ca=args.ca, prompts=args.prompts,
    )  # fmt: skip


def _message(args: argparse.Namespace) -> "Message":
    from central.sip2.codec import MESSAGES
    from central.sip2.conversation import ANSWERS
    from wire.errors import ConfigError

    if args.message not in ANSWERS:
        raise ConfigError(
            f"{args.message} is no request of SIP2", do=f"Give one of {', '.join(sorted(ANSWERS))}."
        )
    message = MESSAGES[args.message]()
    names = {one.name for one in fields(message)}
    values = {name: getattr(args, name) for name in FIELDS if getattr(args, name) is not None}
    unknown = set(values) - names
    if unknown:
        raise ConfigError(f"{args.message} has no field {', '.join(sorted(unknown))}", do="Leave it out.")
    if "at" in names:
        values["at"] = _now()
        values |= {name: values["at"] for name in ("no_block_due", "returned") if name in names}
    return replace(message, **values)


def _now() -> datetime:
    """Return the local time, as SIP2 tells it."""
    from wire.clock import SystemClock

    return SystemClock().now().astimezone().replace(tzinfo=None, microsecond=0)


def _plain(message: "Message") -> dict[str, Any]:
    said: dict[str, Any] = {"message": message.code, "name": type(message).__name__}
    for one in fields(message):
        value = getattr(message, one.name)
        if value not in ("", (), None):
            said[one.name] = value.isoformat() if isinstance(value, datetime) else value
    return said


def _tell(args: argparse.Namespace, value: dict[str, Any], lines: list[str]) -> None:
    text = json.dumps(value, ensure_ascii=False) if args.json else "\n".join(lines)
    sys.stdout.write(text + "\n")


async def _call(args: argparse.Namespace) -> int:
    from central.sip2.client import Connection
    from wire.errors import ConfigError

    message = _message(args)
    connection = await Connection.open(_peer(args))
    try:
        frame = await connection.request(message)
    except ValueError as error:
        raise ConfigError(str(error), do="Give the field as SIP2 carries it.") from error
    finally:
        await connection.close()
    said = _plain(frame.message)
    value = said | {"sequence": frame.sequence, "checksum": frame.check, "problems": list(frame.problems)}
    lines = [f"{name:<20} {shown}" for name, shown in said.items()]
    _tell(args, value, [*lines, f"{'checksum':<20} {frame.check}", *(f"✗ {one}" for one in frame.problems)])
    return 1 if frame.problems else 0


async def _probe(args: argparse.Namespace) -> int:
    from central.sip2.probe import probe

    found = await probe(_peer(args), args.patron or "", args.item or "", _now())
    lines = [f"{'✓' if one.ok else '✗'} {one.what:<26} {one.seen}" for one in found.findings]
    lines += ["", "quirks: " + (", ".join(found.quirks) or "none")]
    value = {
        "findings": [{"what": one.what, "ok": one.ok, "seen": one.seen} for one in found.findings],
        "supported": found.supported, "quirks": list(found.quirks),
    }  # fmt: skip
    _tell(args, value, lines)
    return 0 if all(one.ok for one in found.findings) else 1
