"""What patrons do in a day, as a plan that follows from a seed alone. Pure.

A plan assumes that everything works, so that it can send back only what was lent; whoever plays it
does each step with whatever is really at hand. The same seed gives the same day, to the second.
"""

import random
from dataclasses import dataclass
from typing import Literal

from sim.catalogue import Book, Person

Errand = Literal["borrow", "return-kiosk", "return-bin", "carry-out-unlent"]
Habit = Literal["none", "hurried", "forgets-card", "checks-first"]


@dataclass(frozen=True, slots=True)
class Outing:
    """One patron's errand: when, what for, with which items, and how."""

    at: float
    """Seconds after opening, in the plan's own time."""
    errand: Errand
    person: Person
    books: tuple[Book, ...]
    habit: Habit = "none"
    walks_out: bool = True
    """Goes through the gate afterwards, with what is then in hand."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How busy the day is."""

    gap_s: float = 4.0
    """Mean seconds between two arrivals."""
    stack: tuple[int, ...] = (1, 1, 2, 2, 3, 3, 4, 5)
    """Stack sizes, drawn evenly."""
    theft: float = 0.06
    """Share of errands that carry an unlent item out."""


def plan(
    seed: int,
    people: tuple[Person, ...],
    shelves: tuple[Book, ...],
    *,
    seconds: float,
    pace: Pace | None = None,
) -> tuple[Outing, ...]:
    """Return the day of `seed`: outings in order of time, none of two patrons with one item at once."""
    pace = pace or Pace()
    rng = random.Random(seed)
    shelf = list(shelves)
    rng.shuffle(shelf)
    held: dict[Person, list[Book]] = {}
    outings: list[Outing] = []
    now = 0.0
    opening: list[Errand] = ["borrow", "carry-out-unlent", "borrow", "return-bin", "return-kiosk"]
    while now < seconds:
        errand = opening.pop(0) if opening else _errand(rng, pace, any(held.values()))
        outing = _outing(rng, pace, now, errand, people, shelf, held)
        if outing is not None:
            outings.append(outing)
        now += rng.expovariate(1 / pace.gap_s) if outings else 0.0
    return tuple(outings)


def _errand(rng: random.Random, pace: Pace, anything_held: bool) -> Errand:
    if rng.random() < pace.theft:
        return "carry-out-unlent"
    if anything_held and rng.random() < 0.45:
        return "return-bin" if rng.random() < 0.5 else "return-kiosk"
    return "borrow"


def _outing(
    rng: random.Random,
    pace: Pace,
    now: float,
    errand: Errand,
    people: tuple[Person, ...],
    shelf: list[Book],
    held: dict[Person, list[Book]],
) -> Outing | None:
    """Return one outing and move its books between shelf and hands as if all went well."""
    if errand in ("return-bin", "return-kiosk"):
        holders = [person for person in people if held.get(person)]
        if not holders:
            errand = "borrow"
        else:
            person = rng.choice(holders)
            books = tuple(held[person][: rng.choice((1, 2, 3))])
            held[person] = held[person][len(books) :]
            shelf.extend(books)
            return Outing(now, errand, person, books, walks_out=rng.random() < 0.5)
    if not shelf:
        return None
    person = rng.choice(people)
    if errand == "carry-out-unlent":
        return Outing(now, errand, person, (rng.choice(shelf),))
    books = tuple(shelf.pop(0) for _ in range(min(rng.choice(pace.stack), len(shelf))))
    held.setdefault(person, []).extend(books)
    return Outing(now, errand, person, books, _habit(rng), walks_out=rng.random() < 0.85)


def _habit(rng: random.Random) -> Habit:
    draw = rng.random()
    if draw < 0.08:
        return "hurried"
    if draw < 0.14:
        return "forgets-card"
    if draw < 0.30:
        return "checks-first"
    return "none"
