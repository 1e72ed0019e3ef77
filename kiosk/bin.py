"""An unattended return bin: a pure step.

How it thinks: an item that comes before the antenna is written down as returned first (`CheckIn`, one
commit), then its tags are secured and read back, then what came of that is written down (`NoteSecured`).
Nobody stands there to try again, so what could not be secured becomes a fact, and a case at central. An
item that stays before the antenna is returned once. The bin closes before something could be lost: box
full, no room in the outbox, an operator's word. An item that comes before a closed bin is not returned;
it is, when the bin opens while it is still there.

Not for: knowing whether the item was on loan. Central records every return.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, assert_never

from kiosk.secure import Outcome, Written

Phase = Literal["refused", "checking-in", "writing", "noting", "done"]


@dataclass(frozen=True, slots=True)
class Slot:
    """One item before the antenna, or on its way through."""

    item: str
    phase: Phase
    here: frozenset[str]
    """UIDs of its tags that are present."""
    unwritten: frozenset[str] = frozenset()
    """UIDs whose security was not changed yet."""
    checkin: str = ""
    outcome: Outcome | None = None
    afi: int | None = None


@dataclass(frozen=True, slots=True)
class Bin:
    """A bin's whole state."""

    full_at: int
    count: int = 0
    """Items in the box, since it was emptied."""
    room: bool = True
    """Whether the outbox takes a return and its outcome."""
    pad: bool = True
    open: bool = True
    """False when an operator closed it."""
    slots: dict[str, Slot] = field(default_factory=dict)
    said_full: bool = False

    @property
    def closed_because(self) -> str:
        """Why nothing is taken now; empty when the bin is open."""
        if self.count >= self.full_at:
            return "bin full"
        if not self.room:
            return "outbox full"
        if not self.pad:
            return "pad lost"
        return "" if self.open else "closed by an operator"


@dataclass(frozen=True, slots=True)
class ItemPlaced:
    """One of our items came before the antenna."""

    uid: str
    item: str


@dataclass(frozen=True, slots=True)
class TagGone:
    """A tag has left the antenna."""

    uid: str


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """Outcome of CheckIn: committed under the id `checkin`; empty: the outbox did not take it."""

    item: str
    checkin: str


@dataclass(frozen=True, slots=True)
class TagsWritten:
    """Outcome of Secure."""

    item: str
    uids: frozenset[str]
    written: Written


@dataclass(frozen=True, slots=True)
class SecuredNoted:
    """Outcome of NoteSecured: committed."""

    item: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the bin depends on."""

    room: bool
    pad: bool
    open: bool


@dataclass(frozen=True, slots=True)
class Emptied:
    """Staff emptied the box."""


BinEvent = ItemPlaced | TagGone | CheckedIn | TagsWritten | SecuredNoted | Conditions | Emptied


@dataclass(frozen=True, slots=True)
class CheckIn:
    """Write down the return; brings CheckedIn."""

    item: str


@dataclass(frozen=True, slots=True)
class Secure:
    """Secure these tags and read them back; brings TagsWritten."""

    item: str
    uids: frozenset[str]


@dataclass(frozen=True, slots=True)
class NoteSecured:
    """Write down what came of securing, however long the outbox takes; brings SecuredNoted."""

    item: str
    checkin: str
    outcome: Literal["verified", "failed", "unknown"]
    afi: int | None


@dataclass(frozen=True, slots=True)
class KeepCount:
    """Remember over a restart how many items lie in the box."""

    count: int


@dataclass(frozen=True, slots=True)
class SayService:
    """Say whether the bin is open; `reason` is empty when it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class TellFull:
    """Record once that the box is full."""


BinEffect = CheckIn | Secure | NoteSecured | KeepCount | SayService | TellFull


