"""`turnleaf stream list|retry|skip`: what to do about a stream that is parked, asked of central over MQTT.

A stream is parked when central met an entry that it could not apply and did not understand why. Its facts
are safe at the station. *retry* (after a mended release) lets it try again; *skip* gives that one entry
up, which becomes a case.
"""

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wire.errors import ConfigError, LinkError
from wire.output import emit

if TYPE_CHECKING:
    from wire.link import Link, LinkSettings
    from wire.messages.states import Operate, Operated

HELP = "Look at, retry or skip a station's parked stream."
EXAMPLE = "turnleaf stream retry kiosk-3 --broker broker.library.example:8884 --cert identities/alice"

PATIENCE_S = 20.0
"""How long a connection and a reply may take."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `list`, `retry` and `skip`."""
    verbs = parser.add_subparsers(dest="what", required=True, metavar="VERB")
    for name, text in (
        ("list", "show the streams that are parked"),
        ("retry", "let a station's parked stream try its next entry again"),
        ("skip", "give up the entry at which a station's stream is parked; it becomes a case"),
    ):
        one = verbs.add_parser(name, help=text, description=text, epilog=f"Example: {EXAMPLE}")
        if name != "list":
            one.add_argument("station", metavar="STATION", help="the station's name")
        one.add_argument(
            "--broker",
            default=os.environ.get("TURNLEAF_BROKER"),
            metavar="HOST:PORT",
            help="the broker's listener for operators (or TURNLEAF_BROKER)",
        )
        one.add_argument(
            "--cert",
            type=Path,
            default=os.environ.get("TURNLEAF_IDENTITY"),
            metavar="DIR",
            help="folder with ca.pem, cert.pem and key.pem of an operator (or TURNLEAF_IDENTITY)",
        )
        one.add_argument("--json", action="store_true", help="the reply as JSON")


def run(args: argparse.Namespace) -> int:
    """Ask central and print its reply: 0 done, 1 refused or failed, 3 no broker or no reply."""
    settings = _link_settings(args.broker, args.cert)
    station = getattr(args, "station", None)
    verb = {"list": "parked", "retry": "stream-retry", "skip": "stream-skip"}[args.what]
    reply = asyncio.run(_over_mqtt(settings, verb, {"station": station} if station else {}))
    emit(reply, as_json=args.json, text=_text(reply))
    return 0 if reply.outcome == "done" else 1


def _text(reply: "Operated") -> str:
    lines = [f"{row['station']}: waits at entry {row['seq']}: {row['seen']}" for row in reply.rows]
    if not lines:
        lines = [reply.detail or "no stream is parked"]
    return "\n".join(lines)


def _link_settings(broker: str | None, folder: Path | None) -> "LinkSettings":
    """Return how to connect as the identity whose folder is given; raises ConfigError."""
    from wire.broker_address import broker_address
    from wire.ids import new_id
    from wire.link import LinkSettings
    from wire.topics import topic

    host, port = broker_address(broker or "")
    if folder is None:
        raise ConfigError("no identity is named", do="Give --cert DIR, or set TURNLEAF_IDENTITY to it.")
    name = _name_in(Path(folder) / "cert.pem")
    return LinkSettings(
        host=host,
        port=port,
        identity=name,
        ca=str(Path(folder) / "ca.pem"),
        cert=str(Path(folder) / "cert.pem"),
        key=str(Path(folder) / "key.pem"),
        subscriptions=(topic("response", identity=name),),
        session_expiry_s=0,
        client_id=f"{name}-{new_id()[:8]}",
    )


def _name_in(cert: Path) -> str:
    """Return the certificate's name, which is the identity."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        found = x509.load_pem_x509_certificate(cert.read_bytes())
        return str(found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    except (OSError, ValueError, IndexError) as error:
        raise ConfigError(
            f"{cert}: no certificate can be read there",
            do="Give the folder that `turnleaf broker enrol NAME --role operator` made.",
        ) from error


async def _over_mqtt(settings: "LinkSettings", verb: str, args: dict[str, Any]) -> "Operated":
    from wire.mqtt_link import MqttLink

    return await ask_central(MqttLink(settings), settings.identity, verb, args)


async def ask_central(link: "Link", identity: str, verb: str, args: dict[str, Any]) -> "Operated":
    """Connect, ask central one thing and return its reply; raises LinkError when none comes."""
    from datetime import timedelta

    from wire.clock import SystemClock
    from wire.ids import new_id
    from wire.messages.states import Operate

    until = SystemClock().now() + timedelta(seconds=PATIENCE_S)
    asked = Operate(request=new_id(), until=until, args=args)
    running = asyncio.create_task(link.run(), name="link")
    reply = asyncio.create_task(_reply(link, identity, verb, asked), name="reply")
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait((running, reply), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        return await reply
    except TimeoutError:
        raise LinkError(
            "no reply came from central", do="See whether broker and central run: turnleaf doctor"
        ) from None
    finally:
        for task in (reply, running):
            task.cancel()
        await asyncio.gather(reply, running, return_exceptions=True)


async def _reply(link: "Link", identity: str, verb: str, asked: "Operate") -> "Operated":
    from wire.link import Connected, Inbound, Outgoing
    from wire.messages.states import Operated
    from wire.topics import BY_NAME, topic

    request = Outgoing(
        topic("request", identity=identity, verb=verb), asked.encode(), expiry_s=BY_NAME["request"].expiry_s
    )
    async for event in link.events():
        match event:
            case Connected():
                await link.publish(request)
            case Inbound(payload=payload):
                event.ack()
                reply = Operated.decode(payload)
                if reply.request == asked.request:
                    return reply
            case _:
                pass
    raise LinkError("the link ended")
