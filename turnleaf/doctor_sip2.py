"""Terminals that speak SIP2 with central: whether others can overhear them."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from turnleaf.doctor_finding import Finding


def listener(path: Path, settings: dict[str, Any]) -> Iterator[Finding]:
    """Look at the `[sip2_server]` section of central's settings, where there is one."""
    found = settings.get("sip2_server")
    if not isinstance(found, dict):
        return
    yield _overheard(path, "SIP2", str(found.get("host", "127.0.0.1")), found, "sip2_server")


def proxy(path: Path, settings: dict[str, Any]) -> Iterator[Finding]:
    """Look at the `[sip2.proxy]` section of central's settings, where there is one."""
    system = settings.get("sip2")
    found = system.get("proxy") if isinstance(system, dict) else None
    if isinstance(found, dict):
        host = str(found.get("listen", "127.0.0.1:6001")).rpartition(":")[0].strip("[]")
        yield _overheard(path, "SIP2 proxy", host, found, "sip2.proxy")


def _overheard(path: Path, name: str, host: str, found: dict[str, Any], table: str) -> Finding:
    what = f"{path.name}: {name} on {host}"
    encrypted = isinstance(found.get("cert"), str) and isinstance(found.get("key"), str)
    if encrypted or _loopback(host):
        return Finding(what, ok=True, seen="TLS" if encrypted else "heard by this machine alone")
    allowed = found.get("plain_text_off_loopback") is True
    seen = "plain text: cards and PINs can be overheard" if allowed else "plain text: it does not start"
    do = f"Set {table}.cert and key, or listen on 127.0.0.1 behind a tunnel."
    return Finding(what, ok=False, seen=seen, do=do)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