def step(state: Bin, event: BinEvent) -> tuple[Bin, tuple[BinEffect, ...]]:
    """Return the state after `event` and what is to be done."""
    before = state.closed_because
    match event:
        case ItemPlaced(uid=uid, item=item):
            after, effects = _placed(state, uid, item)
        case TagGone(uid=uid):
            after, effects = _gone(state, uid), ()
        case CheckedIn(item=item, checkin=checkin):
            after, effects = _checked_in(state, item, checkin)
        case TagsWritten():
            after, effects = _written(state, event)
        case SecuredNoted(item=item):
            after, effects = _noted(state, item)
        case Conditions():
            after, effects = replace(state, room=event.room, pad=event.pad, open=event.open), ()
        case Emptied():
            after, effects = replace(state, count=0, said_full=False), (KeepCount(0),)
        case _:
            assert_never(event)
    if after.closed_because != before:
        effects = (*effects, SayService(after.closed_because))
        if after.count >= after.full_at and not after.said_full:
            after, effects = replace(after, said_full=True), (*effects, TellFull())
        if not after.closed_because:
            after, retaken = _take_refused(after)
            effects = (*effects, *retaken)
    return after, effects


def _with(state: Bin, slot: Slot) -> Bin:
    return replace(state, slots={**state.slots, slot.item: slot})


def _without(state: Bin, item: str) -> Bin:
    return replace(state, slots={name: slot for name, slot in state.slots.items() if name != item})


def _placed(state: Bin, uid: str, item: str) -> tuple[Bin, tuple[BinEffect, ...]]:
    slot = state.slots.get(item)
    if slot is None:
        phase: Phase = "refused" if state.closed_because else "checking-in"
        slot = Slot(item, phase, frozenset({uid}), frozenset({uid}))
        return _with(state, slot), () if phase == "refused" else (CheckIn(item),)
    slot = replace(slot, here=slot.here | {uid}, unwritten=slot.unwritten | {uid})
    if slot.phase == "done":
        # A further part of a set came late: the return stands, its tag is still to be secured.
        return _with(state, replace(slot, phase="writing")), (Secure(item, frozenset({uid})),)
    return _with(state, slot), ()


def _gone(state: Bin, uid: str) -> Bin:
    for slot in state.slots.values():
        if uid in slot.here:
            slot = replace(slot, here=slot.here - {uid})  # noqa: PLW2901 - the loop ends here
            if not slot.here and slot.phase in ("done", "refused"):
                return _without(state, slot.item)
            return _with(state, slot)
    return state


def _checked_in(state: Bin, item: str, checkin: str) -> tuple[Bin, tuple[BinEffect, ...]]:
    slot = state.slots[item]
    if not checkin:
        slot = replace(slot, phase="refused")
        return (_with(state, slot) if slot.here else _without(state, item)), ()
    slot = replace(slot, phase="writing", checkin=checkin)
    count = state.count + 1
    after = replace(_with(state, slot), count=count)
    return after, (Secure(item, slot.unwritten), KeepCount(count))


def _written(state: Bin, event: TagsWritten) -> tuple[Bin, tuple[BinEffect, ...]]:
    slot = state.slots[event.item]
    outcome, afi = event.written.outcome, event.written.afi
    if slot.outcome not in (None, "verified"):
        outcome, afi = slot.outcome or outcome, slot.afi
    slot = replace(slot, outcome=outcome, afi=afi, unwritten=slot.unwritten - event.uids)
    if slot.unwritten:
        return _with(state, slot), (Secure(slot.item, slot.unwritten),)
    slot = replace(slot, phase="noting")
    # A tag that went before it could be touched is as it was; nobody has seen it secured.
    said: Literal["verified", "failed", "unknown"] = "failed" if outcome == "gone" else outcome
    return _with(state, slot), (NoteSecured(slot.item, slot.checkin, said, afi),)


def _noted(state: Bin, item: str) -> tuple[Bin, tuple[BinEffect, ...]]:
    slot = replace(state.slots[item], phase="done", outcome=None)
    if slot.unwritten:
        return _with(state, replace(slot, phase="writing")), (Secure(item, slot.unwritten),)
    return (_with(state, slot) if slot.here else _without(state, item)), ()


def _take_refused(state: Bin) -> tuple[Bin, tuple[BinEffect, ...]]:
    waiting = [slot for slot in state.slots.values() if slot.phase == "refused"]
    for slot in waiting:
        state = _with(state, replace(slot, phase="checking-in"))
    return state, tuple(CheckIn(slot.item) for slot in waiting)
