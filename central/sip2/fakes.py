"""A desk for terminals that says what it is told to: for tests, and for who writes a client."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from central.terminal import AtTerminal, Outcome, Refused
from wire.messages.stream import Refusal

Tell = Callable[[Outcome | None], None]
"""Hears what came of a request; None: it was not done, and will not be."""


class Terminals(Protocol):
    """What the server needs of the desk."""

    def submit(self, request: AtTerminal, tell: Tell) -> None:
        """Do it; `tell` hears what came of it on the loop, after the commit, never before this returns."""


def _refused(_: AtTerminal) -> Outcome:
    return Refused(Refusal(code="not-possible-now", next_step="try-later"))


@dataclass
class ScriptedTerminals:
    """Answers by a function and keeps what it was asked."""

    say: Callable[[AtTerminal], Outcome] = _refused
    asked: list[AtTerminal] = field(default_factory=list)

    def submit(self, request: AtTerminal, tell: Tell) -> None:
        """Keep the request; answer it."""
        self.asked.append(request)
        asyncio.get_running_loop().call_soon(tell, self.say(request))
