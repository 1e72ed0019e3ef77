"""Who decides whether an item is lent: this ledger, or the library's own system.

`decide` is called inside the commit that consumes the request, so it must not wait. The own ledger decides
there and then. An authority elsewhere returns `Elsewhere`: the desk commits the request as *sent*, calls
`settle` outside any transaction, and commits outcome and answer together when it comes:

    asked -> granted | refused                       (the own ledger)
    asked -> sent -> granted | refused | unknown     (elsewhere; unknown is settled by asking, not by
                                                      sending again)
"""

from dataclasses import dataclass
from typing import Protocol

from circulation.decide import Decision, decide
from circulation.model import Asked
from circulation.policy import Policy


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Somebody else decides; the request is committed as sent before that one is called."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say whether the other side lent it: asked again later, never sent again."""

    seen: str


class Authority(Protocol):
    """The port."""

    def decide(self, asked: Asked, at_ms: int) -> Decision | Elsewhere:
        """Decide at once, or say that it is decided elsewhere. Must not wait."""

    async def settle(self, asked: Asked, at_ms: int, *, again: bool) -> Decision | Unknown:
        """Ask the other side; `again` when it was asked before and the outcome was lost."""


class OwnLedger:
    """The authority of a library whose loans are kept here."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def decide(self, asked: Asked, at_ms: int) -> Decision | Elsewhere:
        """Decide by the policy."""
        return decide(self.policy, asked, at_ms)

    async def settle(self, asked: Asked, at_ms: int, *, again: bool) -> Decision | Unknown:
        """Decide by the policy; nothing is ever left open here."""
        return decide(self.policy, asked, at_ms)
