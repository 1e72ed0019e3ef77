"""The scripted central of the edge tests, which also answers: accounts, titles, checkouts."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "edge"))

from scripted_central import ScriptedCentral

from wire.link import Outgoing
from wire.messages.asks import Account, AskAccount, AskItem, ItemSeen
from wire.messages.stream import UPWARD, Answer, Entry, Refusal
from wire.topics import topic

DUE = date(2027, 5, 3)
TITLES = {"31001": "The Hobbit", "31002": "Momo", "31003": "Dune"}


class LendingCentral(ScriptedCentral):
    """Grants every checkout once its entry is taken, but for the items in `refusals`."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.refusals: dict[str, Refusal] = {}
        self.slow = False
        """Take requests and answer none."""
        self._unanswered: list[tuple[str, Entry]] = []
        self._answered: set[str] = set()

    def _fact(self, station: str, payload: bytes) -> None:
        before = len(self.taken)
        super()._fact(station, payload)
        message = UPWARD.validate_json(payload)
        if not isinstance(message, Entry) or message.body["schema"] != "checkout/1":
            return
        if len(self.taken) > before or message.id in self._answered:  # said again, it is answered again
            self._unanswered.append((station, message))
        if not self.slow:
            self.answer_all()

    def answer_all(self) -> None:
        """Answer the requests that were taken and not answered yet."""
        while self._unanswered:
            station, message = self._unanswered.pop(0)
            self._answered.add(message.id)
            item = message.body["item"]
            refusal = self.refusals.get(item)
            answer = Answer(
                request=message.id,
                link=message.link,
                central=self.boot,
                outcome="refused" if refusal else "granted",
                at=datetime.now(UTC),
                item=item,
                due=None if refusal else DUE,
                title=TITLES.get(item),
                refusal=refusal,
            )
            self.link.post(Outgoing(topic("answer", station=station), answer.encode()))

    def _ask(self, station: str, ask: Any) -> None:
        match ask:
            case AskAccount():
                reply: Any = Account(ask=ask.ask, known=True, greeting="Greta", language="de")
            case AskItem():
                reply = ItemSeen(ask=ask.ask, item=ask.item, known=True, title=TITLES.get(ask.item))
            case _:
                super()._ask(station, ask)
                return
        self.asks.append(ask)
        self.link.post(Outgoing(topic("answer", station=station), reply.encode()))
