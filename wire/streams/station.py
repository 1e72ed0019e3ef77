"""The station's end of a stream (docs/streams.md §1.4, rules S1-S6), as a pure step.

A station judges, central only shows evidence. Each resume names two entries by number and id: `upto`,
how far central has committed, and `high`, the furthest entry a station ever claimed to hold. The station
holds both against its own rows. When one contradicts them, this disk was cloned, rolled back or made
anew: it takes a fresh stream and sends everything it still holds once more, under the same ids.

What is durable (`Held`) lives in edge.db and changes only by the effects `Confirm` and `Fork`; what is
volatile (`Talk`) belongs to one life of the daemon. Sending less than the rules allow is always safe,
because the network may lose anything: so a resume that shows progress sends only what was not sent on
this link yet, and one that shows none sends the window again.

Not for: appending, pruning and voiding rows (S1, S5, S6 are commits of `wire.edge`), nor lending.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from wire.messages.stream import Hello, Lost, Resume

WINDOW = 16
"""Entries in flight: published and not yet confirmed (design §3)."""

STALLED_S = 10.0
"""Rows are open and `confirmed` has not moved for this long: hello (S2)."""

UNANSWERED_S = 5.0
UNANSWERED_CAP_S = 60.0
"""No resume for this link: hello again, with doubling waits up to the cap (S2)."""

IDLE_S = 300.0
"""Hello even when idle: a restored central must find stations that think all is confirmed (S2)."""


@dataclass(frozen=True, slots=True)
class Held:
    """What edge.db holds of its stream."""

    stream: str
    parents: tuple[str, ...] = ()
    last: int = 0
    last_id: str = ""
    confirmed: int = 0
    """Highest number known to be committed at central."""
    pruned_seq: int = 0
    pruned_id: str = ""

    @property
    def first(self) -> int:
        """First number that is held."""
        return self.pruned_seq + 1


@dataclass(frozen=True, slots=True)
class Talk:
    """What a daemon knows of its talk with central; gone with the daemon. Times in seconds since boot."""

    link: str = ""
    """Random, new with each hello; empty while there is no connection."""
    central: str | None = None
    """Boot of the central this link talks to; None until the first resume."""
    seen: str = ""
    """`high_id` of the last accepted resume: survives a new hello, not the daemon."""
    parked: bool = False
    hold: bool = False
    """`lost` was said: nothing more before the next resume."""
    sent: int = 0
    """Highest number published on this link."""
    hello_at: float = 0.0
    tries: int = 0
    moved_at: float = 0.0
    """When `confirmed` moved last, or the first row became open."""


@dataclass(frozen=True, slots=True)
class Station:
    """Both halves."""

    held: Held
    talk: Talk


@dataclass(frozen=True, slots=True)
class Fresh:
    """Random ids that a step may use up, given so that the step stays pure."""

    link: str
    stream: str
    began: str


@dataclass(frozen=True, slots=True)
class Greet:
    """Time for a hello: connected and the reconnect window is over, or central's status shows a new boot."""

    now: float
    fresh: Fresh


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is gone."""


@dataclass(frozen=True, slots=True)
class Appended:
    """Rows were committed; `held` already counts them (S1)."""

    now: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A resume arrived. `at_upto`, `at_high`: the ids of this station's rows there, None when not held."""

    resume: Resume
    at_upto: str | None
    at_high: str | None
    now: float
    fresh: Fresh


@dataclass(frozen=True, slots=True)
class Tick:
    """Time goes by. `jitter` in 0..1 spreads the idle hellos of a fleet."""

    now: float
    fresh: Fresh
    jitter: float = 0.0


Event = Greet | Cut | Appended | Heard | Tick


@dataclass(frozen=True, slots=True)
class Confirm:
    """Durable: `confirmed` becomes `upto`."""

    upto: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Durable, one commit: a new stream that begins with `began` and carries every row held (S4)."""

    stream: str
    began: str
    parents: tuple[str, ...]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class SayHello:
    """Publish this."""

    hello: Hello


@dataclass(frozen=True, slots=True)
class SayLost:
    """Publish this."""

    lost: Lost


@dataclass(frozen=True, slots=True)
class Send:
    """Publish rows first..last, each with its answer if it has one."""

    first: int
    last: int


Effect = Confirm | Fork | SayHello | SayLost | Send


def id_at(held: Held, seq: int, row_id: str | None) -> str | None:
    """Return the id at `seq` as far as this disk knows it; `row_id` is the row's, None when not held."""
    if seq == 0:
        return ""
    if seq == held.pruned_seq:
        return held.pruned_id
    return row_id


def step(state: Station, event: Event) -> tuple[Station, tuple[Effect, ...]]:
    """Return the state after `event` and what to do, durable effects before what is said."""
    match event:
        case Greet(now=now, fresh=fresh):
            return _hello(state, now, fresh, tries=0)
        case Cut():
            return replace(state, talk=replace(state.talk, link="", central=None, hold=False)), ()
        case Appended(now=now):
            return _appended(state, now)
        case Heard():
            return _heard(state, event)
        case Tick():
            return _tick(state, event)
        case _:
            assert_never(event)


