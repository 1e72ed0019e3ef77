"""One tag on the pad, worked on: read whole, written block by block, secured, locked, read back.

Everything that touches a tag goes through here. A tag that goes while it is written is no error of the row:
it is told, and put right when it lies there again.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from firmware_bridge.errors import RfCommError, TagError, TagGone
from firmware_bridge.ports import Pad, TagMemory, TagTools
from firmware_bridge.tags.convert import NoPlan, plan, planned
from firmware_bridge.tags.image import Target
from firmware_bridge.tags.reading import TagContent, identify
from kiosk.tagging.journal import Journal
from kiosk.tagging.program import Already, Judgement, Refused, Rules, Wanted, Write, image_of, judge

TRIES = 3


class TagPad(Pad, TagTools, Protocol):
    """A pad that can do everything that programming needs."""


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
            blocks = await self._write(memory, wanted, said, reason) if isinstance(said, Write) else 0
            return await self._secure(uid, wanted, said, blocks)
        except (TagGone, RfCommError) as error:
            return Programmed("gone", uid, wanted, error.seen)
        except TagError as error:
            return Programmed("failed", uid, wanted, error.seen)

    def _judge(self, memory: TagMemory, wanted: Wanted, *, forced: bool) -> Judgement:
        begun = self._journal.open.get(memory.uid) if self._journal is not None else None
        return judge(memory, wanted, self.rules, forced=forced, ours=begun is not None)

    async def _write(self, memory: TagMemory, wanted: Wanted, plan: Write, reason: str) -> int:
        if self._journal is not None:
            self._journal.begin(memory.uid, wanted, memory.blocks[: len(plan.image)], reason=reason)
        for write in plan.writes:
            await self._block(memory, write.block, write.data)
        return len(plan.writes)

    async def _block(self, memory: TagMemory, block: int, data: bytes) -> None:
        for attempt in range(TRIES):
            try:
                await self.pad.write_blocks(memory.uid, block, data, memory.block_size)
                return
            except (TagGone, RfCommError):
                if attempt == TRIES - 1:
                    raise

    async def _secure(self, uid: str, wanted: Wanted, said: Judgement, blocks: int) -> Programmed:
        afi = await self.pad.write_afi(uid, self.rules.bits.secured)
        if afi.outcome != "verified":
            return Programmed(
                "failed", uid, wanted, afi.reason or "the AFI could not be read back", afi=afi.afi
            )
        back = await self.pad.read_all(uid)
        image = image_of(wanted, back)
        if back.blocks[: len(image)] != image and not isinstance(said, Already):
            return Programmed("failed", uid, wanted, "other bytes were read back than were written")
        if self._journal is not None:
            self._journal.finish(uid, wanted)
        return Programmed(
            "already" if isinstance(said, Already) else "written", uid, wanted, afi=afi.afi, blocks=blocks
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
            if begun is not None and begun.image:
                made, wanted = planned(memory, begun.image, target), begun.wanted
            else:
                made, wanted = plan(memory, target, owner=owner), _wanted_of(memory, nothing)
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
            back = await self.pad.read_all(uid)
        except (TagGone, RfCommError) as error:
            return Programmed("gone", uid, nothing, error.seen)
        except TagError as error:
            return Programmed("failed", uid, nothing, error.seen)
        if back.blocks[: len(made.image)] != made.image:
            return Programmed("failed", uid, wanted, "other bytes were read back than were written")
        if self._journal is not None:
            self._journal.finish(uid, wanted)
        return Programmed("written", uid, wanted, afi=back.afi, blocks=len(made.writes))

    async def lock(self, uid: str, wanted: Wanted) -> Programmed:
        """Lock the blocks of an item that stands on the tag as wanted; it cannot be undone."""
        memory = await self.pad.read_all(uid)
        image = image_of(wanted, memory)
        if memory.blocks[: len(image)] != image:
            return Programmed(
                "refused", uid, wanted, "the tag does not hold what is to be locked", "other-item"
            )
        count = len(image) // memory.block_size
        if set(range(count)) <= memory.locked:
            return Programmed("already", uid, wanted)
        try:
            await self.pad.lock_blocks(uid, 0, count)
        except (TagGone, RfCommError) as error:
            return Programmed("gone", uid, wanted, error.seen)
        except TagError as error:
            return Programmed("failed", uid, wanted, error.seen)
        return Programmed("written", uid, wanted, blocks=count)


def _wanted_of(memory: TagMemory, nothing: Wanted) -> Wanted:
    """Return what stands on a tag, for the journal."""
    found = identify(memory)
    if not isinstance(found, TagContent):
        return nothing
    return Wanted(found.item, found.owner, found.part, found.parts, found.usage)
