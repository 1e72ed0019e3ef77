"""What goes into the desk and what comes out of it (design §4, streams.md §1.5).

`Desk.submit` takes one `DeskInput` and returns its `DeskResult` after the commit, never before: whoever
gets a result may say it. What a commit changed besides goes in commit order to `Desk.effects`.

Nothing here carries a patron; a `DeskResult.answer` may carry a title and goes to its station alone.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pydantic import ValidationError

from central.authority import Said
from central.authority_states import Call, Verb
from central.ledger.alarms import AlarmRow
from central.terminal import AtTerminal, Outcome
from wire.messages.asks import ItemChange
from wire.messages.stream import UPWARD, Answer, Entry, Envelope, Hello, Lost, Resume, Void

Upward = Hello | Entry | Void | Lost | Envelope


def read_upward(payload: bytes) -> Upward | None:
    """Return the message in a payload of `up/<station>/fact`.

    `Envelope` when only the never-versioned fields can be read (its entry becomes a dead letter), None when
    not even these can: nothing moves then, and the caller raises an alarm (streams.md C4).
    """
    try:
        return UPWARD.validate_json(payload)
    except ValidationError:
        pass
    try:
        return Envelope.model_validate_json(payload)
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True)
class FromStation:
    """A message of a station's stream. `station` is the certificate's name, from the topic."""

    station: str
    message: Upward


@dataclass(frozen=True, slots=True)
class RetryStream:
    """An operator lets a station's parked streams try again."""

    station: str
    operator: str


@dataclass(frozen=True, slots=True)
class SkipEntry:
    """An operator gives up the entry at which a station's stream is parked; it becomes a case."""

    station: str
    operator: str


@dataclass(frozen=True, slots=True)
class AskNext:
    """The runner has room: commit as *sent* what may be asked elsewhere now, and return the calls."""

    busy: frozenset[str]
    """Requests with a call under way, or resting after one."""
    room: int
    stale_ms: int
    """A request that could not be sent for so long is refused."""
    boot: str


@dataclass(frozen=True, slots=True)
class Told:
    """What an authority elsewhere said to a call."""

    request: str
    verb: Verb
    said: Said
    give_up_ms: int
    """What is in doubt for so long is a case."""
    boot: str


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What a library's own system said of an item, asked or overheard: lent, or back, without us."""

    item: str
    on_loan: bool
    at: int
    """When it was asked, or said, ms since 1970 UTC: what we know from later outranks it."""
    due: date | None = None


DeskInput = FromStation | RetryStream | SkipEntry | AskNext | Told | Mirrored | AtTerminal


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something an alarm must tell: a stream parked on its next entry, one that runs again, or a stream
    that another station owns (a disk was moved): of that one nothing moves."""

    kind: Literal["parked", "released", "foreign-stream"]
    station: str
    stream: str
    seen: str


@dataclass(frozen=True, slots=True)
class DeskResult:
    """What became of one input, after its commit.

    In a batch only the last message of a stream carries the resume. A message without resume and answer
    was overtaken or is repeated too soon: acknowledge it all the same, the station asks again.
    """

    resume: Resume | None = None
    answer: Answer | None = None
    alarm: Trouble | None = None
    detail: str = ""
    """For operators: what was done, e.g. how many streams were released."""
    calls: tuple[Call, ...] = ()
    """For the runner: the calls it makes now."""
    done: Outcome | None = None
    """For terminals: what became of an `AtTerminal`."""

    def saying(self, resume: Resume) -> "DeskResult":
        """Return it with how far the stream stands."""
        return DeskResult(resume, self.answer, self.alarm, self.detail, self.calls, self.done)


FeedWord = Literal["checkout", "renew", "refused", "withdrawn", "checkin", "passage", "gate-alarm", "case"]
"""The desk's share of `FeedEvent.event`."""


@dataclass(frozen=True, slots=True)
class ItemsChanged:
    """Item changes first..n of one commit, without holes; ready for the topic `items/changes`."""

    first: int
    n: int
    at: datetime
    changes: tuple[ItemChange, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing for the feed of a branch. `detail` is a code, never a name or a number of anyone."""

    event: FeedWord
    station: str
    branch: str
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """Something a person must look at. `kind` is the first part of `key`."""

    key: str
    kind: str
    station: str
    branch: str
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CaseClosed:
    """A case that is over, by itself or by an operator."""

    key: str
    kind: str
    station: str
    branch: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """People counted at a gate."""

    station: str
    branch: str
    at: datetime
    entered: int
    left: int


@dataclass(frozen=True, slots=True)
class Pushed:
    """An answer that came later than its request's commit (an authority elsewhere); its link is empty."""

    station: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class GateAlarm:
    """An alarm that was raised, or stands again, in the commit of the passage that is its cause."""

    alarm: AlarmRow
    at: datetime
    """When the gate sounded."""


Effect = ItemsChanged | Happened | CaseOpened | CaseClosed | Counted | Pushed | GateAlarm
