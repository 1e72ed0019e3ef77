"""Central's stores: the ledger's file and where telemetry goes."""

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from central.ledger.trouble import is_full
from turnleaf.doctor_finding import Finding

PATIENCE_S = 5.0


def stores(path: Path, settings: dict[str, Any]) -> Iterator[Finding]:
    """Look at what the sections `ledger` and `telemetry` name: a file, a SQLite URL or a web address."""
    for section in ("ledger", "telemetry"):
        for value in _addresses(settings.get(section)):
            if value.startswith(("http://", "https://")):
                yield web(section, value)
            elif value.startswith("sqlite:///"):
                yield database(section, path.absolute().parent / value.removeprefix("sqlite:///"))
            elif value.endswith((".db", ".sqlite")):
                yield database(section, path.absolute().parent / value)


def _addresses(section: object) -> Iterator[str]:
    if isinstance(section, str):
        yield section
    elif isinstance(section, dict):
        for value in section.values():
            yield from _addresses(value)


def database(what: str, file: Path) -> Finding:
    """Say whether a SQLite file is sound; opened for reading only."""
    if not file.exists():
        return Finding(f"{what} {file}", ok=True, seen="not made yet")
    try:
        with sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=PATIENCE_S) as connection:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        connection.close()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return Finding(f"{what} {file}", ok=True, seen="held by the running service")
        if is_full(error, file):
            do = "Make room there: a full disk harms no database, so restore nothing."
            return Finding(f"{what} {file}", ok=False, seen=f"its disk is full: {error}", do=do)
        return _broken(what, file, str(error))
    except sqlite3.DatabaseError as error:
        return _broken(what, file, str(error))
    return Finding(f"{what} {file} is sound", ok=True) if said == "ok" else _broken(what, file, str(said))


def _broken(what: str, file: Path, seen: str) -> Finding:
    return Finding(f"{what} {file}", ok=False, seen=seen, do="Stop the service and restore it from a backup.")


def web(what: str, address: str) -> Finding:
    """Say whether a telemetry server is well (InfluxDB: GET /health)."""
    parts = urlsplit(address)
    name = f"{what} at {parts.hostname}:{parts.port or ''}".rstrip(":")
    url = f"{parts.scheme}://{parts.netloc}/health"
    mend = "Start the server; samples wait in central's spool meanwhile."
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:  # noqa: S310 - http or https only
            said = json.loads(answer.read(65536) or b"{}")
    except (urllib.error.URLError, OSError, ValueError) as error:
        return Finding(name, ok=False, seen=str(getattr(error, "reason", error)), do=mend)
    status = str(said.get("status", "pass")) if isinstance(said, dict) else "pass"
    return Finding(name, ok=status == "pass", seen=status, do=mend)
