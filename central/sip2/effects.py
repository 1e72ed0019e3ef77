"""What a conversation with a terminal asks of its surroundings, and what it is told. Values alone.

Those of every question are named tuples: made in a third of the time of a frozen dataclass.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from central.sip2.accounts import Account
from central.sip2.answers import Verdict
from central.sip2.reads import Entry, ItemSeen, PatronSeen
from central.terminal import AtTerminal, Outcome

# --- what is to be done


class Send(NamedTuple):
    """Bytes for the terminal."""

    data: bytes

    def __repr__(self) -> str:
        return "Send()"


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


class LookPatron(NamedTuple):
    """Read a patron and lists of theirs; `FoundPatron` comes back."""

    card: str
    lists: tuple[str, ...] = ()
    first: int = 1
    most: int = 9999

    def __repr__(self) -> str:
        return "LookPatron()"


class LookItem(NamedTuple):
    """Read an item; `FoundItem` comes back."""

    item: str


@dataclass(frozen=True, slots=True)
class LookWord:
    """Read one text; `FoundWord` comes back."""

    what: str
    given: tuple[str, ...] = field(repr=False)


class Submit(NamedTuple):
    """Let the desk do something; `Done` comes back after its commit."""

    request: AtTerminal

    def __repr__(self) -> str:
        return "Submit()"


@dataclass(frozen=True, slots=True)
class Close:
    """Hang up, once everything is sent."""

    why: str


Need = JudgePin | LookPatron | LookItem | LookWord | Submit
"""What an answer may need first."""
Effect = Send | CheckLogin | Need | Close


# --- what happens


class Heard(NamedTuple):
    """A frame came, without its end."""

    frame: bytes

    def __repr__(self) -> str:
        return "Heard()"


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """What came of `CheckLogin`; None: it is refused."""

    account: Account | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of `JudgePin`."""

    verdict: Verdict


class FoundPatron(NamedTuple):
    """What came of `LookPatron`."""

    seen: PatronSeen | None
    lists: tuple[tuple[str, tuple[Entry, ...]], ...] = ()

    def __repr__(self) -> str:
        return "FoundPatron()"


class FoundItem(NamedTuple):
    """What came of `LookItem`."""

    seen: ItemSeen | None


@dataclass(frozen=True, slots=True)
class FoundWord:
    """What came of `LookWord`."""

    word: str | None = field(repr=False)


class Done(NamedTuple):
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
