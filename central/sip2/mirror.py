"""What a library system says of an item over SIP2, asked (18) or overheard (10, 12, 30). Pure.

`stands` reads the answer to a question of ours. An `Ear` listens to somebody else's conversation, both sides
of it, and tells what was lent and what came back. It believes a reply only together with its request: a reply
does not say that it is about an undoing (`BI`), nor, in some makes, about which item. What it cannot pair it
leaves alone; a gate asks before it sounds, so nothing is guessed here.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from central.sip2.authority import CHARGED, NOT_CHARGED, VITAL, due_of
from central.sip2.codec import PLAIN, Dialect, Frame, decode
from central.sip2.conversation import ANSWERS
from central.sip2.framing import Framer
from central.sip2.messages import Message
from central.sip2.messages_items import (
    Checkin,
    CheckinResponse,
    Checkout,
    CheckoutResponse,
    ItemInformationResponse,
    Renew,
    RenewResponse,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """An item was lent, or came back."""

    item: str
    on_loan: bool
    due: date | None = None


def stands(found: ItemInformationResponse) -> bool | None:
    """Say whether somebody has an item; None for a status that does not tell (lost, missing, other, …)."""
    if found.circulation_status in CHARGED:
        return True
    return False if found.circulation_status in NOT_CHARGED else None


def readable(frame: Frame) -> bool:
    """Say whether every field that decides something could be read."""
    return not any(problem.partition(":")[0] in VITAL for problem in frame.problems)


def heard(request: Message, reply: Message) -> Heard | None:
    """Return what a reply to a request says of its item; None when nothing was lent or came back."""
    match request, reply:
        case Checkout(), CheckoutResponse(ok=True):
            return _about(request.item, reply.item, True, reply.due)
        case Renew(), RenewResponse(ok=True):
            return _about(request.item, reply.item, True, reply.due)
        case Checkin(), CheckinResponse(ok=True):
            return _about(request.item, reply.item, False)
        case _:
            return None


def _about(asked: str, said: str, on_loan: bool, due: str = "") -> Heard | None:
    item = asked or said
    if not item or said not in ("", item):
        return None
    return Heard(item, on_loan, due_of(due))


@dataclass(slots=True)
class Tally:
    """What was heard on all connections."""

    messages: Counter[str] = field(default_factory=Counter)
    """By their code."""
    unread: int = 0
    """Frames that are no SIP2, or whose checksum is wrong."""
    unpaired: int = 0
    """Replies that answer nothing that was asked."""
    lent: int = 0
    returned: int = 0


class Ear:
    """Listens to one connection: feed it what passes; it tells what was heard. It never fails."""

    def __init__(self, dialect: Dialect = PLAIN, tally: Tally | None = None) -> None:
        self.tally = tally or Tally()
        self._dialect = dialect
        self._asked: Frame | None = None
        self._up, self._down = Framer(utf8=False), Framer(utf8=False)  # titles hold any bytes, also FF

    def from_terminal(self, data: bytes) -> None:
        """Take bytes that a kiosk sent."""
        for raw in self._up.feed(data):
            found = self._read(raw)
            if found is not None and found.message.code in ANSWERS:
                self._asked = found

    def from_system(self, data: bytes) -> tuple[Heard, ...]:
        """Take bytes that the library system sent; returns what was lent and what came back."""
        return tuple(one for raw in self._down.feed(data) if (one := self._reply(raw)) is not None)

    def _read(self, raw: bytes) -> Frame | None:
        found = decode(raw, self._dialect)
        if not isinstance(found, Frame):
            self.tally.unread += 1
            return None
        self.tally.messages[found.message.code] += 1
        return found

    def _reply(self, raw: bytes) -> Heard | None:
        found = self._read(raw)
        if found is None or found.message.code == "96":  # after a 96 the request comes again
            return None
        asked = self._asked
        if asked is None or not _answers(asked, found):
            self.tally.unpaired += 1
            return None
        self._asked = None
        told = heard(asked.message, found.message) if readable(found) else None
        if told is not None:
            self.tally.lent += told.on_loan
            self.tally.returned += not told.on_loan
        return told


def _answers(asked: Frame, found: Frame) -> bool:
    digits = {asked.sequence, found.sequence} - {None}
    return ANSWERS.get(asked.message.code) == found.message.code and len(digits) <= 1
