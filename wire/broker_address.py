"""Where a broker is, as people type it: HOST:PORT; an IPv6 address stands in brackets."""

from wire.errors import ConfigError

DO = "Give --broker HOST:PORT, or set TURNLEAF_BROKER to it."


def broker_address(given: str) -> tuple[str, int]:
    """Return host and port, an IPv6 address without its brackets; raises ConfigError."""
    if not given:
        raise ConfigError("no broker is named", do=DO)
    host, _, port = given.rpartition(":")
    if (not host and not port.isdecimal()) or given.endswith(("]", ":")):
        raise ConfigError(f"{given!r} is no broker: its port is missing", do=DO)
    if not host or "/" in host:
        raise ConfigError(f"{given!r} is no broker: it is a host, a colon and a port", do=DO)
    if not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536):
        raise ConfigError(f"{given!r} is no broker: a port is a number from 1 to 65535", do=DO)
    return host.removeprefix("[").removesuffix("]"), int(port)
