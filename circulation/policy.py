"""What a library chooses: loan periods, limits, fees, holds, retention. Read from TOML by `wire.settings`.

Terms are looked up by patron class, item class and branch. Each term is taken from the most specific
rule that sets it: the patron class weighs more than the item class, that more than the branch; what no
rule sets comes from the defaults.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from circulation.calendar import ALWAYS, Calendar
from circulation.money import Amount, minor
from circulation.policy_parts import CalendarSettings, FeeSettings, HoldSettings
from wire.settings import Settings

ANY = "*"
AMOUNTS = ("fine_per_day", "max_fine", "rental_fee")
"""Terms that are amounts: decimal texts in settings, minor units in `Terms`."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one patron class, item class and branch."""

    loan_days: int
    renewals: int
    limit: int
    class_limit: int | None
    for_loan: bool
    overdue_limit: int | None = None
    holdable: bool = True
    hold_limit: int = 20
    fine_per_day: int = 0
    """Amounts are in minor units of the policy's currency (cents)."""
    grace_days: int = 0
    max_fine: int | None = None
    rental_fee: int = 0


class Defaults(Settings):
    """Terms where no rule says otherwise."""

    loan_days: int = Field(28, ge=0, le=3650, description="Days a loan lasts.")
    renewals: int = Field(2, ge=0, description="How often a loan may be renewed.")
    limit: int = Field(30, ge=0, description="How many items a patron may have in all.")
    class_limit: int | None = Field(
        None, ge=0, description="How many items of one item class a patron may have."
    )
    for_loan: bool = Field(True, description="Whether items may leave the library at all.")
    overdue_limit: int | None = Field(
        None, ge=1, description="With as many items overdue a patron is lent nothing more; unset is no limit."
    )


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
    overdue_limit: int | None = Field(
        None, ge=1, description="With as many items overdue a patron is lent nothing more."
    )
    holdable: bool | None = Field(None, description="Whether a hold can be placed on these items.")
    hold_limit: int | None = Field(None, ge=0, description="How many holds a patron may have at once.")
    fine_per_day: Amount | None = Field(None, description='What a day late costs, like "0.20".')
    grace_days: int | None = Field(None, ge=0, le=3650, description="Days late that cost nothing.")
    max_fine: Amount | None = Field(None, description='The most that one late loan costs, like "10.00".')
    rental_fee: Amount | None = Field(
        None, description='What lending or renewing one of these costs, like "1.50".'
    )

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
    pin_of_none: Literal["wrong", "right"] = Field(
        "wrong",
        description="What a PIN is that is given for a patron who has none (an empty one is always right)."
        " Right: for terminals that send one whatever was typed.",
    )
    greet_by_name: bool = Field(True, description="Whether kiosks may show a patron's first name.")
    retention: Retention = Field(Retention(), description="When the ledger forgets.")
    settle_minutes: int = Field(
        15, ge=1, description="After this a loan or return whose tag nobody reported on becomes a case."
    )

    calendar: CalendarSettings = Field(CalendarSettings(), description="When branches are open.")
    fees: FeeSettings = Field(FeeSettings(), description="What is charged.")
    holds: HoldSettings = Field(HoldSettings(), description="How items are waited for.")

    @model_validator(mode="after")
    def _whole_minor_units(self) -> Self:
        """Refuse an amount that the currency has no coin for."""
        for number, rule in enumerate(self.rules):
            for name in AMOUNTS:
                amount = getattr(rule, name)
                if amount is not None:
                    try:
                        minor(amount, self.fees.currency)
                    except ValueError as error:
                        raise ValueError(f"rules.{number}.{name}: {error}") from None
        return self

    def __copy__(self) -> Self:
        """Copy the settings alone: what was worked out from them may not hold for a copy with others."""
        copied = super().__copy__()
        for name in ("block_at", "_calendars", "_terms"):
            copied.__dict__.pop(name, None)
        return copied

    @cached_property
    def block_at(self) -> int | None:
        """What a patron may owe before lending stops, in minor units; None: any amount."""
        return None if self.fees.block_at is None else minor(self.fees.block_at, self.fees.currency)

    def open_days(self, branch: str) -> Calendar:
        """Return the opening calendar of a branch."""
        known = self._calendars
        found = known.get(branch)
        if found is None:
            found = known[branch] = self.calendar.of(branch)
        return found

    def due_calendar(self, branch: str) -> Calendar | None:
        """Return the calendar to whose open days due dates move on; None: they stay where they fall."""
        return self.open_days(branch) if self.calendar.due_on_open_days else None

    def fine_calendar(self, branch: str) -> Calendar:
        """Return the calendar whose open days are charged: every day, if closed ones are charged too."""
        return ALWAYS if self.fees.charge_closed_days else self.open_days(branch)

    @cached_property
    def _calendars(self) -> dict[str, Calendar]:
        """Calendars worked out before, by branch."""
        return {}

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
        fees, holds = self.fees, self.holds
        chosen = self.defaults.model_dump() | {
            "holdable": holds.holdable,
            "hold_limit": holds.limit,
            "fine_per_day": fees.fine_per_day,
            "grace_days": fees.grace_days,
            "max_fine": fees.max_fine,
            "rental_fee": fees.rental_fee,
        }
        for rule in sorted(self.rules, key=Rule.weight):
            if rule.matches(patron, item, branch):
                told = rule.model_dump(exclude={"patron", "item", "branch"}, exclude_none=True)
                chosen.update(told)
        for name in AMOUNTS:
            if chosen[name] is not None:
                chosen[name] = minor(chosen[name], fees.currency)
        return Terms(**chosen)
