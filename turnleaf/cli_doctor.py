"""`turnleaf doctor`: looks for what keeps this installation from working; one line each, with the mend."""

import argparse
from pathlib import Path

HELP = "Look for what keeps this installation from working."
EXAMPLE = "turnleaf doctor --config kiosk-1.toml --config central.toml --broker /var/lib/turnleaf/broker"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is to be looked at."""
    parser.add_argument(
        "--config", action="append", type=Path, default=[], metavar="FILE", help="settings of a daemon"
    )
    parser.add_argument(
        "--broker", action="append", type=Path, default=[], metavar="DIR", help="a broker's folder"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 when something is not well."""
    from turnleaf import doctor
    from wire.clock import SystemClock
    from wire.output import emit

    findings = doctor.examine(doctor.Patient(tuple(args.config), tuple(args.broker)), SystemClock())
    emit(doctor.as_rows(findings), as_json=args.json, text="\n".join(finding.text() for finding in findings))
    return 0 if all(finding.ok for finding in findings) else 1
