"""What a conversation with a terminal asks of its surroundings, and what it is told. Values alone."""

from dataclasses import dataclass, field

from central.sip2.accounts import Account
from central.sip2.answers import Verdict
from central.sip2.reads import Entry, ItemSeen, PatronSeen
from central.terminal import AtTerminal, Outcome

# --- what is to be done


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for the terminal."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CheckLogin:
    """Compare a login; `LoggedIn` comes back."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class JudgePin:
    """Compare a PIN; `Judged` comes back."""

    card: str = field(repr=False)
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LookPatron:
    """Read a patron and lists of theirs; `FoundPatron` comes back."""

    card: str = field(repr=False)
    lists: tuple[str, ...] = ()
    first: int = 1
    count: int = 9999


@dataclass(frozen=True, slots=True)
class LookItem:
    """Read an item; `FoundItem` comes back."""

    item: str


@dataclass(frozen=True, slots=True)
class LookWord:
    """Read one text; `FoundWord` comes back."""

    what: str
    given: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Submit:
    """Let the desk do something; `Done` comes back after its commit."""

    request: AtTerminal = field(repr=False)


@dataclass(frozen=True, slots=True)
class Close:
    """Hang up, once everything is sent."""

    why: str


Need = JudgePin | LookPatron | LookItem | LookWord | Submit
"""What an answer may need first."""
Effect = Send | CheckLogin | Need | Close


# --- what happens


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame came, without its end."""

    frame: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """What came of `CheckLogin`; None: it is refused."""

    account: Account | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of `JudgePin`."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class FoundPatron:
    """What came of `LookPatron`."""

    seen: PatronSeen | None
    lists: tuple[tuple[str, tuple[Entry, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class FoundItem:
    """What came of `LookItem`."""

    seen: ItemSeen | None


@dataclass(frozen=True, slots=True)
class FoundWord:
    """What came of `LookWord`."""

    word: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of `Submit`."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Failed:
    """Something broke while this frame was worked on; it is answered all the same."""

    frame: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing came for too long."""


Found = Judged | FoundPatron | FoundItem | FoundWord | Done
Event = Heard | LoggedIn | Found | Failed | Silent
