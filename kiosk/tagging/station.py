"""One tag on the pad, worked on: read whole, written block by block, secured, locked, read back.

Everything that touches a tag goes through here. A tag that goes while it is written is no error of the row:
it is told, and put right when it lies there again.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from firmware_bridge.errors import RfCommError, TagError, TagGone
from firmware_bridge.ports import Pad, TagMemory, TagTools
from firmware_bridge.securing import secure
from firmware_bridge.tags.convert import NoPlan, Plan, blocks_of, plan, planned
from firmware_bridge.tags.image import DSFIDS, Target
from firmware_bridge.tags.reading import NoContent, TagContent, identify
from firmware_bridge.tags.security import Contradictory, Judged, Secured, Unread
from kiosk.tagging.journal import Begun, Journal
from kiosk.tagging.program import (
    Already,
    Judgement,
    Refused,
    Rules,
    Wanted,
    Write,
    holds,
    judge,
    others,
)

TRIES = 3


class TagPad(Pad, TagTools, Protocol):
    """A pad that can do everything that programming needs."""


@runtime_checkable
class WritesDsfid(Protocol):
    """A pad that can change a tag's storage format, too."""

    async def write_dsfid(self, uid: str, dsfid: int) -> None:
        """Write the DSFID and read it back; raises TagError, TagGone."""


Outcome = Literal["written", "already", "refused", "gone", "failed"]


@dataclass(frozen=True, slots=True)
class Programmed:
    """What became of one tag."""

    outcome: Outcome
    uid: str
    wanted: Wanted
    seen: str = ""
    """What was seen when it is not written."""
    why: str = ""
    afi: int | None = None
    blocks: int = 0
    """Blocks that were written."""


