"""The broker as one settings file sees it, certificates, keys, and a broker's own folder."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from turnleaf.doctor_finding import Finding
from wire.clock import Clock
from wire.errors import ConfigError

SOON = timedelta(days=30)
PATIENCE_S = 5.0
ALERT_S = 0.5
"""How long to wait for a broker's refusal: with TLS 1.3 it comes after our side of the handshake."""


def connection(path: Path, broker: dict[str, Any], name: str | None, clock: Clock) -> Iterator[Finding]:
    """Look at the `[broker]` section of a settings file: its files, then the broker itself."""
    files = {}
    for key in ("ca", "cert", "key"):
        value = broker.get(key)
        file = path.absolute().parent / str(value)
        if not isinstance(value, str) or not file.is_file():
            yield Finding(
                f"{path.name}: broker.{key}",
                ok=False,
                seen=f"{value}: no such file",
                do="Copy the folder that `turnleaf broker enrol` made.",
            )
            return
        files[key] = file
    yield from certificate(files["cert"], clock, name)
    yield private(files["key"])
    yield asyncio.run(_reach(str(broker.get("host", "127.0.0.1")), int(broker.get("port", 8883)), files))


def certificate(file: Path, clock: Clock, name: str | None = None) -> Iterator[Finding]:
    """Say whose certificate it is and how long it is valid."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        found = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        yield Finding(f"certificate {file}", ok=False, seen=str(error), do="Enrol again and copy the folder.")
        return
    owner = str(found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    now = clock.now()
    left = found.not_valid_after_utc - now
    what = f"certificate of {owner}"
    if name is not None and name != owner:
        yield Finding(what, ok=False, seen=f"the settings say {name}", do="Name and certificate must agree.")
    if now < found.not_valid_before_utc:
        begins = found.not_valid_before_utc
        yield Finding(what, ok=False, seen=f"valid from {begins:%Y-%m-%d %H:%M}", do="Set the clock right.")
    elif left < timedelta(0):
        ended = found.not_valid_after_utc
        yield Finding(what, ok=False, seen=f"expired {ended:%Y-%m-%d}", do=_renew(owner))
    else:
        yield Finding(what, ok=left > SOON, seen=f"valid for {left.days} days", do=_renew(owner))


def private(file: Path) -> Finding:
    """Say whether only its owner can read a key."""
    try:
        mode = file.stat().st_mode & 0o777
    except OSError as error:
        return Finding(f"key {file}", ok=False, seen=str(error.strerror), do="Copy the enrolled folder.")
    open_to = mode & 0o077
    return Finding(
        f"key {file} is private",
        ok=not open_to,
        seen=f"mode {mode:04o}" if open_to else "",
        do=f"chmod 600 {file}",
    )


def folder(broker: Path, clock: Clock) -> Iterator[Finding]:
    """Look at a broker's folder: its process, server certificate, CRL, keys and enrolled certificates."""
    from broker_config import control, registry

    try:
        known = registry.load(broker)
    except ConfigError as error:
        yield Finding(f"broker folder {broker}", ok=False, seen=error.seen, do=error.do)
        return
    pid = control.running_pid(broker)
    yield Finding(
        f"broker of {broker}",
        ok=pid is not None,
        seen=f"pid {pid}" if pid else "not running under `turnleaf broker up`",
        do=f"turnleaf broker --dir {broker} up",
    )
    yield from certificate(broker / "server" / "cert.pem", clock)
    yield _crl(broker / "ca" / "crl.pem", clock)
    for key in (broker / "ca" / "ca.key", broker / "ca" / "items.key", broker / "server" / "key.pem"):
        yield private(key)
    now = clock.now()
    ending = [
        identity.name
        for identity in known.identities.values()
        if identity.revoked is None and identity.not_after - now < SOON
    ]
    yield Finding(
        f"{len(known.identities)} enrolled certificates",
        ok=not ending,
        seen=f"soon to expire: {', '.join(ending)}" if ending else "",
        do="turnleaf broker renew NAME, and copy the folder",
    )


def _crl(file: Path, clock: Clock) -> Finding:
    from cryptography import x509

    try:
        crl = x509.load_pem_x509_crl(file.read_bytes())
    except (OSError, ValueError) as error:
        return Finding("revocation list", ok=False, seen=str(error), do="turnleaf broker revoke writes it.")
    now = clock.now()
    until = crl.next_update_utc
    age = (now - crl.last_update_utc).days
    ended = until is not None and until - now < SOON
    return Finding(
        "revocation list",
        ok=not ended,
        seen=f"{len(crl)} revoked, {age} days old" + (f", ends {until:%Y-%m-%d}" if ended else ""),
        do="Write it anew: an expired list makes the broker refuse everyone.",
    )


async def _reach(host: str, port: int, files: dict[str, Path]) -> Finding:
    what = f"broker {host}:{port}"
    try:
        context = ssl.create_default_context(cafile=str(files["ca"]))
        context.load_cert_chain(files["cert"], files["key"])
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
    except TimeoutError:
        return Finding(what, ok=False, seen="no answer", do="Check cable, address and firewall.")
    except ssl.SSLCertVerificationError as error:
        return Finding(
            what, ok=False, seen=error.verify_message, do="Check broker.host, the clock and broker.ca."
        )
    except ssl.SSLError as error:
        return Finding(what, ok=False, seen=str(error), do="Check that broker.cert and broker.key fit.")
    except OSError as error:
        return Finding(
            what, ok=False, seen=error.strerror or str(error), do="Start the broker, check the port."
        )
    refused = ""
    try:
        async with asyncio.timeout(ALERT_S):
            await reader.read(1)
        refused = "it closes the connection: our certificate is not accepted"
    except TimeoutError:
        pass  # still open: accepted
    except OSError as error:
        refused = str(error)
    writer.close()
    return Finding(
        f"{what} accepts our certificate" if not refused else what,
        ok=not refused,
        seen=refused,
        do="Enrol at this broker's CA; revoked or expired certificates are in its log.",
    )


def _renew(owner: str) -> str:
    return f"turnleaf broker renew {'server' if owner == 'broker' else owner}, and copy the folder"
