"""Central's end of a stream (docs/streams.md §1.5, rules C1-C5), as pure judgements.

Central keeps one `Row` per stream, for ever, and takes an entry only onto the entry before it: number and
id must fit. It never orders a station to fork; it shows its evidence in a resume and the station judges.
`judge` says what a message comes to; the desk carries it out in one transaction that compares the row as
it was read (`UPDATE … WHERE upto = seq-1 AND id = prev_id`) and the lease's epoch, and speaks after it.

Not for: what an entry does to circulation, nor the journal. The caller looks the entry's id up there
(`known_id`) in the same transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, assert_never

from wire.messages.stream import Entry, Envelope, Hello, Lost, Resume, Void

Upward = Hello | Entry | Void | Lost | Envelope


class Row(NamedTuple):
    """What central keeps of one stream (§1.2)."""

    stream: str
    station: str
    upto: int = 0
    id: str = ""
    """Id of entry `upto`."""
    high: int = 0
    high_id: str = ""
    """The furthest entry that a station ever claimed to hold."""
    parked: bool = False


class Take(NamedTuple):
    """C2: consume the entry, with its effect; `row` is the stream's row after it."""

    row: Row
    clash: bool
    """Another entry was claimed under this number: case `fork`."""


@dataclass(frozen=True, slots=True)
class TakeKnown:
    """C2: the id stands in the journal already: move on without effect and repeat the answer."""

    row: Row
    clash: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """Nothing moves: say the resume."""

    limited: bool = False
    """At most one such resume a second for each stream."""
    repeat_answer: bool = False
    """A known request: say its stored answer again."""


@dataclass(frozen=True, slots=True)
class RaiseHigh:
    """C1: store the new claim, then say the resume."""

    row: Row


@dataclass(frozen=True, slots=True)
class LoseTo:
    """C5: entries first..last can never be sent any more: move on, open the case, say the resume."""

    row: Row
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Foreign:
    """The stream belongs to another station (a disk that was moved): nothing moves, someone must look."""

    owner: str


Judgement = Take | TakeKnown | Reply | RaiseHigh | LoseTo | Foreign


def judge(row: Row, message: Upward, *, station: str, boot: str, known_id: bool) -> Judgement:
    """Say what `message` from `station` comes to; `row` is the stream's row, `Row(stream, station)` if none.

    `boot` is this central's; `known_id` says whether the journal knows the entry's id (False for others).
    """
    if row.station != station:
        return Foreign(row.station)
    match message:
        case Hello():
            return _hello(row, message)
        case Entry() | Void() | Envelope():
            return _entry(row, message, boot, known_id)
        case Lost():
            return _lost(row, message, boot)
        case _:
            assert_never(message)


def resume(row: Row, link: str, boot: str) -> Resume:
    """Return central's evidence; `link` echoes the message that it answers."""
    return Resume(
        stream=row.stream,
        link=link,
        central=boot,
        upto=row.upto,
        id=row.id,
        high=row.high,
        high_id=row.high_id,
        parked=row.parked,
    )


def undelivered(rows: Iterable[Row], stream: str) -> tuple[Row, ...]:
    """C1: the *other* streams of a station, of which facts were claimed and never came (a case for each).

    The case is `facts upto+1-high of <stream> not delivered` and closes itself when they arrive.
    """
    return tuple(row for row in rows if row.stream != stream and row.high > row.upto)


def _hello(row: Row, hello: Hello) -> Judgement:
    """C1. Only who has seen the present claim may raise it: an old hello cannot overwrite evidence."""
    further = hello.last > row.upto and hello.last > row.high
    if further and (row.high <= row.upto or hello.seen == row.high_id):
        return RaiseHigh(row._replace(high=hello.last, high_id=hello.last_id))
    return Reply()


def _entry(row: Row, entry: Entry | Void | Envelope, boot: str, known_id: bool) -> Judgement:
    """C2."""
    if entry.to != boot or row.parked:
        return Reply()
    if entry.seq != row.upto + 1 or entry.prev_id != row.id:
        return Reply(limited=True, repeat_answer=True)
    clash = entry.seq == row.high and entry.id != row.high_id
    after = Row(row.stream, row.station, entry.seq, entry.id, row.high, row.high_id, row.parked)
    return TakeKnown(after, clash) if known_id else Take(after, clash)


def _lost(row: Row, lost: Lost, boot: str) -> Judgement:
    """C5."""
    if lost.to != boot or row.parked or lost.after != row.upto or lost.upto <= row.upto:
        return Reply()
    return LoseTo(row._replace(upto=lost.upto, id=lost.id), first=lost.after + 1, last=lost.upto)
