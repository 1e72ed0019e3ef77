"""The demo library: a branch, its patrons and its shelves, as the seed file that a ledger loads.

Titles are of works in the public domain; patrons are named after trees. Everything is computed from
numbers, so that two machines have the same library.
"""

from dataclasses import dataclass
from typing import Any

OWNER = "XX-TLF"
"""ISIL-shaped owner code of the demo library (ISO 15511; XX is assigned to nobody)."""
BRANCH = "harbour"

TITLES: tuple[str, ...] = (
    "Alice's Adventures in Wonderland", "Around the World in Eighty Days", "Black Beauty", "Bleak House",
    "Cranford", "Dracula", "Emma", "Ethan Frome", "Far from the Madding Crowd", "Frankenstein",
    "Great Expectations", "Gulliver's Travels", "Hard Times", "Howards End", "Ivanhoe", "Jane Eyre", "Kim",
    "Kidnapped", "Les Misérables", "Little Women", "Madame Bovary", "Mansfield Park", "Middlemarch",
    "North and South", "Northanger Abbey", "Oliver Twist", "Persuasion", "Peter Pan", "Pride and Prejudice",
    "Robinson Crusoe", "A Room with a View", "Sense and Sensibility", "Silas Marner",
    "The Age of Innocence", "The Call of the Wild", "The Canterbury Tales", "The Count of Monte Cristo",
    "The Importance of Being Earnest", "The Jungle Book", "The Moonstone", "The Picture of Dorian Gray",
    "The Prisoner of Zenda", "The Railway Children", "The Red Badge of Courage", "The Scarlet Letter",
    "The Secret Garden", "The Time Machine", "The Turn of the Screw", "The War of the Worlds",
    "The Wind in the Willows", "The Woman in White", "Treasure Island", "Ulysses", "Vanity Fair", "Villette",
    "Walden", "War and Peace", "White Fang", "Wuthering Heights",
)  # fmt: skip

TREES: tuple[str, ...] = (
    "Rowan", "Hazel", "Linden", "Olive", "Willow", "Laurel", "Juniper", "Myrtle", "Alder", "Aspen", "Cedar",
    "Holly", "Maple", "Acacia", "Elder", "Magnolia",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Book:
    """One item of the demo library and the tag glued into it."""

    item: str
    title: str
    uid: str
    """ISO 15693 UID, 16 hex digits, NXP's E0 04."""


@dataclass(frozen=True, slots=True)
class Person:
    """One simulated patron and the card in the pocket."""

    patron: str
    name: str
    language: str
    card: str
    """The card's number: its seven-byte UID in hex, as the reader's FF CA answers."""


def books(count: int = len(TITLES) * 3) -> tuple[Book, ...]:
    """Return `count` items; every title has several copies."""
    return tuple(
        Book(f"30{n + 1:06d}", TITLES[n % len(TITLES)], f"E0040150{0x10000000 + n * 7919:08X}")
        for n in range(count)
    )


def people(count: int = 60) -> tuple[Person, ...]:
    """Return `count` patrons. The first is the newcomer, who holds the card on screen."""
    return tuple(
        Person(
            f"P{n + 1:05d}",
            TREES[n % len(TREES)],
            "de" if n % 4 == 3 else "en",
            f"04A1B2{0x1000 + n * 37:04X}{n:02X}80"[:14],
        )
        for n in range(count)
    )


def seed(stations: dict[str, str], *, limit_books: int | None = None) -> dict[str, Any]:
    """Return the seed document for `turnleaf ledger load`; `stations` maps name to kind."""
    return {
        "branches": [{"branch": BRANCH, "name": "Harbour branch", "zone": "Europe/Berlin"}],
        "stations": [
            {"station": name, "branch": BRANCH, "kind": kind, "name": name.replace("-", " ").capitalize()}
            for name, kind in stations.items()
        ],
        "patrons": [
            {
                "patron": person.patron,
                "card": person.card,
                "first_name": person.name,
                "class": "adult",
                "home": BRANCH,
                "language": person.language,
            }
            for person in people()
        ],
        "items": [
            {
                "item": book.item,
                "title": book.title,
                "class": "book",
                "media": "book",
                "owner": OWNER,
                "branch": BRANCH,
            }
            for book in books()[:limit_books]
        ],
    }
