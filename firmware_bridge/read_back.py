"""The marks of a tag written through a reader, each judged by what was read back: one rule for every make.

An answer that is lost says nothing about the tag: after a write that timed out, or failed, the tag is asked
for what was to be changed, and only what it says then counts. A tag that cannot be asked is "unknown".

The EAS bit has no reading of its own. A tag whose bit is set sends a fixed sequence, and then it is surely
on; one whose bit is 0 is silent, as one that is gone is. So it counts as off only when it is silent three
times and answers another question before the first and after each.

How a make asks is its own (`feig.tag_access`, `threem.tag_access`); a PC/SC reader's steps are no coroutines,
and take from here what a look says (`afi_said`, `eas_said`).
"""

from abc import ABC, abstractmethod
from typing import Final, Protocol

from firmware_bridge.errors import TagLocked, TagWriteFailed
from firmware_bridge.iso15693 import has_eas
from firmware_bridge.ports import AfiResult, EasResult
from wire.errors import DeviceError

LISTENS: Final = 3
"""Times that a tag must be silent to EAS ALARM, and answer otherwise, before its EAS bit counts as 0."""
NO_EAS: Final = EasResult(None, "the tag's maker has no EAS that is known here")


class Ready(Protocol):
    """A line to a reader."""

    async def ready(self) -> None:
        """Make sure that the reader is there; raises DeviceLost or DeviceTimeout."""


class ReadBack(ABC):
    """AFI, EAS bit and DSFID of tags, written at most `tries` times and read back each time."""

    def __init__(self, reader: Ready, *, tries: int) -> None:
        self._reader_there = reader
        self._tries = tries

    @abstractmethod
    async def _put_afi(self, uid: str, afi: int) -> DeviceError | None:
        """Write the AFI once; return what went wrong."""

    @abstractmethod
    async def _afi_now(self, uid: str) -> int | None:
        """Ask for the AFI; raises DeviceError."""

    @abstractmethod
    async def _put_eas(self, uid: str, on: bool) -> DeviceError | None:
        """Set or reset the EAS bit once; return what went wrong."""

    @abstractmethod
    async def _sounds(self, uid: str) -> bool:
        """Whether the EAS sequence was heard; raises DeviceError."""

    @abstractmethod
    async def _put_dsfid(self, uid: str, dsfid: int) -> DeviceError | None:
        """Write the DSFID once; return what went wrong."""

    @abstractmethod
    async def _dsfid_now(self, uid: str) -> int | None:
        """Ask for the DSFID; raises DeviceError."""

    async def write_afi(self, uid: str, afi: int) -> AfiResult:
        """Write the AFI and read it back, until it stands there, is locked, or the tries are used up.

        Raises DeviceLost or DeviceTimeout when the reader is not there, so that surely nothing was
        written; later it answers "unknown". A caller that is cancelled inside must take it as unknown.
        """
        await self._reader_there.ready()
        result = AfiResult("unknown")
        for _ in range(self._tries):
            failed = await self._put_afi(uid, afi)
            try:
                result = afi_said(afi, await self._afi_now(uid), failed)
            except DeviceError as error:
                result = AfiResult("unknown", None, error.seen)
                continue
            if result.outcome == "verified" or isinstance(failed, TagLocked):
                break
        return result

    async def eas(self, uid: str) -> EasResult:
        """Ask whether the EAS bit of a tag is set. Only NXP's tags have an EAS that is known here."""
        if not has_eas(uid):
            return NO_EAS
        try:
            await self._afi_now(uid)
            for _ in range(LISTENS):
                if await self._sounds(uid):
                    return EasResult(True)
                await self._afi_now(uid)
        except DeviceError as error:
            return EasResult(None, error.seen)
        return EasResult(False)

    async def set_eas(self, uid: str, on: bool) -> EasResult:
        """Set or reset the EAS bit and ask for it again; only what was heard afterwards counts.

        Raises DeviceLost or DeviceTimeout when the reader is not there, so that surely nothing was done.
        """
        if not has_eas(uid):
            return NO_EAS
        await self._reader_there.ready()
        result = EasResult(None)
        for _ in range(self._tries):
            failed = await self._put_eas(uid, on)
            result = eas_said(on, await self.eas(uid), failed)
            if result.on is on or isinstance(failed, TagLocked):
                break
        return result

    async def write_dsfid(self, uid: str, dsfid: int) -> None:
        """Write the DSFID and read it back; raises TagError, TagGone."""
        failed = await self._put_dsfid(uid, dsfid)
        if await self._dsfid_now(uid) != dsfid:
            raise failed or TagWriteFailed("the tag holds another DSFID than was written")


def afi_said(wanted: int, now: int | None, failed: DeviceError | None) -> AfiResult:
    """Return what one write of the AFI came to, by the AFI that stands there now."""
    if now == wanted:
        return AfiResult("verified", now)
    if now is None:
        return AfiResult("unknown", None, "the tag does not tell its AFI")
    return AfiResult("failed", now, failed.seen if failed else f"AFI {now:02X} was read back")


def eas_said(wanted: bool, now: EasResult, failed: DeviceError | None) -> EasResult:
    """Return what the tag says of its EAS bit, with the reason when it is heard, and not as wanted."""
    if now.on is wanted or now.on is None or failed is None:
        return now
    return EasResult(now.on, failed.seen)
