"""The reckoning: does the ledger's file say what the tags say, and what the simulator knows it did?

Counts come from the ledger's SQLite file (opened read-only), from the memory of the simulated tags, and
from the onlooker; no daemon is asked. An item with an open case is explained: somebody will look at it.
"""

import sqlite3
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from sim.onlooker import Onlooker
from sim.world import SECURED, UNSECURED, World


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What the ledger's file holds."""

    loans: Counter[str]
    """Loans that were not withdrawn, by item."""
    returns: Counter[str]
    verified: Counter[str]
    """Tags that were reported turned for a loan or a return, and read back, by item."""
    unsure: Counter[str]
    """Tags of which a station reported that it does not know, by item: each may have been turned, or not."""
    open_loans: frozenset[str]
    open_cases: frozenset[str]
    """Items with an open case."""
    passages: int
    alarms: int
    doubled: int
    """Facts that stand twice in the journal under one number of one stream."""
    missing: int
    """Holes in the numbers of a stream, and entries that a station claimed and the ledger lacks."""


@dataclass
class _Lending:
    """A loan with those that only go on with it: a tag is turned once for all of them."""

    item: str
    tags: set[str | None]
    """What was reported of the tag."""


def _lendings(db: sqlite3.Connection) -> list[_Lending]:
    """Return the loans that were not withdrawn, each with its continuations for the same patron."""
    found: list[_Lending] = []
    for item, tag, goes_on in db.execute(
        "SELECT loan.item, tag, coalesce(answer.renewed, 0) FROM loan LEFT JOIN answer USING (request)"
        " WHERE NOT withdrawn ORDER BY loan.item, start"
    ):
        if goes_on and found and found[-1].item == item:
            found[-1].tags.add(tag)
        else:
            found.append(_Lending(item, {tag}))
    return found


def read_ledger(path: Path) -> LedgerFacts:
    """Read a ledger's file; the central that owns it may be running."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:

        def one(query: str) -> int:
            return int(db.execute(query).fetchone()[0] or 0)

        def by_item(query: str) -> Counter[str]:
            return Counter(dict(db.execute(query).fetchall()))

        loans = _lendings(db)
        return LedgerFacts(
            loans=Counter(loan.item for loan in loans),
            returns=by_item("SELECT item, count(*) FROM checkin GROUP BY item"),
            verified=Counter(loan.item for loan in loans if "written" in loan.tags)
            + by_item("SELECT item, count(*) FROM checkin WHERE secured = 'verified' GROUP BY item"),
            unsure=Counter(loan.item for loan in loans if loan.tags & {"written", "unknown"} == {"unknown"})
            + by_item("SELECT item, count(*) FROM checkin WHERE secured = 'unknown' GROUP BY item"),
            open_loans=frozenset(
                item for (item,) in db.execute("SELECT item FROM loan WHERE ended IS NULL AND NOT withdrawn")
            ),
            open_cases=frozenset(
                item
                for (item,) in db.execute("SELECT item FROM \"case\" WHERE closed IS NULL AND item != ''")
            ),
            passages=one("SELECT count(*) FROM passage"),
            alarms=one("SELECT count(*) FROM passage WHERE verdict = 'alarm'"),
            doubled=one(
                "SELECT coalesce(sum(n - 1), 0) FROM"
                " (SELECT count(*) AS n FROM journal GROUP BY stream, seq HAVING count(*) > 1)"
            ),
            missing=one("SELECT coalesce(sum(upto), 0) FROM stream")
            - one("SELECT count(*) FROM journal")
            + one("SELECT coalesce(sum(high - upto), 0) FROM stream WHERE high > upto"),
        )


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The totals of a day, and whether they agree."""

    loans: int
    returns: int
    tags_written: int
    tags_verified: int
    passages: int
    alarms: int
    points: int
    messages: int
    lost: int
    doubled: int
    ok: bool
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return the totals for JSON."""
        return asdict(self)


def _unreported(written: Counter[str], ledger: LedgerFacts) -> list[str]:
    """Return items whose tag was turned more or less often than a station reported, or may have thought."""
    return [
        item
        for item in sorted({*written, *ledger.verified} - ledger.open_cases)
        if not 0 <= written[item] - ledger.verified[item] <= ledger.unsure[item]
    ]


def reckon(
    world: World, ledger: LedgerFacts, onlooker: Onlooker, points: int, *, undisturbed: bool = True
) -> Reckoning:
    """Compare everything with everything.

    On a day on which central was killed (not `undisturbed`) its feed may miss an event: the feed is a
    state, the ledger's fact is what counts.
    """
    problems: list[str] = []
    lent = Counter(one.item for one in world.truth.written if one.afi == UNSECURED)
    returned = Counter(one.item for one in world.truth.written if one.afi == SECURED)
    explained = ledger.open_cases
    lost = doubled = 0
    for item in sorted(set(lent) | set(ledger.loans)):
        lost += max(lent[item] - ledger.loans[item], 0) if item not in explained else 0
        doubled += max(ledger.loans[item] - lent[item], 0) if item not in explained else 0
    for item in sorted(set(returned) | set(ledger.returns)):
        lost += max(returned[item] - ledger.returns[item], 0) if item not in explained else 0
    disagree = [
        item
        for item in world.tags
        if item not in explained and world.lent(item) != (item in ledger.open_loans)
    ]
    lost += ledger.missing + len(disagree)
    doubled += ledger.doubled
    if disagree:
        problems.append(f"{len(disagree)} items whose tag and ledger disagree: {disagree[:5]}")
    if ledger.missing:
        problems.append(f"{ledger.missing} facts that a station holds and the ledger lacks")
    if lost - ledger.missing - len(disagree):
        problems.append("tags were written for loans or returns that are not in the ledger")
    if doubled:
        problems.append(f"{doubled} facts are in the ledger more than once")
    if ledger.passages != world.truth.walks:
        problems.append(f"{world.truth.walks} walks through the gate, {ledger.passages} in the ledger")
    heard = onlooker.feed["gate-alarm"]
    if world.truth.thefts != ledger.alarms or (undisturbed and heard != ledger.alarms):
        problems.append(f"{world.truth.thefts} thefts, {ledger.alarms} alarms in the ledger, {heard} heard")
    if not points:
        problems.append("no measurement was stored")
    verified = ledger.verified.total()
    if unreported := _unreported(lent + returned, ledger):
        told = f"{len(world.truth.written)} tags written, {verified} reported and read back"
        problems.append(f"{told}; not so, and no station said that it is unsure: {unreported[:5]}")
    return Reckoning(
        loans=sum(ledger.loans.values()),
        returns=sum(ledger.returns.values()),
        tags_written=len(world.truth.written),
        tags_verified=verified,
        passages=ledger.passages,
        alarms=heard,
        points=points,
        messages=onlooker.messages,
        lost=lost,
        doubled=doubled,
        ok=not problems,
        problems=tuple(problems),
    )
