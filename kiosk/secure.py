"""Changing the security of an item's tags, and knowing what came of it: shared by bin and kiosk.

A write is settled by reading back and by nothing else (ISO 15693 write timing: many readers time out
although the tag was written). It is tried again while the tag is there and time is left. An item may
carry several tags; they are one answer together, and a half-changed set is `unknown`, because neither
"as before" nor "as wanted" is true of it.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from firmware_bridge.ports import AfiResult, EasResult, Pad
from wire.clock import Clock
from wire.errors import DeviceError

Outcome = Literal["verified", "failed", "gone", "unknown"]

PAUSE_S = 0.15
"""Between two tries; a hand that slides a book has moved by then."""


@runtime_checkable
class SwitchesEas(Protocol):
    """A pad that switches the EAS bit of NXP's chips."""

    async def set_eas(self, uid: str, on: bool) -> EasResult:
        """Set or reset the bit and ask for it again."""


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
    afi: int,
    *,
    present: Callable[[str], bool],
    within_s: float,
    clock: Clock,
    eas: bool | None = None,
) -> Written:
    """Write `afi` to every tag and read it back, again and again until `within_s` seconds have passed.

    `eas` is what the EAS bit shall be where the library uses that mark too; None leaves it alone.

    `present` says whether a tag lies on the pad as far as the presence step knows. Never raises a
    DeviceError: a pad that is lost meanwhile is one more try.
    """
    until = clock.mono() + int(within_s * 1000)
    results = [await _write_one(pad, uid, (afi, eas), present, until, clock) for uid in sorted(uids)]
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


async def _marked(pad: Pad, uid: str, afi: int, eas: bool | None) -> AfiResult:
    """Write one tag's AFI, then its EAS bit. Both count as read back; one without the other is unknown."""
    done = await pad.write_afi(uid, afi)
    if eas is None or done.outcome != "verified":
        return done
    if not isinstance(pad, SwitchesEas):
        return AfiResult("unknown", done.afi, "this reader cannot switch the EAS bit")
    said = await pad.set_eas(uid, eas)
    if said.on is eas:
        return done
    return AfiResult("unknown", done.afi, said.reason or "the EAS bit did not change")


async def _write_one(
    pad: Pad,
    uid: str,
    marks: tuple[int, bool | None],
    present: Callable[[str], bool],
    until: int,
    clock: Clock,
) -> Written:
    last: AfiResult | None = None
    touched = False
    while present(uid):
        touched = True
        try:
            last = await _marked(pad, uid, *marks)
        except DeviceError as error:
            last = AfiResult("unknown", None, error.seen)
        if last.outcome == "verified" or clock.mono() >= until:
            break
        await asyncio.sleep(PAUSE_S)
    if not touched or last is None:
        return Written("gone")
    return Written(last.outcome, last.afi, last.reason)
