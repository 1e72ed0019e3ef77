"""What a visit wants done, carried out: asked of central, committed, written on tags, printed.

Each effect with an outcome is a task of its own that ends by telling exactly one event, also when a device is
lost or the outbox is full; so the visit never waits for an outcome that cannot come.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container, Coroutine

from firmware_bridge.ports import Pad
from firmware_bridge.tags.security import writing
from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.config_kiosk import KioskSettings
from kiosk.pad_loop import security_rules
from kiosk.receipt_words import receipt
from kiosk.receipts import KioskPrinter
from kiosk.secure import write_security
from kiosk.station import Station
from kiosk.words import words
from wire.edge import OutboxFull
from wire.ids import mask, new_id
from wire.messages.asks import Account, AskAccount, AskItem, ItemSeen
from wire.messages.base import stamped
from wire.messages.facts import Checkout

log = logging.getLogger("turnleaf.kiosk.visit")

ACCOUNT_S = 3.0
RETRY_S = 1.0

Begin = Callable[[Coroutine[None, None, None], str], None]


class VisitWork:
    """The effects of one kiosk's visits. `tell` takes each outcome; `present` holds the tags on the pad."""

    def __init__(
        self,
        station: Station,
        settings: KioskSettings,
        pad: Pad,
        printer: KioskPrinter | None,
        present: Container[str],
        tell: Callable[[e.Event], None],
    ) -> None:
        self._station = station
        self._settings = settings
        self._pad = pad
        self._printer = printer
        self._present = present
        self._tell = tell
        self.counts = {"lent": 0, "returned": 0, "withdrawn": 0, "cases": 0, "receipts": 0}
        """What was done since the start, for a sample."""

    def _now(self) -> float:
        return self._station.stamper.clock.mono() / 1000

    def carry_out(self, effect: e.Effect, begin: Begin) -> None:
        """Begin what an effect asks for; sounds and the end of a visit are not for here."""
        edge = self._station.edge
        match effect:
            case e.AskAccount(visit, card):
                begin(self._ask_account(visit, card), "account")
            case e.AskTitle(item):
                begin(self._ask_title(item), "title")
            case e.Lend():
                begin(self._lend(effect), "request")
            case e.CheckIn(item):
                begin(self._check_in(item), "checkin")
            case e.WriteTags():
                begin(self._write(effect), "tags")
            case e.PrintReceipt():
                begin(self._print(effect), "receipt")
            case e.Withdraw(request, reason):
                begin(self._note(request, lambda: self._withdraw(request, reason)), "withdraw")
            case e.NoteWritten(request, item, afi):
                begin(self._note(request, lambda: edge.tag_written(request, item, afi)), "written")
                self.counts["lent"] += 1
            case e.NoteUnknown(request, item):
                begin(self._note(request, lambda: edge.tag_unknown(request, item)), "unknown")
                self.counts["cases"] += 1
            case e.NoteSecured(checkin, item, outcome, as_read):
                begin(self._note(checkin, lambda: edge.secured(checkin, item, outcome, as_read)), "secured")
                self.counts["returned" if outcome == "verified" else "cases"] += 1
            case e.Sound() | e.Ended():
                pass

    async def _ask_account(self, visit: str, card: str) -> None:
        said = await self._station.ask(AskAccount(ask=new_id(), card=card), ACCOUNT_S)
        self._tell(e.AccountSaid(self._now(), visit, said if isinstance(said, Account) else None))

    async def _ask_title(self, item: str) -> None:
        said = await self._station.ask(AskItem(ask=new_id(), item=item), ACCOUNT_S)
        self._tell(e.TitleKnown(self._now(), item, said.title if isinstance(said, ItemSeen) else None))

    async def _lend(self, effect: e.Lend) -> None:
        body = Checkout(
            visit=effect.visit,
            card=effect.card,
            item=effect.item,
            parts_seen=effect.parts_seen,
            **stamped(self._station.stamp()),
        )
        try:
            request = await self._station.commit(self._station.edge.request(body))
        except OutboxFull as error:
            log.error("a request was not taken: %s", error.seen)
            request = ""
        self._tell(e.Requested(self._now(), effect.visit, effect.item, request))

    async def _check_in(self, item: str) -> None:
        try:
            checkin = await self._station.commit(self._station.edge.checkin(item, "kiosk"))
        except OutboxFull as error:
            log.error("a return was not taken: %s", error.seen)
            checkin = ""
        self._tell(e.CheckedIn(self._now(), item, checkin))

    async def _write(self, effect: e.WriteTags) -> None:
        pad = self._settings.pad
        written = await write_security(
            self._pad,
            effect.uids,
            writing("secured" if effect.secured else "lent", security_rules(pad)),
            present=self._present.__contains__,
            within_s=0,
            clock=self._station.stamper.clock,
        )
        if written.outcome != "verified":
            log.warning("a tag of item %s: %s: %s", mask(effect.item), written.outcome, written.reason)
        self._tell(e.WriteEnded(self._now(), effect.key, written.outcome, written.afi))

    async def _print(self, effect: e.PrintReceipt) -> None:
        settings = self._settings.receipt
        if self._printer is None or settings is None:
            self._tell(e.ReceiptEnded(self._now(), effect.key, "away"))
            return
        offered = self._settings.languages
        language = effect.language if effect.language in offered else offered[0]
        today = self._station.stamper.clock.now().astimezone().date()
        outcome = await self._printer.print(
            receipt(words(language or offered[0]), settings, effect.slip, today)
        )
        self.counts["receipts"] += outcome == "printed"
        self._tell(e.ReceiptEnded(self._now(), effect.key, outcome))

    async def _withdraw(self, request: str, reason: s.WithdrawReason) -> None:
        await self._station.edge.withdraw(request, reason)
        self.counts["withdrawn"] += 1
        log.info("a request was withdrawn: %s", reason)

    async def _note(self, key: str, write: Callable[[], Awaitable[None]]) -> None:
        """Commit what happened, however long the outbox is full: the visit waits, and nothing is lost."""
        while True:
            try:
                await self._station.commit(write())
            except OutboxFull as error:
                log.error("waiting for room in the outbox: %s", error.seen)
                await asyncio.sleep(RETRY_S)
            else:
                break
        self._tell(e.Noted(self._now(), key))
