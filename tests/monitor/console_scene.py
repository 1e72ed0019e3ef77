"""Fleets that do not move: what the console is shown in tests, in snapshots and in the docs."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.app import Console
from monitor.feed import Args, Connection, MemoryFeed
from monitor.fleet import Arrived
from wire.clock import FakeClock
from wire.messages.states import (
    AlarmState,
    CentralStatus,
    FeedEvent,
    FleetEntry,
    Occupancy,
    Operated,
    Part,
)
from wire.topics import topic

NOW = datetime(2026, 5, 4, 8, 41, 7, tzinfo=UTC)
BOOT = "5e1f0c9a7b6d4c3e8f2a1b0c9d8e7f60"
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def station(where: str, branch: str = "main", **more: Any) -> FleetEntry:
    kind = where.split("-", maxsplit=1)[0]
    said: dict[str, Any] = {
        "station": where,
        "branch": branch,
        "kind": kind if kind in ("kiosk", "gate", "bin") else "kiosk",
        "glyph": "ok",
        "word": "fine",
        "since": ago(9000),
        "at": ago(2),
        "boot": BOOT,
        "version": "0.1.0",
        "service": "open",
        **more,
    }
    return FleetEntry(**said)


def part(name: str, state: str = "ok", **more: Any) -> Part:
    return Part.model_validate({"part": name, "state": state, "since": ago(9000), **more})


VALUES = {
    "pad.response_ms": 12.4,
    "pad.retries": 0.0,
    "pad.read_rate_percent": 99.2,
    "card-reader.response_ms": 3.1,
    "disk.free_percent": 71.0,
    "printer.paper_percent": 42.0,
}
STATIONS = (
    station(
        "kiosk-2",
        name="Kiosk north",
        glyph="act",
        word="pad lost",
        service="closed",
        reason="pad lost",
        loans_today=41,
        returns_today=17,
        outbox_open=2,
        outbox_oldest=ago(190),
        parts=(
            part(
                "pad",
                "lost",
                since=ago(187),
                make="FEIG",
                model="LRU1002",
                firmware="2.1",
                seen="no answer within 0.5 s, connection refused",
            ),
            part("card-reader", make="ACS", model="ACR1252", firmware="1.06"),
            part("printer", "degraded", since=ago(3600), seen="paper is nearly out"),
        ),
        values=VALUES,
    ),
    station("kiosk-1", name="Kiosk south", loans_today=63, returns_today=22, values=VALUES),
    station("gate-1", name="Gate main door", loans_today=0),
    station("bin-1", name="Bin, garden side", returns_today=118, glyph="look", word="returns only"),
    station("kiosk-3", name="Children", glyph="silent", word="no news", at=ago(640), loans_today=9),
    station("kiosk-4", "west", name="West 1", loans_today=30, returns_today=4),
    station("gate-2", "west", name="West door", glyph="resting", word="switched off", at=ago(40000)),
)


def alarm(number: str, name: str, rule: str, severity: str = "act", **more: Any) -> AlarmState:
    said: dict[str, Any] = {
        "alarm": number,
        "station": name,
        "branch": "main",
        "rule": rule,
        "severity": severity,
        "state": "unacknowledged",
        "since": ago(187),
        "at": ago(2),
        **more,
    }
    return AlarmState(**said)


ALARMS = (
    alarm(
        "a1",
        "kiosk-2",
        "device-lost",
        part="pad",
        seen="Kiosk north: pad is lost: no answer within 0.5 s",
        why="Nothing can be borrowed or returned here, or the gate is blind.",
        do="Look at the cable and the power of pad; it comes back by itself.",
    ),
    alarm(
        "a2",
        "kiosk-2",
        "paper-low",
        "look",
        since=ago(3600),
        part="printer",
        seen="Kiosk north: 7 % of the paper is left",
        why="Patrons will soon get no receipt.",
        do="Put a new roll in.",
        state="acknowledged",
        by="alice",
        note="a roll is on its way",
    ),
    alarm(
        "a3",
        "gate-1",
        "gate-alarm",
        since=ago(65),
        state="returned-unacknowledged",
        seen="Gate main door: an item that is not lent went out at 08:40:02 UTC",
        why="Somebody may have forgotten to borrow it, or it is stolen.",
        do="Ask kindly at the door; check the item at the kiosk.",
    ),
    alarm(
        "a4",
        "bin-1",
        "outbox-old",
        "look",
        since=ago(90000),
        state="shelved",
        by="alice",
        seen="Bin, garden side: 4 facts wait, the oldest since 06:12:44 UTC",
        why="The ledger does not know yet what happened there.",
        do="See whether its stream is parked (turnleaf stream retry bin-1) or the line is slow.",
    ),
)
FEED = (
    ("main", "kiosk-1", "station-online", "", 900),
    ("main", "kiosk-1", "checkout", "", 420),
    ("main", "kiosk-1", "checkout", "", 402),
    ("west", "kiosk-4", "renew", "", 395),
    ("main", "bin-1", "checkin", "", 300),
    ("main", "kiosk-2", "refused", "limit-reached", 260),
    ("main", "kiosk-2", "alarm-raised", "device-lost", 187),
    ("main", "kiosk-2", "case", "tag-unknown", 180),
    ("main", "gate-1", "passage", "", 70),
    ("main", "gate-1", "gate-alarm", "", 65),
    ("main", "kiosk-1", "checkout", "", 12),
    ("main", "kiosk-1", "checkin", "", 5),
)


def arrived(name: str, said: Any, **levels: str) -> Arrived:
    return Arrived(topic(name, **levels), said.encode())


def stations(entries: tuple[FleetEntry, ...] = STATIONS) -> list[Arrived]:
    return [arrived("fleet", e, branch=e.branch, station=e.station) for e in entries]


def alarms(states: tuple[AlarmState, ...] = ALARMS) -> list[Arrived]:
    return [arrived("alarm", a, branch=a.branch, alarm=a.alarm) for a in states]


def feed() -> list[Arrived]:
    numbers: dict[str, int] = {}
    found = []
    for branch, name, event, detail, seconds in FEED:
        numbers[branch] = numbers.get(branch, 0) + 1
        said = FeedEvent.model_validate(
            {"boot": BOOT, "n": numbers[branch], "at": ago(seconds), "station": name, "event": event}
            | {"detail": detail}
        )
        found.append(arrived("feed", said, branch=branch))
    return found


def central(state: str = "online") -> Arrived:
    said = CentralStatus.model_validate({"state": state, "boot": BOOT, "at": ago(3), "version": "0.1.0"})
    return arrived("central", said)


def morning() -> list[Arrived]:
    """A branch on a morning on which something is wrong."""
    inside = Occupancy(branch="main", at=ago(4), entered=212, left=187, inside=25)
    return [central(), *stations(), *alarms(), *feed(), arrived("occupancy", inside, branch="main")]


def many(count: int) -> list[Arrived]:
    """A large fleet: every tenth worth a look, every fiftieth an act."""
    entries = []
    for n in range(count):
        glyph, word = (
            ("act", "lost") if n % 50 == 7 else ("look", "returns only") if n % 10 == 3 else ("ok", "fine")
        )
        entries.append(
            station(
                f"kiosk-{n}", f"branch-{n % 20:02d}", name=f"Kiosk {n}", glyph=glyph, word=word, loans_today=n
            )
        )
    return [central(), *stations(tuple(entries))]


async def answers(verb: str, args: Args) -> Operated:
    """Central as it answers: a history that goes up and down, and yes to everything else."""
    if verb != "history":
        return Operated(request="r", outcome="done")
    values = [10 + (n * 7 % 13) + (8 if n > 50 else 0) for n in range(60)]
    return Operated(
        request="r",
        outcome="done",
        rows=tuple({"at": ago(3600 - 60 * n).isoformat(), "value": float(v)} for n, v in enumerate(values)),
    )


def connected() -> Connection:
    return Connection("connected", ago(3000))


def console(said: list[Arrived], *, connection: Connection | None = None, **more: Any) -> Console:
    """A console over a fleet that stands still."""
    memory = MemoryFeed(connection or connected(), central=answers)
    for one in said:
        memory.inbox.put(one)
    memory.inbox.settle()
    return Console(memory, FakeClock(NOW), **more)


def picture(app: Console) -> str:
    """Return the screen as SVG without the random prefix of its classes."""
    svg = app.export_screenshot(title="turnleaf console", simplify=True)
    return re.sub(r"terminal-\d+", "terminal", svg)


async def rest(app: Console, pilot: Any, *keys: str) -> None:
    """Press keys and let everything that they cause come to rest."""
    await pilot.press(*keys)
    await pilot.pause()
    app.flush()
    while asked := [worker for worker in app.workers if worker.name != "feed"]:
        await app.workers.wait_for_complete(asked)
        await pilot.pause()
    app.flush()
    await pilot.pause()
