"""Who decides whether an item is lent: a port with the own ledger behind it.

`decide` is called inside the commit that consumes the request, with all that this transaction sees, so
it must not wait: what it says is stored as answer and effect together. For the own ledger that is all.

A library's own system (SIP2) cannot be asked inside a transaction. Its adapter stands on both sides of
this port: the request is committed as *sent* first, the call is made outside, and the outcome comes back
to the desk as an input of its own, decided by what was said there; the answer then leaves as `Pushed`
(design §4, authority: asked -> sent -> granted | refused | unknown).
"""

from typing import Protocol

from circulation.decide import Decision, decide
from circulation.model import Asked
from circulation.policy import Policy
from wire.messages.stream import Refusal


class Authority(Protocol):
    """Decides requests."""

    def decide(self, asked: Asked, at_ms: int) -> Decision:
        """Answer a request made at `at_ms` (ms since 1970 UTC). Must not wait, must not change anything."""


class OwnLedger:
    """The authority of a library whose loans are kept here: its policy decides."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def decide(self, asked: Asked, at_ms: int) -> Decision:
        """Decide by the policy."""
        return decide(self.policy, asked, at_ms)


class Refusing:
    """The shipped fake: it refuses everything with one code, for tests and for a closed day."""

    def __init__(self, code: str = "closed") -> None:
        self.code = code

    def decide(self, asked: Asked, at_ms: int) -> Decision:
        """Refuse."""
        return Refusal(code=self.code, next_step="try-later")
