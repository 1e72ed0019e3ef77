"""From settings to an inline proxy: addresses, TLS on either side, and what is refused."""

import ssl
from ipaddress import ip_address
from pathlib import Path

from central.config import Sip2ProxySettings, Sip2Settings
from central.sip2.proxy import Side
from wire.errors import ConfigError


def address(text: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT or [V6]:PORT; raises ConfigError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ConfigError(f"{text} is no address", do="Write HOST:PORT, e.g. localhost:6001.")
    return host, int(port)


def sides(settings: Sip2ProxySettings, system: Sip2Settings | None = None) -> tuple[Side, Side]:
    """Return where to listen and where to pass on; raises ConfigError for what is not safe or not there."""
    host, port = address(settings.listen)
    if settings.cert is None and not settings.plain_text_off_loopback and not _is_loopback(host):
        raise ConfigError(
            f"{settings.listen}: the proxy would listen without TLS off this machine",
            why="Kiosks send card numbers and PINs in clear to it.",
            do="Give cert and key, listen on loopback behind a tunnel, or say plain_text_off_loopback.",
        )
    listen = Side(host, port, _server_tls(settings.cert, settings.key))
    if settings.ils:
        return listen, Side(*address(settings.ils), _client_tls(settings.tls, settings.ca))
    if system is None:
        raise ConfigError("it is not said which library system to pass on to", do="Give HOST:PORT of it.")
    tls, ca = settings.tls or system.tls, settings.ca or system.ca
    return listen, Side(system.host, system.port, _client_tls(tls, ca))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _server_tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise ConfigError("half a certificate: cert and key belong together", do="Give both, or neither.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{cert}: {error}", do="Give a certificate and its key as PEM files.") from error
    return context


def _client_tls(wanted: bool, ca: Path | None) -> ssl.SSLContext | None:
    if not wanted and ca is None:
        return None
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca}: {error}", do="Give a PEM file that may be read.") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
