"""What the stations of the bench have to say: 70 % checkouts, 20 % checkins of them, 10 % passages."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CARDS = 2000


def items(station: str, facts: int) -> list[str]:
    """Return the items that one station lends."""
    return [f"{station}-{n:06d}" for n in range(facts)]


def cards() -> list[str]:
    """Return the cards of all patrons."""
    return [f"card-{n:04d}" for n in range(CARDS)]


def bodies(station: str, number: int, facts: int, at: datetime) -> Iterator[dict[str, Any]]:
    """Return what the station with this number says, in order."""
    known, lent, free = cards(), list[str](), items(station, facts)
    stamp = {"at": at.isoformat(), "clock": "synced", "boot": f"boot-{number}"}
    for n in range(facts):
        common = {**stamp, "mono": n}
        kind = (n + number) % 10
        if kind == 9:
            yield {"schema": "passage/1", **common, "direction": "out", "verdict": "pass", "silent": 2}
        elif kind in (4, 8) and lent:
            item = lent.pop(0)
            free.append(item)
            yield {"schema": "checkin/1", **common, "item": item, "via": "bin"}
        else:
            item = free.pop(0)
            lent.append(item)
            card = known[(number * 7 + n) % len(known)]
            yield {"schema": "checkout/1", **common, "visit": f"v{n}", "card": card, "item": item}


def write(path: Path, stations: Sequence[str], facts: int) -> None:
    """Write the plan that `stations.c` reads."""
    at = datetime.now(UTC)
    with path.open("w") as plan:
        for number, station in enumerate(stations):
            plan.write(f"S {station}\n")
            for n, body in enumerate(bodies(station, number, facts, at)):
                asks = int(body["schema"] == "checkout/1")
                text = json.dumps(body, separators=(",", ":"))
                plan.write(f"F {station}-{n:07d} {asks} {text}\n")


def registry(stations: Sequence[str], facts: int) -> dict[str, Any]:
    """Return what the ledger must know so that every checkout is granted by the policy."""
    return {
        "branches": [{"branch": "main", "name": "Main", "zone": "Europe/Berlin"}],
        "stations": [{"station": s, "branch": "main", "kind": "kiosk", "name": s} for s in stations],
        "patrons": [
            {
                "patron": f"p{n}",
                "card": card,
                "first_name": "",
                "class": "adult",
                "home": "main",
                "language": "en",
            }
            for n, card in enumerate(cards())
        ],
        "items": [
            {"item": item, "title": item, "class": "book", "media": "book", "owner": "XX-B", "branch": "main"}
            for station in stations
            for item in items(station, facts)
        ],
    }
