"""A passage through a gate: tags in the field, two light barriers, one record. A pure step.

How it thinks: whatever is in the field together, with gaps shorter than `gap_ms`, is one passage. Lamp
and buzzer sound once in it, at the first ruling that asks for them; the record follows when the field
has been empty for the gap. Somebody is counted when both barriers have broken and the nearer one is free
again; the one that broke first tells the direction, and who turns round in between is not counted. Where
a people counter does that work (`Counted`), the barriers say nothing. A passage takes the direction of the
people counted around it; two directions at once are no direction. A tag that stands in the field for
`STANDING_MS` (a book cart beside the gate) ends its passage and is not told again until it has gone.

A tag about which is asked elsewhere (`kiosk.gate_ask`) belongs to the passage at once and is ruled on when
the answer comes, or when its time is over; no passage ends before.

Times are milliseconds since boot.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, assert_never

from firmware_bridge.tags.reading import ItemTag, TagReading
from kiosk.gate import Ruling
from kiosk.gate_ask import Prospects
from wire.messages.facts import PassedItem, Verdict

Direction = Literal["in", "out"]

STANDING_MS = 60_000


@dataclass(frozen=True, slots=True)
class Walk:
    """The barriers: which broke first, and how far this somebody has come."""

    first: Direction | None = None
    since: int = 0
    stage: Literal["near", "between", "through", "void"] = "near"
    """near: the first barrier alone has broken. between: both, in time. through: counted, and the far one is
    broken; the next at the near one is somebody else. void: too slow, or both at once; nobody is counted."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A tag about which is asked elsewhere."""

    reading: TagReading
    prospects: Prospects
    seen_at: int
    until: int
    """From then on silence is the answer."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate's whole state."""

    gap_ms: int
    within_ms: int
    walk: Walk = Walk()
    seen: dict[str, tuple[TagReading, Ruling]] = field(default_factory=dict)
    """Tags of the passage under way, with what was decided."""
    asking: dict[str, Asking] = field(default_factory=dict)
    """Tags of the passage under way that are not decided yet."""
    began: int = 0
    last_seen: int = 0
    sounded: bool = False
    standing: dict[str, int] = field(default_factory=dict)
    """Tags that stand in the field, and when each was last seen."""
    people: tuple[tuple[int, Direction], ...] = ()
    """Who was counted lately, for the direction of passages."""
    people_since_tag: int = 0
    """People counted since the last tag was seen: a gate that only sees people may be blind."""

    def is_new(self, uid: str) -> bool:
        """Whether this tag has to be read and ruled on."""
        return uid not in self.seen and uid not in self.asking and uid not in self.standing


@dataclass(frozen=True, slots=True)
class TagSeen:
    """A tag came into the field, was read and ruled on."""

    at: int
    uid: str
    reading: TagReading
    ruling: Ruling


