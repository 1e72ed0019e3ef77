"""mosquitto.conf for the folder of a broker: two TLS listeners, sized queues, Nagle off.

Each line has its reason next to it, in the file itself, for whoever finds it on a server.
"""

import json
import os
import pwd
import socket
from dataclasses import dataclass
from pathlib import Path

from broker_config import registry
from broker_config.acl import acl
from broker_config.files import write_private
from wire.errors import ConfigError

MAX_PACKET = 65536
"""Bytes of the largest packet; the largest message is a page of items, 48 KiB."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The two listeners. `bind` is the address both listen on."""

    stations: int = 8883
    operators: int = 8884
    bind: str = "127.0.0.1"


def free_ports() -> Ports:
    """Return two ports of the loopback that nobody uses just now, for demo and tests."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return Ports(first.getsockname()[1], second.getsockname()[1])


def checked(wanted: Ports) -> Ports:
    """Return the ports when a broker can listen on them; raises ConfigError."""
    for option, port in (("--station-port", wanted.stations), ("--operator-port", wanted.operators)):
        if not 0 < port < 65536:
            raise ConfigError(f"{option} {port}: a port is from 1 to 65535", do="Give a port, e.g. 8883.")
    if wanted.stations == wanted.operators:
        raise ConfigError(
            f"--station-port and --operator-port are both {wanted.stations}",
            why="Each listener has rules of its own.",
            do="Give two ports, e.g. 8883 and 8884.",
        )
    return wanted


def ports(folder: Path) -> Ports:
    """Return the ports a broker folder was rendered with; raises ConfigError when it was not."""
    try:
        return Ports(**json.loads((folder / "ports.json").read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise registry.no_broker_folder(folder, "ports.json") from error


def render(folder: Path, wanted: Ports | None = None) -> Path:
    """Write mosquitto.conf, acl and ports.json and return the path of the first.

    Without `wanted` the ports of the last time, else the defaults. The running broker reads the acl
    anew on `supervise.reload`; ports need a restart.
    """
    if wanted is None:
        wanted = ports(folder) if (folder / "ports.json").exists() else Ports()
    access = acl(registry.load(folder).identities.values())
    write_private(folder / "acl", access.encode())
    write_private(folder / "ports.json", json.dumps(_as_dict(wanted)).encode() + b"\n", 0o644)
    conf = folder / "mosquitto.conf"
    write_private(conf, configuration(folder.absolute(), wanted, owner_of(folder)).encode(), 0o644)
    return conf


def owner_of(folder: Path) -> str:
    """Return the account that owns the folder: mosquitto started by root works as this one."""
    try:
        return pwd.getpwuid(folder.stat().st_uid).pw_name
    except (OSError, KeyError) as error:
        raise ConfigError(f"{folder}: its owner is no account here", do="chown it to mosquitto.") from error


def configuration(folder: Path, listen: Ports, user: str) -> str:
    """Return mosquitto.conf (2.0.11 or newer)."""
    if "\n" in str(folder):
        raise ConfigError("the folder's name holds a line break", do="Choose another folder.")
    common = _listener_tls(folder)
    return f"""\
# Made by `turnleaf broker`; changes here are lost.
# When started by root, work as the folder's owner, who alone can read the keys.
user {user}
per_listener_settings false
allow_anonymous false
acl_file {folder}/acl

# Nagle's algorithm costs 40 ms in every exchange.
set_tcp_nodelay true

# Queues. The default of 1000 messages drops silently; no bound at all fills the memory.
max_inflight_messages 1000
max_queued_messages 100000
max_queued_bytes 268435456
persistent_client_expiration 14d
max_keepalive 120

# Told to MQTT 5 clients when they connect; one that sends more is thrown out. (message_size_limit would
# do the same without telling.)
max_packet_size {MAX_PACKET}

# Comfort only: retained states and sessions survive a restart. No fact depends on it.
persistence true
persistence_location {folder}/data/
autosave_interval 30

log_dest stdout
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S

# Stations: the certificate's name is user name and client id, so that none can take another's place.
listener {listen.stations} {listen.bind}
{common}
use_username_as_clientid true

# Central, operators, integrators: one identity may hold several connections.
listener {listen.operators} {listen.bind}
{common}
"""


def _listener_tls(folder: Path) -> str:
    return "\n".join(
        (
            "protocol mqtt",
            f"cafile {folder}/ca/ca.pem",
            f"certfile {folder}/server/cert.pem",
            f"keyfile {folder}/server/key.pem",
            f"crlfile {folder}/ca/crl.pem",
            "tls_version tlsv1.2",
            "require_certificate true",
            "use_identity_as_username true",
        )
    )


def _as_dict(listen: Ports) -> dict[str, int | str]:
    return {"stations": listen.stations, "operators": listen.operators, "bind": listen.bind}


def mosquitto_binary() -> str:
    """Return the path of mosquitto; raises ConfigError when it is not installed."""
    for folder in (*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/local/sbin"):
        candidate = Path(folder or ".") / "mosquitto"
        if os.access(candidate, os.X_OK):
            return str(candidate)
    raise ConfigError("mosquitto is not installed", do="apt-get install mosquitto")
