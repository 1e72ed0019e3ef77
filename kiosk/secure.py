"""Changing the security of an item's tags, and knowing what came of it: shared by bin and kiosk.

A write is settled by reading back and by nothing else (ISO 15693 write timing: many readers time out
although the tag was written). How a tag's marks are written stands in `firmware_bridge.securing`; here it is
tried again while the tag is there and time is left. An item may carry several tags; they are one answer
together, and a half-changed set is `unknown`, because neither "as before" nor "as wanted" is true of it; so
is a tag of two marks of which one was changed.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from firmware_bridge.ports import AfiResult, EasResult, Pad
from firmware_bridge.securing import write_marks
from firmware_bridge.tags.security import Writing
from wire.clock import Clock
from wire.errors import DeviceError

Outcome = Literal["verified", "failed", "gone", "unknown"]

PAUSE_S = 0.15
"""Between two tries; a hand that slides a book has moved by then."""


@dataclass(frozen=True, slots=True)
class Written:
    """What came of changing an item's tags.

    `verified`: all read back as wanted. `failed`: all read back, and as before. `gone`: surely not
    touched. `unknown`: nobody can say, or some were changed and some not.
    """

    outcome: Outcome
    afi: int | None = None
    """The AFI as read back, when it is the same on all tags."""
    reason: str = ""
    """What the tag or the reader said last; for a technician."""


async def write_security(
    pad: Pad,
    uids: Iterable[str],
    wanted: Writing,
    *,
    present: Callable[[str], bool],
    within_s: float,
    clock: Clock,
) -> Written:
    """Write the marks to every tag and read them back, again and again until `within_s` seconds have passed.

    `present` says whether a tag lies on the pad as far as the presence step knows. Never raises a
    DeviceError: a pad that is lost meanwhile is one more try.
    """
    until = clock.mono() + int(within_s * 1000)
    results = [await _write_one(pad, uid, wanted, present, until, clock) for uid in sorted(uids)]
    return together(results)


def together(results: list[Written]) -> Written:
    """Return the one answer for all tags of an item."""
    if not results:
        return Written("gone")
    outcomes = {result.outcome for result in results}
    afis = {result.afi for result in results}
    reason = next((result.reason for result in results if result.reason), "")
    return Written(
        outcomes.pop() if len(outcomes) == 1 else "unknown",
        afis.pop() if len(afis) == 1 else None,
        reason,
    )


async def _write_one(
    pad: Pad, uid: str, wanted: Writing, present: Callable[[str], bool], until: int, clock: Clock
) -> Written:
    last = Written("gone")
    while present(uid):
        try:
            last = _came_of(wanted, *await write_marks(pad, uid, wanted))
        except DeviceError as error:
            last = Written("unknown", None, error.seen)
        if last.outcome == "verified" or clock.mono() >= until:
            break
        await asyncio.sleep(PAUSE_S)
    if last.outcome == "verified" and wanted.afi is None:
        return replace(last, afi=await _afi_of(pad, uid))
    return last


def _came_of(wanted: Writing, afi: AfiResult | None, eas: EasResult | None) -> Written:
    """Return what one try came to, by what each mark said; None: it was not touched."""
    found = None if afi is None else afi.afi
    if afi is not None and afi.outcome != "verified":
        return Written(afi.outcome, found, afi.reason)
    if eas is None or eas.on is wanted.eas:
        return Written("verified", found, "" if afi is None else afi.reason)
    as_before = afi is None and eas.on is not None
    return Written("failed" if as_before else "unknown", found, eas.reason or "the EAS bit did not change")


async def _afi_of(pad: Pad, uid: str) -> int | None:
    """Return the AFI of a tag on which it says nothing of security: the record of a loan names it."""
    try:
        return (await pad.read_tag(uid)).afi
    except DeviceError:
        return None
