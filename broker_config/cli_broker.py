"""`turnleaf broker`: make a broker's folder, run it, enrol and revoke identities, prove its rules."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker_config.check import Proof

HELP = "Make, run, provision and prove the MQTT broker."
EXAMPLE = "turnleaf broker --dir /var/lib/turnleaf/broker init --host broker.library.example"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare init, up, enrol, renew, revoke and check."""
    parser.add_argument(
        "--dir",
        type=Path,
        default=Path(os.environ.get("TURNLEAF_BROKER_DIR", "broker")),
        help="the broker's folder (default: TURNLEAF_BROKER_DIR, else ./broker)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    init = verbs.add_parser("init", help="make CA, certificates, mosquitto.conf and acl")
    init.add_argument("--host", action="append", default=[], help="name or address stations connect to")
    init.add_argument("--bind", default="127.0.0.1", help="address to listen on (default: loopback alone)")
    init.add_argument("--station-port", type=int, default=8883, help="port for stations (8883)")
    init.add_argument("--operator-port", type=int, default=8884, help="port for central and people (8884)")

    verbs.add_parser("up", help="run mosquitto on the folder until Ctrl-C or SIGTERM")

    enrol = verbs.add_parser("enrol", help="make a certificate; its folder is copied to the station")
    enrol.add_argument("name", metavar="STATION", help="name on MQTT: a-z, 0-9 and hyphens")
    enrol.add_argument(
        "--role",
        choices=("station", "central", "operator", "viewer"),
        default="station",
        help="what it may do (station)",
    )
    enrol.add_argument(
        "--branch", action="append", default=[], help="operators, viewers: may see this branch alone"
    )

    renew = verbs.add_parser("renew", help="make a new certificate for an identity, or for `server`")
    renew.add_argument("name", metavar="NAME", help="an enrolled identity, or server")

    revoke = verbs.add_parser("revoke", help="refuse a certificate from now on and end its connection")
    revoke.add_argument("name", metavar="NAME", help="an enrolled identity")

    verbs.add_parser("render", help="write mosquitto.conf and acl anew, and let the broker read them")
    verbs.add_parser("check", help="connect to the running broker and prove each of its rules")
    for name, verb in verbs.choices.items():
        verb.epilog = f"example: turnleaf broker {_EXAMPLES[name]}"
        verb.add_argument("--dir", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


_EXAMPLES = {
    "init": "init --host 10.0.0.5 --bind 0.0.0.0",
    "up": "--dir broker up",
    "enrol": "enrol kiosk-4",
    "renew": "renew kiosk-4",
    "revoke": "revoke kiosk-4",
    "render": "render",
    "check": "check --json",
}


def run(args: argparse.Namespace) -> int:
    """Run one verb."""
    if args.verb == "check":
        return _check(args)
    if args.verb == "up":
        return _up(args)
    verbs = {"init": _init, "enrol": _enrol, "renew": _renew, "revoke": _revoke, "render": _render}
    return verbs[args.verb](args)


def _init(args: argparse.Namespace) -> int:
    from broker_config import pki, render
    from wire.output import emit

    listen = render.checked(render.Ports(args.station_port, args.operator_port, args.bind))
    pki.init(args.dir, args.host)
    pki.enrol(args.dir, "central", "central")
    conf = render.render(args.dir, listen)
    emit(
        {"dir": args.dir, "conf": conf, "stations": args.station_port, "operators": args.operator_port},
        as_json=args.json,
        text=f"{conf}\nStations on port {args.station_port}, central and operators on {args.operator_port}.\n"
        f"Central's certificate: {args.dir / 'identities' / 'central'}\n"
        f"Next: turnleaf broker --dir {args.dir} up",
    )
    return 0


def _enrol(args: argparse.Namespace) -> int:
    from broker_config import pki
    from broker_config.roles import EVERY_BRANCH

    home = pki.enrol(args.dir, args.name, args.role, scope=args.branch or [EVERY_BRANCH])
    return _issued(args, home, reload=args.role in ("operator", "viewer"))


def _renew(args: argparse.Namespace) -> int:
    from broker_config import pki, registry
    from wire.errors import ConfigError

    if args.name == "server":
        pki.renew_server(args.dir)
        return _issued(args, args.dir / "server", reload=True)
    known = registry.load(args.dir).identities.get(args.name)
    if known is None:
        raise ConfigError(f"{args.name}: not enrolled here", do=f"turnleaf broker enrol {args.name}")
    scope = known.scope or ["*"]
    return _issued(args, pki.enrol(args.dir, args.name, known.role, scope=scope, renew=True), reload=False)


def _issued(args: argparse.Namespace, home: Path, *, reload: bool) -> int:
    from broker_config import control, render
    from wire.output import emit

    if reload and (args.dir / "ports.json").exists():
        render.render(args.dir)
        control.reload(args.dir)
    emit({"name": args.name, "folder": home}, as_json=args.json, text=f"{home}")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from broker_config import control
    from wire.output import emit

    done = control.revoke(args.dir, args.name)
    text = f"{args.name} is revoked. " + (
        "The broker read the list anew, and its connection was ended."
        if done.kicked
        else "No broker of this folder runs here: restart the one that reads ca/crl.pem."
    )
    emit({"name": args.name, "serial": done.serial, "kicked": done.kicked}, as_json=args.json, text=text)
    return 0


def _render(args: argparse.Namespace) -> int:
    from broker_config import control, render
    from wire.output import emit

    conf = render.render(args.dir)
    told = control.reload(args.dir)
    emit({"conf": conf, "reloaded": told}, as_json=args.json, text=f"{conf}")
    return 0


def _up(args: argparse.Namespace) -> int:
    import asyncio

    from broker_config import control
    from wire import logs

    logs.setup(as_json=args.json)
    asyncio.run(control.up(args.dir))
    return 0


def _check(args: argparse.Namespace) -> int:
    import asyncio
    import logging

    from broker_config import check
    from wire.output import emit

    words = logging.getLogger("turnleaf.wire.mqtt")
    level = words.level
    words.setLevel(logging.CRITICAL)  # denials are what it looks for
    try:
        proofs = asyncio.run(check.check(args.dir))
    finally:
        words.setLevel(level)
    text = "\n".join(f"{'✓' if proof.ok else '✗'} {proof.line}" + _mend(proof) for proof in proofs)
    emit([proof.as_dict() for proof in proofs], as_json=args.json, text=text)
    return 0 if all(proof.ok for proof in proofs) else 1


def _mend(proof: "Proof") -> str:
    return "" if proof.ok else f"\n    seen: {proof.seen}\n    do:   {proof.do}"
