"""The runner: carries requests to an authority elsewhere, and what it says back to the desk.

It decides nothing. The desk plans which calls are due and commits them (`AskNext`); each is made outside
any transaction, within a limit of time; its outcome goes to the desk (`Told`). A crash anywhere leaves a
committed state from which the next runner goes on, so nothing is kept here but which calls are under way.

A call that brought nothing rests for a while, longer each time, and holds its place meanwhile.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import assert_never

from central.authority import Away, Doubt, RemoteAuthority, Said
from central.authority_states import Call
from central.results import AskNext, DeskInput, DeskResult, Told

log = logging.getLogger("turnleaf.central.authority")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for an authority elsewhere. Seconds."""

    at_once: int = 8
    """Calls under way at once; as many as there are connections."""
    call_s: float = 10.0
    """One call; what it comes to after that is in doubt."""
    stale_s: float = 20.0
    """A request that could not be sent so long is refused: its patron is told after 8 s (L4)."""
    give_up_s: float = 900.0
    """What is in doubt so long is a case."""
    rest_s: float = 1.0
    """The first rest after a call that brought nothing; it doubles."""
    rest_most_s: float = 30.0
    look_s: float = 5.0
    """How often is looked without a reason: requests grow stale by themselves."""


class Runner:
    """Carries requests elsewhere until cancelled."""

    def __init__(
        self,
        remote: RemoteAuthority,
        submit: Callable[[DeskInput], Awaitable[DeskResult]],
        news: asyncio.Event,
        boot: str,
        patience: Patience | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self._remote = remote
        self._submit = submit
        self._news = news
        self._boot = boot
        self._busy: set[str] = set()
        self._calling = 0
        self._failed: dict[str, int] = {}

    async def run(self) -> None:
        """Plan, call, tell, until cancelled. What an earlier life left under way is settled first."""
        patience = self.patience
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._news.clear()
                busy, room = frozenset(self._busy), patience.at_once - self._calling
                result = await self._submit(AskNext(busy, room, round(patience.stale_s * 1000), self._boot))
                for call in result.calls:
                    self._busy.add(call.row.request)
                    self._calling += 1
                    tasks.create_task(self._carry(call), name=f"authority {call.verb}")
                try:
                    async with asyncio.timeout(patience.look_s):
                        await self._news.wait()
                except TimeoutError:
                    pass

    async def _carry(self, call: Call) -> None:
        """Make one call, tell the desk, rest if it brought nothing."""
        request = call.row.request
        try:
            said = await self._call(call)
            give_up = round(self.patience.give_up_s * 1000)
            await self._submit(Told(request, call.verb, said, give_up, self._boot))
        finally:
            self._calling -= 1
            self._news.set()
        if isinstance(said, Doubt | Away):
            failed = self._failed[request] = self._failed.get(request, 0) + 1
            most = min(self.patience.rest_s * 2 ** min(failed - 1, 16), self.patience.rest_most_s)
            await asyncio.sleep(most * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        else:
            self._failed.pop(request, None)
        self._busy.discard(request)
        self._news.set()

    async def _call(self, call: Call) -> Said:
        try:
            async with asyncio.timeout(self.patience.call_s):
                match call.verb:
                    case "carry-out":
                        return await self._remote.carry_out(call.request)
                    case "settle":
                        return await self._remote.settle(call.request)
                    case "undo":
                        return await self._remote.undo(call.request)
                    case "expire":
                        raise ValueError("what expires is not called")
                    case _:
                        assert_never(call.verb)
        except TimeoutError:
            log.warning("the authority gave no answer to %s in time", call.verb)
            return Doubt("no answer in time")
