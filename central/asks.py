"""Asks: questions that only read. They expire in seconds; an answer that comes too late is not given."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from pydantic import ValidationError

from central.items import pages
from central.ledger.ledger import Ledger
from wire.link import Inbound, Link, Outgoing
from wire.messages.asks import (
    ASKS,
    Ask,
    AskAccount,
    AskChanges,
    AskItem,
    AskSnapshot,
    AskVerdict,
    ItemChanges,
    VerdictSaid,
)
from wire.messages.base import Message
from wire.topics import BY_NAME, topic

log = logging.getLogger("turnleaf.central.asks")


class Asks:
    """Answers what stations ask, from the ledger's readers."""

    def __init__(self, ledger: Ledger, link: Link, items_key: bytes, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._link = link
        self._key = items_key
        self._now = now
        self.answered = 0
        self.unreadable = 0

    async def take(self, station: str, message: Inbound) -> None:
        """Answer one ask; a word that is none is counted and forgotten."""
        try:
            ask = ASKS.validate_json(message.payload)
        except ValidationError:
            self.unreadable += 1
            log.warning("%s asked something that cannot be read", station)
            return
        for row, said in await self._answer(ask):
            self._link.post(
                Outgoing(topic(row, station=station), said.encode(), expiry_s=BY_NAME["ask"].expiry_s)
            )
        self.answered += 1

    async def _answer(self, ask: Ask) -> list[tuple[str, Message]]:
        match ask:
            case AskAccount():
                found = await self._ledger.account(ask.ask, ask.card, ask.pin, self._now())
                return [("answer", found)]
            case AskItem():
                return [("answer", await self._ledger.item(ask.ask, ask.item))]
            case AskVerdict():
                on_loan = await self._ledger.on_loan(ask.item)
                return [("answer", VerdictSaid(ask=ask.ask, item=ask.item, on_loan=on_loan))]
            case AskSnapshot():
                return await self._snapshot(ask.ask)
            case AskChanges():
                return await self._changes(ask)
            case _:
                assert_never(ask)

    async def _snapshot(self, ask: str) -> list[tuple[str, Message]]:
        found = await self._ledger.snapshot_items(self._key)
        return [("items", page) for page in pages(ask, found.n, found.rows)]

    async def _changes(self, ask: AskChanges) -> list[tuple[str, Message]]:
        """Return the changes after a number; a snapshot when they are not kept any more."""
        found = await self._ledger.changes_after(ask.after, self._key)
        if found is None:
            return await self._snapshot(ask.ask)
        if not found.changes:
            return []
        said = ItemChanges(
            central=self._ledger.boot, first=found.first, n=found.n, at=self._now(), changes=found.changes
        )
        return [("items", said)]
