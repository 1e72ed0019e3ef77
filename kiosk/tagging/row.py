"""Work in a row: lay a tag down, it is dealt with, a beep, take it away, the next one.

A loop over full inventories (design §4, row 1): never edges. With more than one tag on the pad nothing is
written, because nobody could say which book is meant.
"""

import asyncio
import csv
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.errors import DeviceLost, DeviceTimeout
from firmware_bridge.ports import Pad
from firmware_bridge.presence import Presence, see
from kiosk.tagging.program import Wanted
from kiosk.tagging.station import Programmed, TagStation
from wire.clock import Clock
from wire.errors import ConfigError, DeviceError

POLL_S = 0.1


async def laid_down(
    pad: Pad, say: Callable[[str], None], poll_s: float = POLL_S
) -> AsyncIterator[frozenset[str]]:
    """Yield what lies on the pad each time that it changed and is steady; lives through a lost pad."""
    state, lost = Presence(), False
    while True:
        try:
            state, moves = see(state, await pad.inventory())
        except (DeviceLost, DeviceTimeout) as error:
            if not lost:
                say(f"the pad is gone: {error.seen}")
            lost = True
            await asyncio.sleep(1.0)
            continue
        if lost:
            say("the pad is back")
            lost = False
        if moves.placed or moves.removed:
            yield state.placed
        await asyncio.sleep(poll_s)


@dataclass
class Tally:
    """How the work goes."""

    written: int = 0
    already: int = 0
    refused: int = 0
    failed: int = 0
    began_ms: int = 0
    now_ms: int = 0

    @property
    def per_hour(self) -> float:
        """Items written or found written, an hour."""
        hours = (self.now_ms - self.began_ms) / 3_600_000
        return (self.written + self.already) / hours if hours > 0 else 0.0

    def take(self, done: Programmed, now_ms: int) -> None:
        """Count one tag."""
        self.now_ms = now_ms
        match done.outcome:
            case "written":
                self.written += 1
            case "already":
                self.already += 1
            case "refused":
                self.refused += 1
            case _:
                self.failed += 1

    def as_dict(self) -> dict[str, object]:
        """Return the totals for JSON."""
        counts = {name: getattr(self, name) for name in ("written", "already", "refused", "failed")}
        return counts | {"seconds": (self.now_ms - self.began_ms) // 1000, "per_hour": round(self.per_hour)}


async def write_row(
    station: TagStation,
    wanted: Iterable[Wanted],
    clock: Clock,
    *,
    reason: str = "",
    say: Callable[[str], None],
    done: Callable[[Programmed, Tally], None],
    beep: Callable[[bool], None] = lambda good: None,
    poll_s: float = POLL_S,
) -> Tally:
    """Write one item after another; returns when the list is at its end.

    An item stays the next one until its tag is written and read back. A tag that was dealt with must be
    taken away before the next one counts.
    """
    tally = Tally(began_ms=clock.mono())
    coming = iter(wanted)
    item = next(coming, None)
    if item is None:
        return tally
    say(_next(item))
    async for uids in laid_down(station.pad, say, poll_s):
        if len(uids) > 1:
            say(f"{len(uids)} tags lie on the pad: lay one down at a time")
        if len(uids) != 1:
            continue
        try:
            result = await station.program(next(iter(uids)), item, reason=reason)
        except DeviceError as error:
            say(f"not written: {error.seen}")
            continue
        tally.take(result, clock.mono())
        good = result.outcome in ("written", "already")
        beep(good)
        done(result, tally)
        if good:
            item = next(coming, None)
            if item is None:
                return tally
            say(_next(item))
    raise AssertionError("a pad's inventories never end")


def _next(item: Wanted) -> str:
    part = f", part {item.part} of {item.parts}" if item.parts > 1 else ""
    return f"next: {item.item}{part} — lay it on the pad"


Row = dict[str, str | None]
"""A line of a CSV file by its columns' names."""


def from_csv(path: Path, owner: str) -> list[Wanted]:
    """Return the items of a CSV file with a header: item, and if there owner, part, parts, usage.

    Raises ConfigError with the line that is wrong; nothing is written before all lines are read.
    """
    found = rows(path, "item[,owner,part,parts,usage]")
    return [_row(path, number, row, owner) for number, row in found]


def rows(path: Path, columns: str) -> list[tuple[int, Row]]:
    """Return the lines of a CSV file that has a column `item`, each with its number; raises ConfigError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if "item" not in (reader.fieldnames or ()):
                raise ConfigError(
                    f"{path}:1: no column `item`; there are: {', '.join(reader.fieldnames or ()) or 'none'}",
                    do=f"Name the columns in the first line: {columns}.",
                )
            return list(enumerate(reader, 2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}", do="Give a CSV file in UTF-8.") from error


def _row(path: Path, number: int, row: Row, owner: str) -> Wanted:
    try:
        item = (row["item"] or "").strip()
        if not item:
            raise ValueError("item is empty")
        whole = {name: int((row.get(name) or "1").strip()) for name in ("part", "parts", "usage")}
        return Wanted(item, (row.get("owner") or "").strip() or owner, **whole)
    except ValueError as error:
        raise ConfigError(f"{path}:{number}: {error}", do="Mend the line; nothing was written.") from error
