"""The shipped fake of a library's own system: it keeps who has what, and misbehaves by script.

`script` says of each call how it goes; what it keeps is changed before an answer can be lost, as it would
be there. `sends` counts what reached it, so that a test can say that nothing was sent twice.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, assert_never

from central.authority import Away, Done, Doubt, Request, Said
from central.authority_states import Verb
from wire.messages.stream import Refusal

Manner = Literal["well", "refuse", "slow", "lose", "away", "mute"]
"""well: as asked; refuse: a policy forbids it; slow: well, but after `let_go` is set; lose: done, but the
answer is lost; away: nothing is sent; mute: done, and no answer ever comes."""


def _well(verb: Verb, request: Request) -> Manner:
    return "well"


async def _at_once(where: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Lent:
    """A loan there."""

    card: str | None
    request: str


class ScriptedAuthority:
    """A `RemoteAuthority` in memory. It outlives the central that asks it, as the real one does."""

    def __init__(
        self,
        script: Callable[[Verb, Request], Manner] = _well,
        pause: Callable[[str], Awaitable[None]] = _at_once,
    ) -> None:
        self.script = script
        self.pause = pause
        """Awaited before and after each thing that happens there, so that a test can end its asker there."""
        self.loans: dict[str, Lent] = {}
        self.sends: Counter[tuple[Verb, str]] = Counter()
        self.under_way: list[Request] = []
        self.crowded = 0
        """Calls that came while another for the same item or patron was under way."""
        self.let_go = asyncio.Event()

    async def carry_out(self, request: Request) -> Said:
        """Lend, lend on, or take back an item."""
        return await self._call("carry-out", request, self._carry_out)

    async def settle(self, request: Request) -> Said:
        """Say whether what the request wants is so here."""
        return await self._call("settle", request, self._settle)

    async def undo(self, request: Request) -> Said:
        """Take a loan back, if the request's card has it."""
        return await self._call("undo", request, self._undo)

    async def _call(self, verb: Verb, request: Request, act: Callable[[Request], Said]) -> Said:
        if any(_meet(request, other) for other in self.under_way):
            self.crowded += 1
        self.under_way.append(request)
        try:
            await self.pause(f"before {verb}")
            manner = self.script(verb, request)
            match manner:
                case "away":
                    return Away("the line is cut")
                case "refuse" if verb == "carry-out" and not request.happened:
                    self.sends[verb, request.request] += 1
                    said: Said = Refusal(code="limit-reached", next_step="return-first")
                case "well" | "slow" | "lose" | "mute" | "refuse":
                    if manner == "slow":
                        await self.let_go.wait()
                    self.sends[verb, request.request] += 1
                    said = act(request)
                case _:
                    assert_never(manner)
            await self.pause(f"after {verb}")
            if manner == "mute":
                await asyncio.Event().wait()
            return Doubt("the answer was lost") if manner == "lose" else said
        finally:
            self.under_way.remove(request)

    def _carry_out(self, request: Request) -> Said:
        lent = self.loans.get(request.item)
        if request.kind == "checkin":
            self.loans.pop(request.item, None)
            return Done()
        due = _day(request) + timedelta(days=21)
        if lent is not None and lent.card == request.card:
            return Done(due, renewed=True)
        if request.kind == "renew":
            return Refusal(code="not-on-loan", next_step="none")
        if lent is not None and not request.happened:
            return Refusal(code="on-loan-elsewhere", next_step="desk")
        self.loans[request.item] = Lent(request.card, request.request)
        return Done(due)

    def _settle(self, request: Request) -> Said:
        lent = self.loans.get(request.item)
        if request.kind == "checkin":
            return Done() if lent is None else Refusal(code="still-on-loan")
        if lent is None or lent.card != request.card:
            return Refusal(code="not-on-loan", next_step="put-back")
        return Done(_day(request) + timedelta(days=21), renewed=lent.request != request.request)

    def _undo(self, request: Request) -> Said:
        lent = self.loans.get(request.item)
        if lent is not None and lent.card != request.card:
            return Refusal(code="on-loan-elsewhere")
        self.loans.pop(request.item, None)
        return Done()


def _meet(one: Request, other: Request) -> bool:
    return one.item == other.item or (one.card is not None and one.card == other.card)


def _day(request: Request) -> date:
    return datetime.fromtimestamp(request.at_ms / 1000, UTC).date()