class TagStation:
    """A pad, the rules of the library, and the journal of the work."""

    def __init__(self, pad: TagPad, rules: Rules, journal: Journal | None = None) -> None:
        self.pad = pad
        self.rules = rules
        self._journal = journal

    async def program(self, uid: str, wanted: Wanted, *, reason: str = "") -> Programmed:
        """Write an item onto a tag and secure it; raises DeviceError when the pad is gone.

        With a `reason` a tag is written that would be refused, unless it is locked or a patron's card.
        """
        try:
            memory = await self.pad.read_all(uid)
            said = self._judge(memory, wanted, forced=bool(reason))
            if isinstance(said, Refused):
                if self._journal is not None:
                    self._journal.refuse(uid, wanted, said.why)
                return Programmed("refused", uid, wanted, said.seen, said.why)
            blocks = 0
            if isinstance(said, Write):
                blocks = await self._write(memory, wanted, said, reason)
            elif self.rules.model == "iso28560-2":  # its storage format is what tells it from other models
                await self._format(memory, DSFIDS[self.rules.model])
            return await self._secure(uid, wanted, said, blocks)
        except (TagGone, RfCommError) as error:
            return Programmed("gone", uid, wanted, error.seen)
        except TagError as error:
            return Programmed("failed", uid, wanted, error.seen)

    def _judge(self, memory: TagMemory, wanted: Wanted, *, forced: bool) -> Judgement:
        begun = None
        if self._journal is not None:
            other = self._journal.done.get((wanted.item, wanted.part), memory.uid)
            if other != memory.uid and not forced:
                return Refused("written-before", f"tag {other} holds this item already", with_reason=True)
            open_still = self._journal.open.get(memory.uid)
            begun = open_still.wanted if open_still is not None else None
        return judge(memory, wanted, self.rules, forced=forced, begun=begun)

    async def _write(self, memory: TagMemory, wanted: Wanted, plan: Write, reason: str) -> int:
        if self._journal is not None:
            self._journal.begin(memory.uid, wanted, memory.blocks[: len(plan.image)], reason=reason)
        for write in plan.writes:
            await self._block(memory, write.block, write.data)
        await self._format(memory, DSFIDS[self.rules.model])
        return len(plan.writes)

    async def _block(self, memory: TagMemory, block: int, data: bytes) -> None:
        for attempt in range(TRIES):
            try:
                await self.pad.write_blocks(memory.uid, block, data, memory.block_size)
                return
            except (TagGone, RfCommError):
                if attempt == TRIES - 1:
                    raise

    async def _format(self, memory: TagMemory, dsfid: int) -> None:
        """Tell the tag which model it holds, where pad and tag can; what it reads as is looked at anyway."""
        if memory.dsfid != dsfid and isinstance(self.pad, WritesDsfid):
            try:
                await self.pad.write_dsfid(memory.uid, dsfid)
            except TagError:
                return

    async def _secure(self, uid: str, wanted: Wanted, said: Judgement, blocks: int) -> Programmed:
        state = await secure(self.pad, uid, "secured", self.rules.security)
        back = await self.pad.read_all(uid)
        if not isinstance(state, Secured):
            return Programmed("failed", uid, wanted, reason_of(state), afi=back.afi)
        if not holds(back, wanted, self.rules.model):
            return Programmed("failed", uid, wanted, "the tag reads otherwise than it was written")
        if self._journal is not None:
            self._journal.finish(uid, wanted)
        return Programmed(
            "already" if isinstance(said, Already) else "written", uid, wanted, afi=back.afi, blocks=blocks
        )

    async def convert(self, uid: str, target: Target, owner: str, *, leave_out: bool = False) -> Programmed:
        """Rewrite a tag in another model with all that it says; its security state stays as it is.

        A tag that says what the model has no place for is refused, unless that may be left out.

        A tag that this station was cut off at is brought to where it was going.
        """
        nothing = Wanted("", owner)
        try:
            memory = await self.pad.read_all(uid)
            begun = self._journal.open.get(uid) if self._journal is not None else None
            made: Plan | NoPlan
            if begun is not None and cut_off(memory, begun):
                made, wanted = planned(memory, begun.image, target), begun.wanted
            else:
                begun = None
                made, wanted = plan(memory, target, owner=owner), _wanted_of(memory, nothing)
                foreign = others(memory, self.rules)
                if foreign is not None and isinstance(made, Plan):
                    return Programmed("refused", uid, wanted, foreign.seen, foreign.why)
            if isinstance(made, NoPlan):
                outcome: Outcome = "already" if made.why == "already" else "refused"
                return Programmed(outcome, uid, wanted, made.seen, made.why)
            if made.left_out and not leave_out:
                seen = f"{target} has no place for: {', '.join(made.left_out)}"
                return Programmed("refused", uid, wanted, seen, "would-lose")
            if self._journal is not None:
                before = begun.before if begun is not None else memory.blocks
                self._journal.begin(uid, wanted, before, image=made.image)
            for write in made.writes:
                await self._block(memory, write.block, write.data)
            await self._format(memory, made.dsfid)
            back = await self.pad.read_all(uid)
        except (TagGone, RfCommError) as error:
            return Programmed("gone", uid, nothing, error.seen)
        except TagError as error:
            return Programmed("failed", uid, nothing, error.seen)
        found = identify(back)
        if back.blocks[: len(made.image)] != made.image or getattr(found, "model", "") != target:
            return Programmed("failed", uid, wanted, "the tag reads otherwise than it was written")
        if self._journal is not None:
            self._journal.finish(uid, wanted)
        return Programmed("written", uid, wanted, afi=back.afi, blocks=len(made.writes))

    async def lock(self, uid: str, wanted: Wanted) -> Programmed:
        """Lock the blocks of an item that stands on the tag as wanted; it cannot be undone."""
        memory = await self.pad.read_all(uid)
        if not holds(memory, wanted, self.rules.model):
            return Programmed(
                "refused", uid, wanted, "the tag does not hold what is to be locked", "other-item"
            )
        count = blocks_of(memory)
        if set(range(count)) <= memory.locked:
            return Programmed("already", uid, wanted)
        try:
            await self.pad.lock_blocks(uid, 0, count)
        except (TagGone, RfCommError) as error:
            return Programmed("gone", uid, wanted, error.seen)
        except TagError as error:
            return Programmed("failed", uid, wanted, error.seen)
        return Programmed("written", uid, wanted, blocks=count)


def cut_off(memory: TagMemory, begun: Begun) -> bool:
    """Say whether a tag still is as a conversion left it that was cut off.

    Each of its blocks holds what stood there or what was to stand there (block 0 may be void), or it is
    broken. A tag that somebody has written since is no business of that conversion any more.
    """
    if not begun.image:
        return False
    size, before = memory.block_size, begun.before.ljust(len(begun.image), b"\0")
    for at in range(0, len(begun.image), size):
        now = memory.blocks[at : at + size]
        if now not in (before[at : at + size], begun.image[at : at + size]) and (at or any(now)):
            found = identify(memory)
            return isinstance(found, NoContent) and found.why != "blank"
    return True


def reason_of(state: Judged) -> str:
    """Return why a tag does not say what it should, in words."""
    match state:
        case Contradictory(which):
            return f"its marks disagree: {', '.join(which)}"
        case Unread(reason):
            return reason
    return f"the tag says that it is {state.state}"


def _wanted_of(memory: TagMemory, nothing: Wanted) -> Wanted:
    """Return what stands on a tag, for the journal."""
    found = identify(memory)
    if not isinstance(found, TagContent):
        return nothing
    return Wanted(found.item, found.owner, found.part, found.parts, found.usage)
