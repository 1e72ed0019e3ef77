"""Mosquitto's access list, made from the table of topics and from who was enrolled.

Stations share patterns (`%u` is the certificate's name), so that enrolling one needs no reload.
Central, operators and viewers have a block each. Patterns hold for everyone with a certificate, so a
block of an operator takes back what only stations may do (`deny` comes before patterns).
"""

from collections.abc import Iterable

from broker_config.registry import Identity
from broker_config.roles import CENTRAL, EVERY_BRANCH, OBSERVER, READING_VERBS
from wire.topics import ROOT, TABLE, Party, Topic


def acl(identities: Iterable[Identity], table: Iterable[Topic] = TABLE) -> str:
    """Return the acl_file for these identities."""
    rows = tuple(table)
    lines = ["# Made by `turnleaf broker` from wire/topics.py; changes here are lost.", "", f"user {CENTRAL}"]
    lines += _central(rows)
    for identity in sorted(identities, key=lambda known: known.name):
        if identity.revoked is None and identity.role in ("operator", "viewer"):
            lines += ["", f"# {identity.role}", f"user {identity.name}", *_person(identity, rows)]
        if identity.revoked is None and identity.role == OBSERVER:
            lines += ["", f"# {identity.role}: simulated patrons only", f"user {identity.name}"]
            lines += [f"topic read {ROOT}/#", f"topic deny {ROOT}/up/{identity.name}/#"]
    lines += ["", "# stations, each under its own name", *_stations(rows)]
    return "\n".join(lines) + "\n"


def _filled(row: Topic, **levels: str) -> str:
    parts = [
        levels.get(level[1:-1], "+") if level.startswith("{") else level for level in row.pattern.split("/")
    ]
    return f"{ROOT}/{'/'.join(parts)}"


def _central(rows: tuple[Topic, ...]) -> list[str]:
    lines = []
    for row in rows:
        writes = row.writes is Party.CENTRAL
        reads = Party.CENTRAL in row.reads or Party.EVERYONE in row.reads
        if writes or reads:
            access = "readwrite" if writes and reads else "write" if writes else "read"
            lines.append(f"topic {access} {_filled(row)}")
    return lines


def _stations(rows: tuple[Topic, ...]) -> list[str]:
    lines = []
    for row in rows:
        if row.writes is Party.STATION:
            lines.append(f"pattern write {_filled(row, station='%u')}")
        if Party.STATION in row.reads:
            lines.append(f"pattern read {_filled(row, station='%u')}")
        if Party.STATIONS in row.reads or Party.EVERYONE in row.reads:
            lines.append(f"pattern read {_filled(row)}")
    return lines


def _person(identity: Identity, rows: tuple[Topic, ...]) -> list[str]:
    lines = []
    for row in rows:
        if Party.SCOPE in row.reads:
            everywhere = EVERY_BRANCH in identity.scope
            branches = ("+",) if everywhere else (*identity.scope, "all")
            lines += [f"topic read {_filled(row, branch=branch)}" for branch in branches]
        if row.writes is Party.OPERATOR:
            verbs = READING_VERBS if identity.role == "viewer" else ("+",)
            lines += [f"topic write {_filled(row, identity=identity.name, verb=verb)}" for verb in verbs]
        if Party.OPERATOR in row.reads:
            lines.append(f"topic read {_filled(row, identity=identity.name)}")
        if row.writes is Party.STATION or Party.STATIONS in row.reads:
            lines.append(f"topic deny {_filled(row)}")
    return lines
