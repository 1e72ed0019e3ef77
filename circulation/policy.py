"""What a library chooses: loan periods, limits, renewals, retention. Read from TOML by `wire.settings`.

Terms are looked up by patron class, item class and branch. Each term is taken from the most specific
rule that sets it: the patron class weighs more than the item class, that more than the branch; what no
rule sets comes from the defaults.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import Field

from wire.settings import Settings

ANY = "*"


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one patron class, item class and branch."""

    loan_days: int
    renewals: int
    limit: int
    class_limit: int | None
    for_loan: bool


class Defaults(Settings):
    """Terms where no rule says otherwise."""

    loan_days: int = Field(28, ge=0, le=3650, description="Days a loan lasts.")
    renewals: int = Field(2, ge=0, description="How often a loan may be renewed.")
    limit: int = Field(30, ge=0, description="How many items a patron may have in all.")
    class_limit: int | None = Field(
        None, ge=0, description="How many items of one item class a patron may have."
    )
    for_loan: bool = Field(True, description="Whether items may leave the library at all.")


class Rule(Settings):
    """Terms for some patrons, items or branches. A term left out falls through to a less specific rule."""

    patron: str = Field(ANY, description="Patron class, or * for every one.")
    item: str = Field(ANY, description="Item class, or * for every one.")
    branch: str = Field(ANY, description="Branch where it is lent, or * for every one.")
    loan_days: int | None = Field(None, ge=0, le=3650, description="Days a loan lasts.")
    renewals: int | None = Field(None, ge=0, description="How often a loan may be renewed.")
    limit: int | None = Field(None, ge=0, description="How many items a patron may have in all.")
    class_limit: int | None = Field(
        None, ge=0, description="How many items of this item class a patron may have."
    )
    for_loan: bool | None = Field(None, description="Whether these items may leave the library.")

    def matches(self, patron: str, item: str, branch: str) -> bool:
        """Say whether the rule is about this patron class, item class and branch."""
        return self.patron in (ANY, patron) and self.item in (ANY, item) and self.branch in (ANY, branch)

    def weight(self) -> int:
        """Return how specific the rule is; the higher one wins."""
        return 4 * (self.patron != ANY) + 2 * (self.item != ANY) + (self.branch != ANY)


class Retention(Settings):
    """When the ledger forgets."""

    loan_days: int = Field(
        0, ge=0, le=3650, description="Days after the return during which who had an item is still known."
    )
    dead_letter_days: int = Field(
        30, ge=0, le=3650, description="Days during which an entry nobody could decode keeps its body."
    )
    change_days: int = Field(
        30, ge=1, le=3650, description="Days of numbered item changes kept; an older copy takes a snapshot."
    )


class Policy(Settings):
    """The rules of one installation."""

    defaults: Defaults = Field(Defaults(), description="Terms where no rule says otherwise.")
    rules: tuple[Rule, ...] = Field((), description="Terms for some; [[rules]] in TOML.")
    on_loan_elsewhere: Literal["implied-return", "refuse"] = Field(
        "implied-return",
        description="An item on loan to somebody else lies on a pad: it came back unseen, or staff look.",
    )
    greet_by_name: bool = Field(True, description="Whether kiosks may show a patron's first name.")
    retention: Retention = Field(Retention(), description="When the ledger forgets.")
    settle_minutes: int = Field(
        15, ge=1, description="After this a loan or return whose tag nobody reported on becomes a case."
    )

    @cached_property
    def _terms(self) -> dict[tuple[str, str, str], Terms]:
        """Terms worked out before; asked for with every request, so worked out once."""
        return {}

    def terms(self, patron: str, item: str, branch: str) -> Terms:
        """Return the terms for a patron class, an item class and a branch."""
        known = self._terms
        terms = known.get((patron, item, branch))
        if terms is None:
            terms = known[patron, item, branch] = self._work_out(patron, item, branch)
        return terms

    def _work_out(self, patron: str, item: str, branch: str) -> Terms:
        chosen = self.defaults.model_dump()
        for rule in sorted(self.rules, key=Rule.weight):
            if rule.matches(patron, item, branch):
                told = rule.model_dump(exclude={"patron", "item", "branch"}, exclude_none=True)
                chosen.update(told)
        return Terms(**chosen)