def _hello(state: Station, now: float, fresh: Fresh, tries: int) -> tuple[Station, tuple[Effect, ...]]:
    """S2: a new link; nothing else is said before the first resume for it."""
    held = state.held
    talk = replace(
        state.talk, link=fresh.link, central=None, hold=False, sent=0, hello_at=now, tries=tries, moved_at=now
    )
    hello = Hello(
        stream=held.stream,
        link=talk.link,
        first=held.first,
        last=held.last,
        last_id=held.last_id,
        seen=talk.seen,
    )
    return Station(held, talk), (SayHello(hello),)


def _appended(state: Station, now: float) -> tuple[Station, tuple[Effect, ...]]:
    """S1: publish what the window allows, once central is known."""
    held, talk = state.held, state.talk
    if talk.sent <= held.confirmed:
        talk = replace(talk, moved_at=now)
    return _send(Station(held, talk), after=max(talk.sent, held.confirmed))


def _heard(state: Station, event: Heard) -> tuple[Station, tuple[Effect, ...]]:
    """S3."""
    held, talk, resume = state.held, state.talk, event.resume
    if resume.stream != held.stream or resume.link != talk.link or not talk.link:
        return state, ()
    if talk.central is not None and talk.central != resume.central:
        return _hello(state, event.now, event.fresh, tries=0)
    first_of_link = talk.central is None
    at_upto = id_at(held, resume.upto, event.at_upto)
    at_high = id_at(held, resume.high, event.at_high)
    if _contradicts(held, resume, at_upto, at_high):  # S3.1
        return _fork(state, event)
    talk = replace(  # S3.2
        talk, central=resume.central, seen=resume.high_id, parked=resume.parked, hold=False, tries=0
    )
    if resume.upto < held.pruned_seq:  # S3.3
        return _lost(Station(held, talk), resume, first_of_link)
    effects: tuple[Effect, ...] = ()
    moved = resume.upto > held.confirmed
    if moved or (first_of_link and resume.upto != held.confirmed):  # S3.4: down only when first of its link
        held = replace(held, confirmed=resume.upto)
        effects = (Confirm(resume.upto),)
    if moved or first_of_link:
        talk = replace(talk, moved_at=event.now)
    again = held.confirmed if not moved or first_of_link else max(talk.sent, held.confirmed)
    state, sending = _send(Station(held, talk), after=again)  # S3.5
    return state, effects + sending


def _contradicts(held: Held, resume: Resume, at_upto: str | None, at_high: str | None) -> bool:
    """S3.1: does central's evidence say that this disk is not the only one with this stream?"""
    if resume.upto > held.last or (at_upto is not None and at_upto != resume.id):
        return True
    return resume.high > 0 and (
        resume.high > held.last or (at_high is not None and at_high != resume.high_id)
    )


def _lost(state: Station, resume: Resume, first_of_link: bool) -> tuple[Station, tuple[Effect, ...]]:
    """S3.3: central was restored to a point before rows that are pruned here."""
    held, talk = state.held, replace(state.talk, hold=True)
    if not first_of_link:
        return Station(held, talk), ()
    assert talk.central is not None
    lost = Lost(
        stream=held.stream,
        link=talk.link,
        to=talk.central,
        after=resume.upto,
        upto=held.pruned_seq,
        id=held.pruned_id,
    )
    confirm: tuple[Effect, ...] = ()
    if held.confirmed != held.pruned_seq:
        confirm = (Confirm(held.pruned_seq),)
        held = replace(held, confirmed=held.pruned_seq)
    return Station(held, talk), (*confirm, SayLost(lost))


def _fork(state: Station, event: Heard) -> tuple[Station, tuple[Effect, ...]]:
    """S4: a fresh stream with everything that is still held, then S2."""
    held, fresh = state.held, event.fresh
    rows = held.last - held.pruned_seq
    parents = (*held.parents, held.stream)
    fork = Fork(fresh.stream, fresh.began, parents, first=held.first, last=held.last)
    after = Held(
        stream=fresh.stream,
        parents=parents,
        last=rows + 1,
        last_id=held.last_id if rows else fresh.began,
    )
    greeted, hello = _hello(Station(after, state.talk), event.now, fresh, tries=0)
    return greeted, (fork, *hello)


def _send(state: Station, after: int) -> tuple[Station, tuple[Effect, ...]]:
    """Publish after+1 .. confirmed+WINDOW; not while central is unknown, parked, or owes a resume."""
    held, talk = state.held, state.talk
    last = min(held.last, held.confirmed + WINDOW)
    if talk.central is None or talk.parked or talk.hold or last <= after:
        return state, ()
    return Station(held, replace(talk, sent=max(last, talk.sent))), (Send(after + 1, last),)


def _tick(state: Station, event: Tick) -> tuple[Station, tuple[Effect, ...]]:
    """S2: the hellos that time brings."""
    held, talk, now = state.held, state.talk, event.now
    if not talk.link:
        return state, ()
    since = now - talk.hello_at
    if talk.central is None:
        if since >= min(UNANSWERED_S * 2**talk.tries, UNANSWERED_CAP_S):
            return _hello(state, now, event.fresh, tries=min(talk.tries + 1, 8))
        return state, ()
    stalled = (held.last > held.confirmed or talk.hold) and now - talk.moved_at >= STALLED_S
    idle = since >= IDLE_S * (1 - 0.2 * event.jitter)
    if stalled or idle:
        return _hello(state, now, event.fresh, tries=0)
    return state, ()
