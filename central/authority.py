"""Who decides whether an item is lent: the ledger here, or a library's own system elsewhere.

The desk asks an `Authority` inside the commit that consumes the request, with all that this transaction
sees. The own ledger decides there and then: what it says is stored as answer and effect together.

A system elsewhere cannot be asked inside a transaction. Then `decide` says None: the request is committed
as *asked*, its stream goes on, and the runner (`central.authority_runner`) carries it to a
`RemoteAuthority`: *sent* is committed first, the call is made outside, and what was said there comes back
to the desk as an input of its own. The answer leaves as `Pushed` (design §4).

What a remote authority says is a value. `Doubt` means that it may have acted: then it is asked what
stands there (`settle`) and never sent the request again. `Away` means that it certainly did not.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

from circulation.decide import Decision, decide
from circulation.model import Asked
from circulation.policy import Policy
from wire.messages.stream import Refusal


class Authority(Protocol):
    """Decides requests, or says that they are decided elsewhere."""

    at_once: bool
    """Whether `decide` always decides; if not, returns and loans that happened are told elsewhere too."""

    def decide(self, asked: Asked, at_ms: int) -> Decision | None:
        """Answer a request made at `at_ms` (ms since 1970 UTC); None: it must be asked elsewhere.

        Must not wait, must not change anything.
        """


class OwnLedger:
    """The authority of a library whose loans are kept here: its policy decides."""

    at_once = True

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def decide(self, asked: Asked, at_ms: int) -> Decision:
        """Decide by the policy."""
        return decide(self.policy, asked, at_ms)


class Refusing:
    """The shipped fake: it refuses everything with one code, for tests and for a closed day."""

    at_once = True

    def __init__(self, code: str = "closed") -> None:
        self.code = code

    def decide(self, asked: Asked, at_ms: int) -> Decision:
        """Refuse."""
        return Refusal(code=self.code, next_step="try-later")


class Elsewhere:
    """The authority of a library whose own system keeps the loans: here only the pad is judged."""

    at_once = False

    def decide(self, asked: Asked, at_ms: int) -> Decision | None:
        """Refuse what has left the pad since; all else is asked there."""
        if asked.left:
            return Refusal(code="left-the-pad", next_step="put-back")
        return None


# --- the library's own system


@dataclass(frozen=True, slots=True)
class Request:
    """What a system elsewhere is asked, or told."""

    request: str
    kind: Literal["checkout", "renew", "checkin"]
    item: str
    card: str | None = field(repr=False)
    """None with a checkin: whoever had it."""
    station: str
    branch: str
    at_ms: int
    happened: bool
    """It is told, not asked: SIP2's *no block*."""
    due: date | None = None
    """Of a loan that is told: the date that the patron was told; None where nobody knows it any more."""


@dataclass(frozen=True, slots=True)
class Done:
    """It is so there: lent, lent on, returned, or taken back. `due` is None where it makes no sense."""

    due: date | None = None
    renewed: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """It may have happened there: no answer, a cut line, an answer that fits nothing."""

    seen: str


@dataclass(frozen=True, slots=True)
class Away:
    """It certainly did not happen there: nothing was sent."""

    seen: str


Said = Done | Refusal | Doubt | Away


class RemoteAuthority(Protocol):
    """A library's own system. None of these is called twice at once for one item or one patron."""

    async def carry_out(self, request: Request) -> Said:
        """Send a request. It is called again for the same one only after it said `Away`."""

    async def settle(self, request: Request) -> Said:
        """Ask what became of a request, changing nothing: `Done` if what it wants is so there, a Refusal
        if it is not, else `Doubt` or `Away`."""

    async def undo(self, request: Request) -> Said:
        """Take back a checkout that was carried out; a Refusal if that cannot be done there."""
