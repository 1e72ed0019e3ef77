"""The TLS side of the MQTT link: its context, and certificate faults told with their mend."""

import ssl
from pathlib import Path

from wire.errors import ConfigError
from wire.link import LinkSettings


def client_context(settings: LinkSettings) -> ssl.SSLContext:
    """Return a context that shows our certificate and checks the broker's name (TLS 1.2 or newer).

    Files are read anew at each call, so that a renewed certificate is used at the next connect.
    Raises ConfigError naming the file that is missing, unreadable or does not fit.
    """
    for what, name in (("CA", settings.ca), ("certificate", settings.cert), ("key", settings.key)):
        try:
            with Path(name).open("rb"):
                pass
        except OSError as error:
            raise ConfigError(
                f"{name}: the {what} file cannot be read: {error.strerror}",
                why="Without it the broker cannot know this station.",
                do=f"Enrol {settings.identity} (`turnleaf broker enrol`), put its folder where settings say.",
            ) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=settings.ca)
    except ssl.SSLError as error:
        raise ConfigError(
            f"{settings.ca}: no CA certificate in it", do="Copy the installation's ca.pem there."
        ) from error
    try:
        context.load_cert_chain(settings.cert, settings.key)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{settings.cert} and {settings.key} do not belong together or are no PEM files",
            do=f"Enrol {settings.identity} again and copy cert.pem and key.pem from the same folder.",
        ) from error
    return context


_REFUSED_BY_BROKER = (
    ("REVOKED", "was revoked", "Enrol it under a new certificate, if it may come back."),
    ("EXPIRED", "has expired", "Renew it: `turnleaf broker renew {identity}`."),
    ("UNKNOWN_CA", "comes from another installation's CA", "Enrol it at this broker's CA."),
    ("CERTIFICATE_REQUIRED", "was not shown", "Set its certificate and key in the settings."),
    ("BAD_CERTIFICATE", "was refused", "Enrol it at this broker's CA."),
    ("CERTIFICATE_UNKNOWN", "was refused", "Enrol it at this broker's CA."),
)


def certificate_fault(text: str, settings: LinkSettings) -> ConfigError | None:
    """Return what an operator must mend when `text`, a TLS error, is about certificates; else None."""
    where = f"{settings.host}:{settings.port}"
    upper = text.upper()
    if "CERTIFICATE_VERIFY_FAILED" in upper:
        detail = text.rpartition("certificate verify failed:")[2].partition("(_ssl")[0].strip()
        return ConfigError(
            f"the certificate of the broker {where} is not trusted: {detail}",
            why="Nothing is sent to a broker that may not be ours.",
            do=f"Check the host name in the settings, the clock, and that {settings.ca} is this broker's CA.",
        )
    if "ALERT" not in upper:
        return None
    for word, what, mend in _REFUSED_BY_BROKER:
        if word in upper.replace(" ", "_"):
            return ConfigError(
                f"the broker {where} refused our certificate: the one of {settings.identity} {what}",
                why="The station cannot speak with central until it is accepted.",
                do=mend.format(identity=settings.identity),
            )
    return None


def unanswered(reason: str, settings: LinkSettings) -> ConfigError:
    """Return the error for a connection that ended between TLS handshake and CONNACK.

    With TLS 1.3 a server checks our certificate after our side of the handshake is done; Mosquitto then
    closes without a TLS alert, so this is all that a refused certificate looks like from here.
    """
    return ConfigError(
        f"the broker {settings.host}:{settings.port} closed the connection before it answered",
        why="So Mosquitto refuses a certificate that is revoked, expired or of another installation. "
        f"Seen here: {reason}.",
        do=f"Read the broker's log; `turnleaf doctor` reads the certificate of {settings.identity}.",
    )
