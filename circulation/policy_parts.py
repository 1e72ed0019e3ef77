"""Sections of the policy: when branches are open, what is charged, how items are waited for.

Each is a table of settings with what it comes to. Left out, they change nothing: every day is open, nothing
is charged, due dates stay where they fall.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from circulation.calendar import ALWAYS, WEEKDAYS, Calendar, Closure, closure
from circulation.money import Amount, Currency, minor
from wire.settings import Settings

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _closed_days(text: object) -> object:
    if isinstance(text, date):
        text = text.isoformat()
    if isinstance(text, str):
        closure(text)
    return text


ClosedDays = Annotated[str, BeforeValidator(_closed_days)]
"""A closure as `circulation.calendar.closure` reads it; a bare TOML date is one, too."""


class BranchCalendar(Settings):
    """When one branch is open."""

    branch: str = Field(description="The branch.")
    weekdays: tuple[Weekday, ...] | None = Field(
        None, description="Days of the week on which it opens; unset: as everywhere."
    )
    closed: tuple[ClosedDays, ...] = Field(
        (), description="Days on which it is closed besides those of every branch."
    )


class CalendarSettings(Settings):
    """When branches are open."""

    weekdays: tuple[Weekday, ...] = Field(WEEKDAYS, description="Days of the week on which branches open.")
    closed: tuple[ClosedDays, ...] = Field(
        (),
        description='Days on which all are closed: "2026-06-05", "12-25" (every year), "12-24/01-02".',
    )
    due_on_open_days: bool = Field(
        False, description="Whether a due date on which the branch is closed moves to its next open day."
    )
    branches: tuple[BranchCalendar, ...] = Field(
        (), description="Branches that open otherwise; [[calendar.branches]] in TOML."
    )

    @model_validator(mode="after")
    def _each_branch_once(self) -> Self:
        """Refuse a branch that has two calendars."""
        named = [one.branch for one in self.branches]
        twice = sorted({branch for branch in named if named.count(branch) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)}: a branch has one calendar; put its days together")
        return self

    def of(self, branch: str) -> Calendar:
        """Return the calendar of a branch."""
        own = next((one for one in self.branches if one.branch == branch), BranchCalendar(branch=branch))
        weekdays = self.weekdays if own.weekdays is None else own.weekdays
        closures: tuple[Closure, ...] = tuple(closure(text) for text in (*self.closed, *own.closed))
        made = Calendar(frozenset(WEEKDAYS.index(day) for day in weekdays), closures)
        return ALWAYS if made == ALWAYS else made


class FeeSettings(Settings):
    """What is charged. Terms that differ by patron class, item class or branch stand in the rules."""

    currency: Currency = Field("EUR", description="The library's one currency, as ISO 4217 names it.")
    fine_per_day: Amount = Field("0", description='What a day late costs, like "0.20".')
    grace_days: int = Field(0, ge=0, le=3650, description="Days late that cost nothing, to anyone.")
    max_fine: Amount | None = Field(
        None, description='The most that one late loan costs, like "10.00"; unset is no limit.'
    )
    charge_closed_days: bool = Field(
        False, description="Whether a day late costs something when the branch was closed."
    )
    rental_fee: Amount = Field(
        "0", description='What lending or renewing costs, like "1.50"; the patron must agree to it first.'
    )
    block_at: Amount | None = Field(
        None, description='Who owes as much, like "20.00", is lent nothing more; unset is no limit.'
    )

    @field_validator("fine_per_day", "max_fine", "rental_fee", "block_at")
    @classmethod
    def _whole_minor_units(cls, amount: str | None, given: ValidationInfo) -> str | None:
        """Refuse an amount that the currency has no coin for."""
        if amount is not None and "currency" in given.data:
            minor(amount, given.data["currency"])
        return amount


class HoldSettings(Settings):
    """How items are waited for."""

    holdable: bool = Field(True, description="Whether a hold can be placed at all.")
    limit: int = Field(20, ge=0, description="How many holds a patron may have at once.")
    ready_days: int = Field(
        7, ge=0, le=3650, description="Days an item is kept on the hold shelf; the last is an open one."
    )
    pickup: tuple[str, ...] = Field(
        (), description="Branches where items are collected; none named: at every one."
    )
    block_waiting: bool = Field(
        False, description="Whether an item that others wait for is refused even before it is caught for one."
    )
    renew_when_wanted: bool = Field(
        False, description="Whether a loan may be renewed although somebody waits for the item."
    )