@dataclass(frozen=True, slots=True)
class TagAsked:
    """A tag came into the field and was read; what it means is asked elsewhere, until `until`."""

    at: int
    uid: str
    reading: TagReading
    prospects: Prospects
    seen_at: int
    until: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Somebody knows whether an item is on loan; None: nobody does."""

    at: int
    item: str
    on_loan: bool | None


@dataclass(frozen=True, slots=True)
class Looked:
    """One look at the field: who is in it, and the barriers (True: broken)."""

    at: int
    uids: frozenset[str]
    inner: bool = False
    outer: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """A people counter counted so many more since it was asked last."""

    at: int
    entered: int
    left: int


GateEvent = TagSeen | TagAsked | Answered | Looked | Counted


@dataclass(frozen=True, slots=True)
class Sound:
    """Light the lamp and sound the buzzer, now."""

    seen_at: int | None = None
    """When the tag was first seen, if that was not just now."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask whether an item is on loan."""

    item: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody went through."""

    direction: Direction


@dataclass(frozen=True, slots=True)
class Passed:
    """A passage is over: what its record says."""

    direction: Literal["in", "out", "unknown"]
    verdict: Verdict
    degraded: bool
    items: tuple[PassedItem, ...]
    foreign: int
    silent: int


GateEffect = Sound | Ask | Person | Passed


def step(state: Gate, event: GateEvent) -> tuple[Gate, tuple[GateEffect, ...]]:
    """Return the state after `event` and what is to be done."""
    state, overdue = _overdue(state, event.at)
    match event:
        case TagSeen() | TagAsked() if not state.is_new(event.uid):
            return state, overdue
        case TagSeen():
            state, effects = _rule(_there(state, event.at), event.uid, event.reading, event.ruling)
        case TagAsked(uid=uid, reading=reading, prospects=prospects):
            asking = Asking(reading, prospects, event.seen_at, event.until)
            state = replace(_there(state, event.at), asking={**state.asking, uid: asking})
            effects = (Ask(prospects.item),)
        case Answered(item=item, on_loan=on_loan):
            told = [uid for uid, one in state.asking.items() if one.prospects.item == item]
            state, effects = _answer(state, told, on_loan)
        case Looked():
            state, people = _barriers(state, event)
            state, passed = _field(state, event)
            effects = (*people, *passed)
        case Counted(at=at, entered=entered, left=left):
            came: tuple[Direction, ...] = ("in",)
            went: tuple[Direction, ...] = ("out",)
            state, effects = _people(state, at, came * entered + went * left)
        case _:
            assert_never(event)
    return state, (*overdue, *effects)


def _there(state: Gate, at: int) -> Gate:
    """A tag came into the field; the first one begins a passage."""
    fresh = not state.seen and not state.asking
    return replace(state, began=at if fresh else state.began, last_seen=at, people_since_tag=0)


def _rule(
    state: Gate, uid: str, reading: TagReading, ruling: Ruling, seen_at: int | None = None
) -> tuple[Gate, tuple[GateEffect, ...]]:
    sound = ruling.sound and not state.sounded
    seen = {**state.seen, uid: (reading, ruling)}
    return replace(state, seen=seen, sounded=state.sounded or sound), ((Sound(seen_at),) if sound else ())


def _overdue(state: Gate, at: int) -> tuple[Gate, tuple[GateEffect, ...]]:
    """Rule on tags about which nobody answered in time."""
    return _answer(state, [uid for uid, one in state.asking.items() if one.until <= at], None)


def _answer(state: Gate, uids: list[str], on_loan: bool | None) -> tuple[Gate, tuple[GateEffect, ...]]:
    effects: tuple[GateEffect, ...] = ()
    for uid in uids:
        one = state.asking[uid]
        state = replace(state, asking={other: it for other, it in state.asking.items() if other != uid})
        state, more = _rule(state, uid, one.reading, one.prospects.ruling(on_loan), one.seen_at)
        effects += more
    return state, effects


def _barriers(state: Gate, look: Looked) -> tuple[Gate, tuple[GateEffect, ...]]:
    walk = state.walk
    if walk.first is None:
        if not (look.inner or look.outer):
            return state, ()
        # Both at once: whoever is faster than the polling goes both ways at once; nobody is counted.
        first: Direction = "out" if look.inner else "in"
        both = look.inner and look.outer
        return replace(state, walk=Walk(first, look.at, "void" if both else "near")), ()
    near, far = (look.inner, look.outer) if walk.first == "out" else (look.outer, look.inner)
    walked, came = _walk(walk, near, far, look.at, state.within_ms)
    return _people(replace(state, walk=walked), look.at, (walk.first,) if came else ())


def _walk(walk: Walk, near: bool, far: bool, at: int, within_ms: int) -> tuple[Walk, bool]:
    """Return how far somebody has come with this look, and whether that was the way through."""
    match walk.stage, near, far:
        case "between", False, False:
            return Walk(), True
        case _, False, False:
            return Walk(), False
        case "near", _, True if at - walk.since > within_ms:
            return replace(walk, stage="void"), False
        case "near", True, True:
            return replace(walk, stage="between"), False
        case (("near" | "between"), False, True):
            return replace(walk, stage="through"), True
        case "between", True, False:
            return replace(walk, since=at, stage="near"), False
        case "through", True, False:
            return Walk(walk.first, at), False
        case "void", False, True:
            return replace(walk, stage="through"), False
        case _:
            return walk, False


def _people(state: Gate, at: int, ways: tuple[Direction, ...]) -> tuple[Gate, tuple[GateEffect, ...]]:
    """Count people who have just gone through."""
    if not ways:
        return state, ()
    lately = tuple(one for one in state.people if at - one[0] <= STANDING_MS)
    return replace(
        state,
        people=(*lately, *((at, way) for way in ways)),
        people_since_tag=state.people_since_tag + len(ways),
    ), tuple(Person(way) for way in ways)


def _field(state: Gate, look: Looked) -> tuple[Gate, tuple[GateEffect, ...]]:
    standing = {uid: look.at if uid in look.uids else when for uid, when in state.standing.items()}
    standing = {uid: when for uid, when in standing.items() if look.at - when < state.gap_ms}
    if standing != state.standing:
        state = replace(state, standing=standing)
    if not state.seen and not state.asking:
        return state, ()
    if look.uids & (state.seen.keys() | state.asking.keys()):
        state = replace(state, last_seen=look.at)
        if look.at - state.began < STANDING_MS or state.asking:
            return state, ()
        still = dict.fromkeys(look.uids & state.seen.keys(), look.at)
        return replace(_empty(state), standing={**standing, **still}), _record(state, look.at)
    walking = state.walk.first is not None and look.at - state.walk.since < state.within_ms
    if look.at - state.last_seen < state.gap_ms or walking or state.asking:
        return state, ()
    return _empty(state), _record(state, look.at)


def _empty(state: Gate) -> Gate:
    return replace(state, seen={}, sounded=False)


def _record(state: Gate, at: int) -> tuple[Passed, ...]:
    """Return the record of the passage; nothing when no library's item was in it."""
    rulings = [ruling for _, ruling in state.seen.values()]
    if all(ruling.counted == "none" for ruling in rulings):
        return ()
    items: dict[str, PassedItem] = {}
    for reading, ruling in state.seen.values():
        if isinstance(reading, ItemTag) and ruling.counted == "item":
            # Several tags of one item are one item; the one that was ruled on first speaks.
            secured = reading.security == "secured"
            items.setdefault(
                reading.item,
                PassedItem(item=reading.item, secured=secured, verdict=ruling.verdict, case=ruling.case),
            )
    verdicts: set[Verdict] = {ruling.verdict for ruling in rulings}
    worst: Verdict = "alarm" if "alarm" in verdicts else "soft-alarm" if "soft-alarm" in verdicts else "pass"
    around = {way for when, way in state.people if state.began - state.within_ms <= when <= at}
    return (
        Passed(
            direction=next(iter(around)) if len(around) == 1 else "unknown",
            verdict=worst,
            degraded=any(ruling.degraded for ruling in rulings),
            items=tuple(items.values()),
            foreign=sum(ruling.counted == "foreign" for ruling in rulings),
            silent=sum(ruling.counted == "silent" for ruling in rulings),
        ),
    )
