"""What a kiosk knows at one moment: the pad, the visit, the rows of the list, the patron's comforts.

Everything here is frozen; `kiosk.visit.step` makes the next state. A union of small classes says what
is possible: a row that is being withdrawn cannot also be lent, because there is no class for it.

Not for: what is on the disk. The visit log (`wire.edge`) remembers requests over a restart; this
state is forgotten with the process, and on purpose at the end of each visit.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from kiosk import visit_rules, visit_slip
from wire.messages.stream import Refusal

# --- what lies on the pad ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ours:
    """A tag of this library: part `part` of `parts` of an item."""

    item: str
    secured: bool
    part: int = 1
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Foreign:
    """A tag of another owner: never written, only counted."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A tag that is blank, damaged or of a format nobody knows."""


@dataclass(frozen=True, slots=True)
class PatronTag:
    """A patron card on the pad instead of on the card reader."""


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A tag that an earlier visit dealt with and that was not lifted since: nobody's business."""


Tag = Ours | Foreign | Unreadable | PatronTag | LeftBehind


@dataclass(frozen=True, slots=True)
class OnPad:
    """One tag on the pad. The pad is a snapshot: whatever lies there counts, whenever it came."""

    uid: str
    tag: Tag


# --- one row of the list ----------------------------------------------------------------------------

WithdrawReason = Literal["timeout", "removed", "tag-failed", "left"]


@dataclass(frozen=True, slots=True)
class Loan:
    """A granted request whose tag has yet to be unsecured.

    `locked`: it must not leave as it is. A book that is only renewed, and lay here unsecured, may.
    """

    request: str
    due: date | None
    renewed: bool = False
    locked: bool = True


@dataclass(frozen=True, slots=True)
class Taken:
    """A recorded checkin whose tag has yet to be secured."""

    checkin: str


Job = Loan | Taken


@dataclass(frozen=True, slots=True)
class Incomplete:
    """Parts of a set are missing; nothing is asked until all lie here."""


@dataclass(frozen=True, slots=True)
class NotNow:
    """Borrowing is not possible at this moment; asked as soon as it is."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request is being committed (`request` empty) or waits for central's answer."""

    since: float
    request: str = ""


@dataclass(frozen=True, slots=True)
class Settling:
    """A return that has to lie still for a moment first: a bag in passing is no return."""

    since: float


@dataclass(frozen=True, slots=True)
class Undecided:
    """A secured item without a card: to be borrowed, or returned? The patron says."""


@dataclass(frozen=True, slots=True)
class CheckingIn:
    """The checkin is being committed."""


@dataclass(frozen=True, slots=True)
class Writing:
    """The security of the tags is being written and read back. `touched`: an earlier try is unclear."""

    job: Job
    tries: int = 1
    touched: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """The last try failed and the item still lies here: the next one is at `at`."""

    job: Job
    tries: int
    touched: bool
    at: float


@dataclass(frozen=True, slots=True)
class Away:
    """The item was lifted before its tag was done. The patron can put it back."""

    job: Job
    touched: bool = False


@dataclass(frozen=True, slots=True)
class Lent:
    """Lent, unsecured and read back."""

    due: date | None
    renewed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Central said no, and why."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class NotLent:
    """The request was withdrawn (or never taken: `full`), and that is committed."""

    reason: WithdrawReason | Literal["full"]


@dataclass(frozen=True, slots=True)
class Unsure:
    """Lent, but nobody can say how the tag was left; a case is open."""


@dataclass(frozen=True, slots=True)
class Returned:
    """Returned, secured and read back."""


@dataclass(frozen=True, slots=True)
class HandIn:
    """Returned, but the tag is not secured; a case is open and the item goes to staff."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The checkin could not be stored: returns are closed."""


Done = Lent | Refused | NotLent | Unsure | Returned | HandIn | NotTaken


@dataclass(frozen=True, slots=True)
class Noting:
    """What happened is being committed under `key`; only then is `then` said."""

    key: str
    then: Done


Working = Asking | CheckingIn | Writing | Again | Noting | Settling
Resting = Incomplete | NotNow | Undecided
Stage = Working | Resting | Away | Done


@dataclass(frozen=True, slots=True)
class Row:
    """One item in the list. `lifted`: it was taken away since its outcome, so laying it down asks anew."""

    item: str
    stage: Stage
    title: str | None = None
    lifted: bool = False


# --- the visit --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NextCard:
    """A card whose turn comes: after the visit before it, or when lending goes on."""

    visit: str
    card: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Calm:
    """Nothing stands between the patron and the list."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Nothing happened for long: "are you still there?" """

    since: float


@dataclass(frozen=True, slots=True)
class Choosing:
    """The patron wants to go while an item is not finished: put it back, or go without?"""


@dataclass(frozen=True, slots=True)
class Leaving:
    """The visit ends as soon as nothing is in flight."""

    next: NextCard | None = None


Mood = Calm | Warned | Choosing | Leaving


@dataclass(frozen=True, slots=True)
class Idle:
    """Nobody is here. `since`: when somebody last touched anything."""

    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Greeting:
    """A card was read; central is asked whose it is."""

    visit: str
    card: str = field(repr=False)
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Barred:
    """This patron cannot borrow here and now; `refusal` says why."""

    refusal: Refusal
    since: float
    card: NextCard | None = None
    """Set when only central was missing: the card is asked about again when lending goes on."""


@dataclass(frozen=True, slots=True)
class Lending:
    """A patron with a card, and the items they lay down."""

    visit: str
    card: str = field(repr=False)
    greeting: str | None
    rows: tuple[Row, ...] = ()
    mood: Mood = Calm()
    quiet_since: float = 0.0


@dataclass(frozen=True, slots=True)
class Returning:
    """Somebody without a card who gives items back. `everything`: secured ones, too."""

    everything: bool = False
    rows: tuple[Row, ...] = ()
    mood: Mood = Calm()
    quiet_since: float = 0.0


Goodbye = visit_slip.Goodbye
Visit = Idle | Greeting | Barred | Lending | Returning | Goodbye
Listing = Lending | Returning


# --- the kiosk --------------------------------------------------------------------------------------

Rules = visit_rules.Rules
Conditions = visit_rules.Conditions
Comfort = visit_rules.Comfort
Unread = visit_rules.Unread
SlipLine = visit_slip.SlipLine


@dataclass(frozen=True, slots=True)
class Kiosk:
    """Everything the kiosk knows at one moment."""

    rules: Rules = field(default_factory=Rules)
    conditions: Conditions = field(default_factory=Conditions)
    pad: tuple[OnPad, ...] = ()
    visit: Visit = Idle()
    comfort: Comfort = field(default_factory=Comfort)
    help_open: bool = False
    card_lies: bool = False
    unread: Unread | None = None
    """What was shown instead of a card just now; said until it is old, or a card is read."""
    lately: tuple[tuple[int, float], ...] = ()
    """Items lent a moment ago: this process's hash of the item id, and until when it counts."""


def is_done(stage: Stage) -> bool:
    """Say whether nothing more will happen to the row by itself."""
    return isinstance(stage, Done)


def is_working(row: Row) -> bool:
    """Say whether something of this row is in flight."""
    return isinstance(row.stage, Working)


def is_open(row: Row) -> bool:
    """Say whether this row has a loan or a return that is not settled yet."""
    return isinstance(row.stage, Working | Away)
