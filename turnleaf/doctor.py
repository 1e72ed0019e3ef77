"""What `turnleaf doctor` looks at, in order. Each look gives findings: one line, ✓ or ✗, and the mend.

Settings files are read leniently here: the doctor must speak where a daemon refuses to start, so it
takes what it knows from the file and passes over the rest. Nothing is changed, and no daemon disturbed:
a look at the broker ends after the TLS handshake, because a second MQTT connection under a station's
name would throw that station off.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from turnleaf import doctor_broker, doctor_machine, doctor_sip2, doctor_stores
from turnleaf.doctor_finding import Finding
from wire.clock import Clock


@dataclass(frozen=True, slots=True)
class Patient:
    """What is to be looked at: settings files, and broker folders on this machine."""

    configs: tuple[Path, ...] = ()
    brokers: tuple[Path, ...] = ()


def examine(patient: Patient, clock: Clock) -> list[Finding]:
    """Return all findings; good ones too."""
    return list(_examine(patient, clock))


def as_rows(findings: list[Finding]) -> list[dict[str, object]]:
    """Return findings for JSON."""
    return [asdict(finding) for finding in findings]


def _examine(patient: Patient, clock: Clock) -> Iterator[Finding]:
    yield from doctor_machine.distributions()
    yield doctor_machine.clock_synchronised()
    settings = {path: read(path) for path in patient.configs}
    for path, found in settings.items():
        if isinstance(found, Finding):
            yield found
        else:
            yield from _config(path, found, clock)
    for folder in patient.brokers:
        yield from doctor_broker.folder(folder, clock)
        yield from doctor_machine.disk(folder)
    if any(_reads_cards(found) for found in settings.values()) or not (patient.configs or patient.brokers):
        yield doctor_machine.pcscd()
    if not (patient.configs or patient.brokers):
        yield from doctor_machine.disk(Path.cwd())


def _config(path: Path, settings: dict[str, Any], clock: Clock) -> Iterator[Finding]:
    yield Finding(f"{path.name}: readable", ok=True)
    broker = settings.get("broker")
    if isinstance(broker, dict):
        yield from doctor_broker.connection(path, broker, settings.get("name"), clock)
    state = settings.get("state_dir")
    if isinstance(state, str):
        yield from doctor_machine.disk(_beside(path, state))
    yield from doctor_stores.stores(path, settings)
    yield from doctor_sip2.listener(path, settings)
    yield from doctor_sip2.proxy(path, settings)


def read(path: Path) -> dict[str, Any] | Finding:
    """Return the raw settings, or what keeps them from being read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Finding(f"{path.name}: readable", ok=False, seen=str(error), do="Mend the file.")


def _reads_cards(settings: dict[str, Any] | Finding) -> bool:
    return (
        not isinstance(settings, Finding) and settings.get("kind", "kiosk") == "kiosk" and "pad" in settings
    )


def _beside(path: Path, value: str) -> Path:
    return path.absolute().parent / value
