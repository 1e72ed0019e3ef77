"""A central and a gate's copy for the tests of items: what they send each other, without a network."""

import base64
import sqlite3
from datetime import UTC, datetime
from typing import Literal

from kiosk.items_copy import (
    CopyEffect,
    Result,
    WantChanges,
    WantSnapshot,
    carry_out,
    changes_came,
    load,
    page_came,
    tick,
)
from wire.messages.asks import ItemChange, ItemChanges, ItemsPage

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
State = Literal["available", "loan", "gone"]
STATES: tuple[State, ...] = ("available", "loan", "gone")


class Central:
    """Numbers changes, keeps versions, answers asks; like the service's publisher."""

    def __init__(self, boot: str = "central-1") -> None:
        self.boot = boot
        self.items: dict[int, tuple[int, State]] = {}
        self.log: list[ItemChange] = []

    def change(self, h: int, state: State) -> ItemChanges:
        version = self.items.get(h, (0, "gone"))[0] + 1
        self.items[h] = (version, state)
        self.log.append(ItemChange(h=f"{h:016x}", v=version, s=state))
        return self.changes(len(self.log) - 1)

    def changes(self, after: int) -> ItemChanges:
        return ItemChanges(
            central=self.boot,
            first=after + 1,
            n=max(1, len(self.log)),
            at=NOW,
            changes=tuple(self.log[after:]),
        )

    def pages(self, ask: str, snapshot: str, size: int = 2) -> list[ItemsPage]:
        rows = [
            h.to_bytes(8, "big") + v.to_bytes(4, "big") + bytes((STATES.index(s),))
            for h, (v, s) in self.items.items()
        ]
        chunks = [rows[at : at + size] for at in range(0, len(rows), size)] or [[]]
        return [
            ItemsPage(
                ask=ask,
                snapshot=snapshot,
                page=number,
                pages=len(chunks),
                n=len(self.log),
                records=base64.b64encode(b"".join(chunk)).decode(),
            )
            for number, chunk in enumerate(chunks)
        ]


class GateCopy:
    """The copy of one gate with its real tables."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:")
        self.copy = load(self.db)
        self.wants: list[CopyEffect] = []
        self.mono = 0.0
        self.asks = 0

    def _take(self, result: Result) -> None:
        self.copy, effects = result
        with self.db:
            carry_out(self.db, effects, self.copy)
        self.wants += [one for one in effects if isinstance(one, WantChanges | WantSnapshot)]

    def changes(self, message: ItemChanges) -> None:
        self.asks += 1
        self._take(changes_came(self.copy, message, NOW, self.mono, f"ask-{self.asks}"))

    def page(self, page: ItemsPage) -> None:
        self._take(page_came(self.copy, page, NOW, self.mono))

    def tick(self, seconds: float = 40.0) -> None:
        self.mono += seconds
        self.asks += 1
        self._take(tick(self.copy, self.mono, f"ask-{self.asks}", poll_s=60))

    def settle(self, central: Central) -> None:
        """Answer every want until there is none; nothing is lost any more."""
        for _ in range(20):
            wants, self.wants = self.wants, []
            for want in wants:
                match want:
                    case WantSnapshot(ask=ask):
                        for page in central.pages(ask, f"s-{ask}"):
                            self.page(page)
                    case WantChanges(after=after) if after <= len(central.log):
                        self.changes(central.changes(after))
            self.tick()
        self.wants.clear()

    def rows(self) -> dict[int, tuple[int, State]]:
        return {h: (v, STATES[s]) for h, v, s in self.db.execute("SELECT h, v, s FROM items")}


def settled(central: Central) -> GateCopy:
    gate = GateCopy()
    gate.tick()
    gate.settle(central)
    return gate
