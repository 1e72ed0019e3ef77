"""A desk for terminals that says what it is told to: for tests, and for who writes a client."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from central.terminal import AtTerminal, Outcome, Refused
from wire.messages.stream import Refusal


class Terminals(Protocol):
    """What the server needs of the desk."""

    async def submit(self, request: AtTerminal) -> Outcome:
        """Do it, and return what came of it after the commit."""


def _refused(_: AtTerminal) -> Outcome:
    return Refused(Refusal(code="not-possible-now", next_step="try-later"))


@dataclass
class ScriptedTerminals:
    """Answers by a function and keeps what it was asked."""

    say: Callable[[AtTerminal], Outcome] = _refused
    asked: list[AtTerminal] = field(default_factory=list)

    async def submit(self, request: AtTerminal) -> Outcome:
        """Keep the request; answer it."""
        self.asked.append(request)
        return self.say(request)
