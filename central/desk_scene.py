"""What one entry sees while it is applied: its place, its time, the ledger, and what it leaves behind.

A `Group` is one transaction; each entry in it can be taken back alone, so what it left behind is marked
and cut off with its savepoint.
"""

from dataclasses import dataclass, field
from typing import Literal

from central.authority import Authority
from central.ledger.hot_sqlite import Hot
from central.ledger.rows import Begun, ItemRow, OpenCase, moment
from central.results import CaseClosed, CaseOpened, Effect, FeedWord, Happened
from central.seal import Seal
from circulation.policy import Policy


@dataclass(slots=True)
class Group:
    """One transaction of the desk."""

    hot: Hot
    authority: Authority
    policy: Policy
    now: int
    """Central's time of this commit, ms."""
    last_n: int
    """Number of the last item change."""
    seal: Seal
    begun: Begun
    effects: list[Effect] = field(default_factory=list)
    changes: list[tuple[int, str, int, str]] = field(default_factory=list)
    """(n, item, version, word)"""
    asked: bool = False
    """Whether something changed that the runner of an authority elsewhere should look at."""

    _fines: bool | None = None

    def any_hold(self) -> bool:
        """Say whether anybody waits for anything: asked once for all that this transaction holds."""
        return self.authority.at_once and self.begun.any_hold

    def any_owed(self) -> bool:
        """Say whether anybody owes anything."""
        return self.authority.at_once and self.begun.any_owed

    def any_in_doubt(self) -> bool:
        """Say whether an item's state hangs on a time that is in doubt."""
        return self.begun.any_in_doubt

    def fines(self) -> bool:
        """Say whether the policy charges anybody for a late return."""
        if self._fines is None:
            told = [self.policy.fees.fine_per_day, *(rule.fine_per_day for rule in self.policy.rules)]
            self._fines = self.authority.at_once and any(one and one.strip("0.") for one in told)
        return self._fines

    def beside(self) -> None:
        """A hold was placed, or a fee charged: from here on there may be some."""
        self.begun = self.begun._replace(any_hold=True, any_owed=True)

    def in_doubt(self) -> None:
        """A time is in doubt now."""
        self.begun = self.begun._replace(any_in_doubt=True)

    def mark(self) -> tuple[int, int]:
        """Return where an entry begins."""
        return len(self.effects), len(self.changes)

    def back(self, mark: tuple[int, int]) -> None:
        """Forget what an entry left behind."""
        effects, changes = mark
        del self.effects[effects:]
        self.last_n -= len(self.changes) - changes
        del self.changes[changes:]


@dataclass(slots=True)
class Scene:
    """One entry being applied."""

    group: Group
    hot: Hot
    station: str
    branch: str
    zone: str
    stream: str
    fact: str
    at: int
    """When it happened, corrected, ms."""
    doubt: bool = False
    """Whether that time is a guess: no clock said anything that could be believed."""
    tag: Literal["told"] | None = None
    """At a terminal, which reports on no tag: that it was told what to do with this one."""

    def tell(self, event: FeedWord, detail: str = "") -> None:
        """Leave a line for the branch's feed."""
        self.group.effects.append(Happened(event, self.station, self.branch, moment(self.at), detail))

    def open_case(self, kind: str, subject: str, *, item: str = "", detail: str = "") -> None:
        """Open a case, once: `kind:subject` is its key."""
        case = OpenCase(f"{kind}:{subject}", kind, self.station, self.branch)
        now = self.group.now
        if self.hot.open_case(case, item, detail, now):
            self.group.effects.append(
                CaseOpened(case.key, kind, self.station, self.branch, moment(now), detail)
            )
            self.tell("case", kind)

    def open_doubt(self, item: str, detail: str) -> None:
        """The ledger's word on an item hangs on a guessed time: somebody must look where the item is."""
        self.open_case("time-in-doubt", item, item=item, detail=detail)
        self.group.in_doubt()

    def close_doubt(self, item: str) -> None:
        """Something happened to the item after all that was in doubt, at a time that is sure."""
        if not self.doubt and self.group.any_in_doubt():
            self.close_case(f"time-in-doubt:{item}")

    def close_case(self, key: str) -> None:
        """Close a case if it is open."""
        now = self.group.now
        case = self.hot.close_case(key, now)
        if case is not None:
            self.group.effects.append(CaseClosed(case.key, case.kind, case.station, case.branch, moment(now)))

    def number(self, row: ItemRow, version: int, word: str) -> None:
        """Number a change of an item's state, for the gates; written down with the whole group."""
        group = self.group
        group.last_n += 1
        group.changes.append((group.last_n, row.item, version, word))
