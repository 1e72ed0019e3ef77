"""Shelf reading: what stands on a shelf against what should. Pure.

Missing: it should stand here and was not seen. Misplaced: it was seen and belongs elsewhere. Foreign: a tag
of another library. Unsecured: it stands here with an open tag, so a return went wrong or a loan was not
recorded. On loan: the ledger thinks a patron has it, and it stands here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from firmware_bridge.tags.reading import ForeignTag, ItemTag, TagReading

Finding = Literal["here", "missing", "misplaced", "foreign", "unsecured", "on-loan", "unreadable"]


@dataclass(frozen=True, slots=True)
class Holding:
    """An item as the ledger, or a list, knows it."""

    item: str
    shelf: str = ""
    on_loan: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report."""

    item: str
    finding: Finding
    detail: str = ""


def compare(holdings: Iterable[Holding], readings: Iterable[TagReading], shelf: str = "") -> tuple[Line, ...]:
    """Return the report, in the order of the list; items that are where they should be come, too.

    With a `shelf` only its items should be here; without one, all of the list.
    """
    known = {holding.item: holding for holding in holdings}
    seen: dict[str, TagReading] = {}
    others: list[Line] = []
    for reading in readings:
        if isinstance(reading, ItemTag):
            seen[reading.item] = reading
        elif isinstance(reading, ForeignTag):
            others.append(Line("", "foreign", f"tag {reading.uid} of {reading.owner or 'an unknown owner'}"))
        else:
            others.append(Line("", "unreadable", f"tag {reading.uid}"))
    lines = [line for holding in known.values() for line in _of(holding, seen.pop(holding.item, None), shelf)]
    lines += [Line(item, "misplaced", "not in the list") for item in sorted(seen)]
    return (*lines, *sorted(set(others), key=lambda line: line.detail))


def _of(holding: Holding, seen: TagReading | None, shelf: str) -> list[Line]:
    belongs = not shelf or holding.shelf == shelf
    if seen is None:
        return [Line(holding.item, "missing")] if belongs and not holding.on_loan else []
    found: list[Line] = []
    if not belongs:
        found.append(Line(holding.item, "misplaced", f"belongs to {holding.shelf or 'no shelf'}"))
    if holding.on_loan:
        found.append(Line(holding.item, "on-loan", "the ledger says that a patron has it"))
    if isinstance(seen, ItemTag) and seen.security != "secured":
        found.append(Line(holding.item, "unsecured", f"its tag is {seen.security}"))
    return found or [Line(holding.item, "here")]
