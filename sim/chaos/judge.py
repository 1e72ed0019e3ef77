"""The account at the end: what was made on the disks and written on the tags, against what the ledger holds.

*Lost*: a fact that a disk committed, or a tag that was written, of which the ledger knows nothing. *Doubled*:
the ledger holds what nobody made, or one fact twice. *Out of order*: two facts of one disk stand in the
ledger the other way round. *Unexplained*: tag and ledger disagree about an item, or a stream stands still,
and no case tells.
*Reported*: what a damaged disk could not bring back; the ledger holds a case that says so.
"""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

SALVAGED = ("stream-began", "facts-lost", "facts-not-delivered")
"""Kinds of cases that say what a disk could not bring back."""


@dataclass(frozen=True, slots=True)
class Disk:
    """What one disk of a station committed."""

    station: str
    account: tuple[str, ...]
    """Ids noted right after their commit, in order."""
    held: frozenset[str]
    """Ids that stood in its outbox, also before it was damaged or thrown away."""
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the ledger holds of it."""

    journal: dict[str, tuple[str, int, int, str]]
    """Fact -> (stream, number, received ms, outcome)."""
    numbers_twice: int
    stations: dict[str, str]
    """Stream -> station."""
    loans: dict[str, tuple[str, bool, str | None]]
    """Request -> (item, withdrawn, tag); of a renewal at another kiosk, too."""
    renewals: frozenset[str]
    checkins: frozenset[str]
    on_loan: frozenset[str]
    cases_of_items: frozenset[str]
    """Items with an open case."""
    cases_of_stations: dict[str, Counter[str]]
    """Station -> kinds of its cases, open and closed."""
    case_subjects: frozenset[str]
    """Second parts of the keys of all cases."""
    parked: int
    claimed_and_missing: int


@dataclass(frozen=True, slots=True)
class Account:
    """The totals."""

    made: int
    lost: int
    doubled: int
    out_of_order: int
    unexplained: int
    reported: int
    ok: bool
    problems: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


def read_ledger(path: Path) -> Ledger:
    """Read a ledger's file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        cases: dict[str, Counter[str]] = {}
        for station, kind, count in db.execute('SELECT station, kind, count(*) FROM "case" GROUP BY 1, 2'):
            cases.setdefault(station, Counter())[kind] = count
        return Ledger(
            journal={
                fact: (stream, seq, received, outcome)
                for fact, stream, seq, received, outcome in db.execute(
                    "SELECT fact_id, stream, seq, received, outcome FROM journal"
                )
            },
            numbers_twice=_one(
                db,
                "SELECT count(*) FROM (SELECT 1 FROM journal GROUP BY stream, seq HAVING count(*) > 1)",
            ),
            stations=dict(db.execute("SELECT stream, station FROM stream")),
            loans={
                request: (item, bool(withdrawn), tag)
                for request, item, withdrawn, tag in db.execute(
                    "SELECT request, item, withdrawn, tag FROM loan"
                )
            },
            renewals=frozenset(row[0] for row in db.execute("SELECT request FROM renewal")),
            checkins=frozenset(row[0] for row in db.execute("SELECT fact_id FROM checkin")),
            on_loan=frozenset(
                row[0] for row in db.execute("SELECT item FROM loan WHERE ended IS NULL AND NOT withdrawn")
            ),
            cases_of_items=frozenset(
                row[0] for row in db.execute("SELECT item FROM \"case\" WHERE closed IS NULL AND item <> ''")
            ),
            cases_of_stations=cases,
            case_subjects=frozenset(row[0].partition(":")[2] for row in db.execute('SELECT key FROM "case"')),
            parked=_one(db, "SELECT count(*) FROM stream WHERE parked_id IS NOT NULL"),
            claimed_and_missing=_one(
                db,
                "SELECT coalesce(sum(high - upto), 0) FROM stream WHERE high > upto AND NOT EXISTS"
                " (SELECT 1 FROM \"case\" WHERE key = 'facts-not-delivered:' || stream.stream)",
            ),
        )


def _one(db: sqlite3.Connection, query: str) -> int:
    return int(db.execute(query).fetchone()[0] or 0)


def judge(disks: tuple[Disk, ...], tags: dict[str, list[tuple[str, str]]], ledger: Ledger) -> Account:
    """Compare; `tags` is item -> (side, id of request or return) in the order in which it was written."""
    problems: list[str] = []
    made = {fact: disk for disk in disks for fact in (*disk.account, *disk.held)}
    gone = [fact for fact in made if fact not in ledger.journal]
    reported = {fact for fact in gone if _told(made[fact], ledger)}
    lost = set(gone) - reported
    stations = {disk.station for disk in disks}
    invented = [
        fact
        for fact, (stream, *_) in ledger.journal.items()
        if fact not in made and ledger.stations.get(stream) in stations
    ]
    doubled = len(invented) + ledger.numbers_twice
    wrong = sum(_out_of_order(disk, ledger) for disk in disks)
    unheard, disagree = _tags(tags, ledger, reported)
    lost |= unheard
    voided = [
        fact
        for fact, (*_, outcome) in ledger.journal.items()
        if outcome not in ("applied", "void") or (outcome == "void" and fact not in ledger.case_subjects)
    ]
    unexplained = len(disagree) + ledger.parked + ledger.claimed_and_missing + len(voided)
    for count, what in (
        (len(lost), f"facts are lost: {sorted(lost)[:3]}"),
        (doubled, f"facts nobody made, or twice: {invented[:3]}"),
        (wrong, "pairs of facts are out of order"),
        (len(disagree), f"items whose tag and ledger disagree without a case: {disagree[:5]}"),
        (ledger.parked, "streams stand still"),
        (ledger.claimed_and_missing, "facts were announced and did not come, without a case"),
        (len(voided), "entries were set aside without a case"),
    ):
        if count:
            problems.append(f"{count} {what}")
    return Account(
        made=len(made),
        lost=len(lost),
        doubled=doubled,
        out_of_order=wrong,
        unexplained=unexplained,
        reported=len(reported),
        ok=not problems,
        problems=tuple(problems),
    )


def _told(disk: Disk, ledger: Ledger) -> bool:
    """Say whether a case tells that this disk could not bring back everything."""
    cases = ledger.cases_of_stations.get(disk.station, Counter())
    return disk.damaged and any(cases[kind] for kind in SALVAGED)


def _out_of_order(disk: Disk, ledger: Ledger) -> int:
    """Count neighbours of one disk's account that stand in the ledger the other way round."""
    wrong = 0
    known = [ledger.journal[fact] for fact in disk.account if fact in ledger.journal]
    for (stream, seq, received, _), (next_stream, next_seq, next_received, _) in pairwise(known):
        wrong += seq >= next_seq if stream == next_stream else received > next_received
    return wrong


def _tags(
    tags: dict[str, list[tuple[str, str]]], ledger: Ledger, reported: set[str]
) -> tuple[set[str], list[str]]:
    """Return ids of written tags that the ledger does not know, and items about which the two disagree."""
    unheard: set[str] = set()
    disagree = []
    for item, written in tags.items():
        for side, why in written:
            known = ledger.checkins if side == "secured" else ledger.loans.keys() | ledger.renewals
            if why not in known and why not in reported and item not in ledger.cases_of_items:
                unheard.add(why)
        lent = bool(written) and written[-1][0] == "unsecured"
        if lent != (item in ledger.on_loan) and item not in ledger.cases_of_items:
            disagree.append(item)
    return unheard, disagree
