"""A tag's security changed on a pad, and judged by what was read back: the one way in which it is done.

Every mark that the library uses is written and read back by the driver; what came of it is a value of
`tags.security`. A write that is cut between two marks leaves them contradictory, never the wrong state, and
the same call puts it right. Not here: trying again while a hand slides a book (`kiosk.secure`).
"""

from typing import Protocol

from firmware_bridge.ports import AfiResult, EasResult, TagMemory
from firmware_bridge.tags.security import Evidence, Judged, SecurityRules, State, judge, writing
from wire.errors import DeviceError


class SecurityPad(Protocol):
    """What a pad needs so that tags are secured and looked at."""

    async def read_tag(self, uid: str) -> TagMemory:
        """Read one tag."""

    async def write_afi(self, uid: str, afi: int) -> AfiResult:
        """Write the AFI and read it back."""

    async def eas(self, uid: str) -> EasResult:
        """Ask whether the EAS bit is set."""

    async def set_eas(self, uid: str, on: bool) -> EasResult:
        """Set or reset the EAS bit and ask for it again."""


async def secure(pad: SecurityPad, uid: str, state: State, rules: SecurityRules) -> Judged:
    """Make a tag say `state` and return what it says afterwards.

    Raises a DeviceError only when surely nothing was written; after the first mark it answers `Unread`.
    """
    wanted = writing(state, rules)
    evidence = Evidence()
    if wanted.afi is not None:
        afi = await pad.write_afi(uid, wanted.afi)
        evidence = Evidence(afi.afi, afi.reason)
    if wanted.eas is not None:
        try:
            eas = await pad.set_eas(uid, wanted.eas)
        except DeviceError as error:
            if wanted.afi is None:
                raise
            eas = EasResult(None, error.seen)
        evidence = Evidence(evidence.afi, evidence.afi_reason, eas)
    return judge(evidence, rules)


async def look(pad: SecurityPad, uid: str, rules: SecurityRules) -> Judged:
    """Return what a tag says of its security now; raises DeviceError when the pad is gone."""
    afi = (await pad.read_tag(uid)).afi if "afi" in rules.marks else None
    eas = await pad.eas(uid) if "eas" in rules.marks else Evidence().eas
    return judge(Evidence(afi, eas=eas), rules)
