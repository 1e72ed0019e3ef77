"""Acting on the broker that runs on a folder: reload it, revoke somebody and end his connection, run it."""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from broker_config import pki, render, supervise
from broker_config.roles import CENTRAL
from wire.errors import ConfigError
from wire.link import Connected, LinkSettings
from wire.mqtt_link import MqttLink

KICK_S = 10.0


@dataclass(frozen=True, slots=True)
class Revoked:
    """What came of a revocation; `kicked`: a broker runs here and holds no connection of it any more."""

    serial: str
    kicked: bool


def running_pid(folder: Path) -> int | None:
    """Return the pid of the mosquitto that runs on this folder's configuration, or None."""
    try:
        pid = int((folder / "broker.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if str((folder / "mosquitto.conf").absolute()).encode() in command else None


def reload(folder: Path) -> bool:
    """Let the running broker read acl, certificates and CRL anew; False when none of ours runs here."""
    pid = running_pid(folder)
    if pid is None:
        return False
    os.kill(pid, signal.SIGHUP)
    return True


def revoke(folder: Path, name: str) -> Revoked:
    """Refuse the certificate of `name` from now on; raises ConfigError when it was never enrolled.

    Mosquitto reads the CRL for new connections only. So central connects under the revoked client id
    once, which throws the old connection off; it cannot return (facts: MQTT 5 §3.1.4, session taken over).
    """
    if name == CENTRAL and running_pid(folder) is not None:
        raise ConfigError("central runs under this certificate", do="Renew it instead, or stop the broker.")
    identity = pki.revoke(folder, name)
    render.render(folder)
    if not reload(folder):
        return Revoked(identity.serial, kicked=False)
    asyncio.run(_take_over(folder, name))
    return Revoked(identity.serial, kicked=True)


async def _take_over(folder: Path, name: str) -> None:
    with TemporaryDirectory() as temporary:
        home = pki.temporary_identity(folder, CENTRAL, Path(temporary))
        link = MqttLink(settings_of(folder, home, CENTRAL, client_id=name, session_expiry_s=0))
        runner = asyncio.create_task(link.run())
        try:
            async with asyncio.timeout(KICK_S):
                async for event in link.events():
                    if isinstance(event, Connected):
                        break
        except TimeoutError as error:
            raise ConfigError(
                f"{name} is revoked, but its connection could not be ended: {link.trouble}",
                do="Restart the broker.",
            ) from error
        finally:
            runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await runner


def settings_of(
    folder: Path,
    home: Path,
    name: str,
    *,
    stations: bool = False,
    client_id: str | None = None,
    subscriptions: tuple[str, ...] = (),
    session_expiry_s: int = 0,
) -> LinkSettings:
    """Return how an identity in `home` connects to the broker of `folder` on this machine."""
    listen = render.ports(folder)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.bind, listen.bind)
    return LinkSettings(
        host=host,
        port=listen.stations if stations else listen.operators,
        identity=name,
        ca=str(home / "ca.pem"),
        cert=str(home / "cert.pem"),
        key=str(home / "key.pem"),
        subscriptions=subscriptions,
        session_expiry_s=session_expiry_s,
        client_id=client_id,
    )


async def up(folder: Path) -> None:
    """Run a supervised broker until SIGTERM or Ctrl-C."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if running_pid(folder) is not None:
        raise ConfigError(f"{folder}: a broker runs on it already", do="Stop that one first.")
    broker = supervise.Broker(folder)
    try:
        await broker.start()
        await ended.wait()
    finally:
        await broker.stop()
