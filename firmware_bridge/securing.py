"""A tag's security changed on a pad, and judged by what was read back: the one way in which it is done.

Every mark that the library uses is written and read back by the driver, the AFI first; the EAS bit is touched
only once the AFI stands, so that a try that failed leaves a tag as it was. What came of it is a value of
`tags.security`. A write that is cut between two marks leaves them contradictory, never the wrong state, and
the same call puts it right. Not here: trying again while a hand slides a book (`kiosk.secure`).
"""

from typing import Protocol, runtime_checkable

from firmware_bridge.ports import AfiResult, EasResult, TagMemory
from firmware_bridge.tags.security import Evidence, Judged, SecurityRules, State, Writing, judge, writing
from wire.errors import DeviceError


class WritesAfi(Protocol):
    """A pad that writes the AFI."""

    async def write_afi(self, uid: str, afi: int) -> AfiResult:
        """Write the AFI and read it back; raises a DeviceError only when surely nothing was written."""


@runtime_checkable
class SwitchesEas(Protocol):
    """A pad that switches the EAS bit of NXP's chips."""

    async def set_eas(self, uid: str, on: bool) -> EasResult:
        """Set or reset the bit and ask for it again; raises only when surely nothing was done."""


class LooksAtMarks(Protocol):
    """A pad that asks a tag for what it says of its security."""

    async def read_tag(self, uid: str) -> TagMemory:
        """Read one tag."""

    async def eas(self, uid: str) -> EasResult:
        """Ask whether the EAS bit is set."""


async def write_marks(pad: WritesAfi, uid: str, wanted: Writing) -> tuple[AfiResult | None, EasResult | None]:
    """Write a tag's marks and return what each of them said; None: that mark was not touched.

    Raises a DeviceError only when surely nothing was written; after the first mark it is a result.
    """
    afi = None
    if wanted.afi is not None:
        afi = await pad.write_afi(uid, wanted.afi)
        if afi.outcome != "verified":
            return afi, None
    if wanted.eas is None:
        return afi, None
    if not isinstance(pad, SwitchesEas):
        return afi, EasResult(None, "this reader cannot switch the EAS bit")
    try:
        return afi, await pad.set_eas(uid, wanted.eas)
    except DeviceError as error:
        if afi is None:
            raise
        return afi, EasResult(None, error.seen)


async def secure(pad: WritesAfi, uid: str, state: State, rules: SecurityRules) -> Judged:
    """Make a tag say `state` and return what it says afterwards.

    Raises a DeviceError only when surely nothing was written; after the first mark it answers `Unread`.
    """
    wanted = writing(state, rules)
    afi, eas = await write_marks(pad, uid, wanted)
    evidence = Evidence() if afi is None else Evidence(afi.afi, afi.reason)
    if eas is None and wanted.eas is not None and afi is not None:
        eas = EasResult(None, f"the EAS bit was left alone, because the AFI was not written: {_why(afi)}")
    if eas is not None:
        evidence = Evidence(evidence.afi, evidence.afi_reason, eas)
    return judge(evidence, rules)


def _why(afi: AfiResult) -> str:
    return afi.reason or ("it was not read back" if afi.afi is None else f"{afi.afi:02X} was read back")


async def look(pad: LooksAtMarks, uid: str, rules: SecurityRules) -> Judged:
    """Return what a tag says of its security now; raises DeviceError when the pad is gone."""
    afi = (await pad.read_tag(uid)).afi if "afi" in rules.marks else None
    eas = await pad.eas(uid) if "eas" in rules.marks else Evidence().eas
    return judge(Evidence(afi, eas=eas), rules)
