"""The end of a history: what the ledger's file, the tags and the open cases say, beside what was promised.

No daemon is asked. `Ending.see` notes one thing that was looked at; `Ending.account` compares every fact that
any disk held with the ledger (`sim.chaos.judge`) and every tag with the loan that the ledger has.
"""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from central.ledger.rules import RULES
from sim.chaos.judge import judge, read_ledger
from sim.histories.house import House


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    expected: str
    seen: str

    @property
    def right(self) -> bool:
        """Whether it is as promised."""
        return self.expected == self.seen

    @property
    def words(self) -> str:
        """What was seen, and what should have been."""
        return f"{self.what}: {self.seen}" + ("" if self.right else f" (and not {self.expected})")


@dataclass
class Ending:
    """What is found at the end of one history."""

    house: House
    findings: list[Finding] = field(default_factory=list)
    facts: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything is as promised."""
        return bool(self.findings) and all(finding.right for finding in self.findings)

    @property
    def words(self) -> str:
        """Everything that was seen, as one sentence."""
        return "; ".join(finding.words for finding in self.findings)

    def see(self, what: str, seen: object, expected: object) -> None:
        """Note what was seen of something, and what was promised."""
        self.findings.append(Finding(what, str(expected), str(seen)))

    def item(self, name: str, item: str, *, loan: str, tag: str) -> None:
        """Look at one item: `loan` is `open`, `none`, or `open of PATRON`; `tag` is its side."""
        seen = f"loan {self.loan_of(item, patron=' of ' in loan)}, tag {self.house.tag_of(item)}"
        self.see(name, seen, f"loan {loan}, tag {tag}")

    def loan_of(self, item: str, *, patron: bool = False) -> str:
        """Return what the ledger says of an item: `open` (of whom), or `none`."""
        query = "SELECT patron FROM loan WHERE item = ? AND ended IS NULL AND NOT withdrawn"
        found = self.ask(query, item)
        if not found:
            return "none"
        return f"open of {found[0][0]}" if patron else "open"

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the ledger's file."""
        path = self.house.ledger_path
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
            return db.execute(query, values).fetchall()

    def cases(self) -> Counter[str]:
        """Return the kinds of open cases, and whose they are: `kind at station`."""
        return Counter(
            f"{kind} at {station}"
            for kind, station in self.ask('SELECT kind, station FROM "case" WHERE closed IS NULL')
        )

    def account(
        self, *cases: str, some: tuple[str, ...] = (), reported: int = 0, astray: tuple[str, ...] = ()
    ) -> None:
        """Look at all facts, all tags and the open cases: these and no others; those in `some` once or more.

        `reported` facts went down with a disk, which a case tells; `astray` are items whose returns did.
        """
        ledger = read_ledger(self.house.ledger_path)
        found = judge(self.house.disks(), {}, ledger)
        self.facts = found.made
        wrong = {
            "lost": found.lost,
            "doubled": found.doubled,
            "out of order": found.out_of_order,
            "unexplained": found.unexplained,
        }
        said = ", ".join(f"{count} {what}" for what, count in wrong.items() if count)
        self.see(f"{found.made} facts", said or "each once and in order", "each once and in order")
        if reported or found.reported:
            self.see("facts of which a case tells that they are gone", found.reported, reported)
        broken = [rule.broken for rule in RULES if self.ask(rule.query)[0][0]]
        self.see("the ledger", f"broken: {_list(broken)}" if broken else "sound", "sound")
        disagree = [
            item
            for item in self.house.world.tags
            if self.house.world.lent(item) != (item in ledger.on_loan) and item not in ledger.cases_of_items
        ]
        self.see("tags that disagree with it, and no case of the item", _list(disagree), _list(astray))
        kinds = self.cases()
        found_kinds = [*(kinds - Counter({kind: kinds[kind] - 1 for kind in some})).elements()]
        self.see("open cases", _list(sorted(found_kinds)), _list(sorted((*cases, *some))))


def _list(words: "list[str] | tuple[str, ...]") -> str:
    return ", ".join(words) or "none"
