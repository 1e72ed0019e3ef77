"""Asks that wait for a reply, commands that were answered, and a notice that something changed.

All three are small books kept in memory: an ask is never stored (design §3), a command that comes
twice is answered with the reply it got, and a view that slept through three changes draws once.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import BaseModel

from wire.clock import Stamper
from wire.messages.asks import Account, ItemSeen, VerdictSaid
from wire.messages.states import Command, CommandReply

Reply = Account | ItemSeen | VerdictSaid
Outcome = tuple[Literal["done", "failed", "refused"], str]
"""What came of a command, and a detail for the operator; nothing personal."""

CommandHandler = Callable[[Command], Awaitable[Outcome]]

_REMEMBERED = 64


class Notice:
    """Tells any number of waiters that something changed. Nothing is lost between two waits."""

    def __init__(self) -> None:
        self.version = 0
        self._next: asyncio.Event = asyncio.Event()

    def notify(self) -> None:
        """Say that something changed; wakes everyone who waits."""
        self.version += 1
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, after: int | None = None) -> int:
        """Wait until `version` is past `after` (now, when None); return the version reached."""
        if after is None or after == self.version:
            await self._next.wait()
        return self.version


class Asks:
    """Asks under way, by their id."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Reply]] = {}

    async def wait(self, ask: str, timeout_s: float, post: Callable[[], bool]) -> Reply | None:
        """Post an ask and return its reply; None when it cannot be sent or nothing comes in time."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[ask] = future
        try:
            if not post():
                return None
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            return None
        finally:
            del self._waiting[ask]

    def settle(self, reply: Reply) -> bool:
        """Hand a reply to whoever asked; False when nobody waits for it any more."""
        future = self._waiting.get(reply.ask)
        if future is None or future.done():
            return False
        future.set_result(reply)
        return True


class Commands:
    """Commands and what came of them: each is carried out once, however often it arrives."""

    def __init__(self, stamper: Stamper) -> None:
        self._stamper = stamper
        self._replies: OrderedDict[str, CommandReply] = OrderedDict()
        self._under_way: set[str] = set()

    async def carry_out(self, command: Command, handler: CommandHandler) -> CommandReply | None:
        """Return the reply; None while the same command is under way.

        A free-running clock cannot judge `until`; then the broker's message expiry alone counts.
        """
        known = self._replies.get(command.command)
        if known is not None:
            return known
        if command.command in self._under_way:
            return None
        if self._stamper.synced and self._stamper.clock.now() > command.until:
            reply = CommandReply(command=command.command, outcome="expired")
        else:
            self._under_way.add(command.command)
            try:
                outcome, detail = await handler(command)
            finally:
                self._under_way.discard(command.command)
            reply = CommandReply(command=command.command, outcome=outcome, detail=detail[:300])
        self._replies[command.command] = reply
        while len(self._replies) > _REMEMBERED:
            self._replies.popitem(last=False)
        return reply


def ask_id(ask: BaseModel) -> str:
    """Return the id by which the reply of `ask` is known."""
    return str(getattr(ask, "ask"))  # noqa: B009 - the union of asks shares the field, not a base class
