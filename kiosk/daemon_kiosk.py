"""The kiosk's daemon: carries out what `kiosk.visit.step` wants, and tells it what came of it.

One loop owns the visit: events come in through one queue, `step` answers, the screen is shown. Each
effect with an outcome is a task of its own that ends by putting exactly one event into the queue, also
when a device is lost or the outbox is full; so the visit never waits for an outcome that cannot come.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing

from firmware_bridge import ports
from firmware_bridge.tags import reading as tags
from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.config import KioskSettings
from kiosk.pad_loop import PadEvent, PadFound, PadLost, PadSampled, Placed, Removed, open_pad, watch_pad
from kiosk.page.render import Panel
from kiosk.page.server import Page
from kiosk.patron_cards import patron_cards
from kiosk.printer_watch import watch_printer
from kiosk.secure import write_security
from kiosk.station import Station
from kiosk.station_main import ready
from kiosk.station_talk import Outcome
from kiosk.view import screen
from kiosk.view_model import Screen
from kiosk.visit import step
from wire.clock import Clock
from wire.edge import OutboxFull
from wire.errors import DeviceError
from wire.ids import mask, new_id
from wire.link import Link
from wire.messages.asks import Account, AskAccount, AskItem, ItemSeen
from wire.messages.base import stamped
from wire.messages.facts import Checkout
from wire.messages.states import Command
from wire.output import emit

log = logging.getLogger("turnleaf.kiosk.visit")

TICK_S = 0.2
ACCOUNT_S = 3.0
RETRY_S = 1.0
RETURNS_STOP = 0.98
"""Share of the outbox at which returns close: one that began must have room for all it entails."""
TRY_S = 1.0
"""About how long one try to write a tag takes, the pause included; `timeouts.write_s` in tries."""


def rules_of(settings: KioskSettings) -> s.Rules:
    """Return the limits of a visit as the settings have them."""
    times = settings.timeouts
    return s.Rules(
        wait_s=times.answer_s,
        idle_s=times.idle_s,
        warn_s=times.warning_s,
        goodbye_s=times.goodbye_s,
        tries=max(2, round(times.write_s / TRY_S)),
    )


def tag_of(reading: tags.TagReading) -> s.Tag:
    """Return what a tag is to a visit; an unknown security counts as secured: it waits for a card."""
    match reading:
        case tags.ItemTag(item=item, part=part, parts=parts, security=security):
            return s.Ours(item, security != "unsecured", part, max(1, parts))
        case tags.ForeignTag():
            return s.Foreign()
        case tags.PatronTag():
            return s.PatronTag()
        case tags.BlankTag() | tags.DamagedTag() | tags.UnknownTag():
            return s.Unreadable()


class KioskDaemon:
    """One kiosk."""

    def __init__(
        self, station: Station, settings: KioskSettings, pad: ports.Pad, cards: ports.CardReader
    ) -> None:
        self._station = station
        self._settings = settings
        self._pad = pad
        self._cards = cards
        self._events: asyncio.Queue[e.Event] = asyncio.Queue()
        self._present: set[str] = set()
        self._works = {"pad": False, "card-reader": False}
        self._counts = {"lent": 0, "returned": 0, "withdrawn": 0, "cases": 0}
        self._tasks: asyncio.TaskGroup | None = None
        self._kiosk = s.Kiosk(rules_of(settings), self._conditions())
        panel = Panel(settings.panel.width_mm, settings.panel.width_px, settings.panel.distance_mm)
        self.page = Page(settings.page.host, settings.page.port, panel, self._screen(), self._on_press)
        station.on_command(self._on_command)
        for part in self._works:
            station.set_part(part, "lost", seen="not tried yet")

    async def run(self) -> None:
        """Work until cancelled."""
        clock = self._station.stamper.clock
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._begin(self._station.run(), "station")
            watching = watch_pad(
                self._pad, self._settings.pad, clock, self._on_pad, sample_s=self._settings.sample_s
            )
            self._begin(watching, "pad")
            self._begin(self._watch_cards(), "card reader")
            self._begin(watch_printer(self._station, self._settings.printer), "printer")
            self._begin(self._take_answers(), "answers")
            self._begin(self._tick(), "ticks")
            self._begin(self.page.serve(), "page")
            while True:
                self._kiosk, effects = step(self._kiosk, await self._events.get())
                for effect in effects:
                    self._carry_out(effect)
                self.page.show(self._screen())

    # --- what comes in ---

    def _now(self) -> float:
        return self._station.stamper.clock.mono() / 1000

    def _screen(self) -> Screen:
        return screen(self._kiosk, self._now(), self._settings.languages)

    def _on_press(self, button: str, value: str) -> None:
        self._events.put_nowait(e.Pressed(self._now(), button, value))  # type: ignore[arg-type] # checked by the page

    def _conditions(self) -> s.Conditions:
        station = self._station
        return s.Conditions(
            lending=station.lending,
            returns=station.edge.depth().fill < RETURNS_STOP and station.closed_by_operator is None,
            pad=self._works["pad"],
            reader=self._works["card-reader"],
        )

    async def _tick(self) -> None:
        while True:
            conditions = self._conditions()
            if conditions != self._kiosk.conditions:
                self._events.put_nowait(e.ConditionsChanged(self._now(), conditions))
                self._say_service(conditions)
            self._events.put_nowait(e.Tick(self._now()))
            await asyncio.sleep(TICK_S)

    def _say_service(self, conditions: s.Conditions) -> None:
        if not conditions.pad:
            self._station.set_service("closed", "pad lost")
        elif not conditions.reader:
            self._station.set_service("returns-only", "card reader lost")
        else:
            self._station.set_service("open")

    def _on_pad(self, event: PadEvent) -> None:
        match event:
            case Placed(uid, reading):
                self._present.add(uid)
                self._events.put_nowait(e.TagPlaced(self._now(), uid, tag_of(reading)))
            case Removed(uid):
                self._present.discard(uid)
                self._events.put_nowait(e.TagRemoved(self._now(), uid))
            case PadLost(error):
                self._set_part("pad", works=False, seen=error.seen)
            case PadFound(info):
                self._set_part("pad", works=True, info=info)
            case PadSampled(values):
                self._station.sample("pad", **values)
                self._station.sample("visits", **{name: float(n) for name, n in self._counts.items()})

    def _set_part(
        self, part: str, *, works: bool, info: ports.DeviceInfo | None = None, seen: str = ""
    ) -> None:
        self._works[part] = works
        self._station.set_part(part, "ok" if works else "lost", info, seen)

    async def _watch_cards(self) -> None:
        async with aclosing(self._cards.events()) as events:  # type: ignore[type-var] # an async generator
            async for event in events:
                match event:
                    case ports.CardPlaced(uid=uid):
                        log.info("card %s", mask(uid))
                        self._events.put_nowait(e.CardPlaced(self._now(), uid, new_id()))
                    case ports.CardRemoved():
                        self._events.put_nowait(e.CardRemoved(self._now()))
                    case ports.ReaderLost(error=error):
                        self._set_part("card-reader", works=False, seen=error.seen)
                        self._events.put_nowait(e.CardRemoved(self._now()))
                    case ports.ReaderFound(info=info):
                        self._set_part("card-reader", works=True, info=info)

    async def _take_answers(self) -> None:
        while True:
            answer, phase = await self._station.answers.get()
            if phase in ("writing", "refused"):
                self._events.put_nowait(e.Answered(self._now(), answer))

    # --- what is to be done ---

    def _carry_out(self, effect: e.Effect) -> None:
        match effect:
            case e.Sound(tone):
                self.page.tone(tone)
            case e.Ended():
                log.info("the visit is over")
            case e.AskAccount(visit, card):
                self._begin(self._ask_account(visit, card), "account")
            case e.AskTitle(item):
                self._begin(self._ask_title(item), "title")
            case e.Lend():
                self._begin(self._lend(effect), "request")
            case e.CheckIn(item):
                self._begin(self._check_in(item), "checkin")
            case e.WriteTags():
                self._begin(self._write(effect), "tags")
            case e.Withdraw(request, reason):
                self._begin(self._note(request, lambda: self._withdraw(request, reason)), "withdraw")
            case e.NoteWritten(request, item, afi):
                edge = self._station.edge
                self._begin(self._note(request, lambda: edge.tag_written(request, item, afi)), "written")
                self._counts["lent"] += 1
            case e.NoteUnknown(request, item):
                edge = self._station.edge
                self._begin(self._note(request, lambda: edge.tag_unknown(request, item)), "unknown")
                self._counts["cases"] += 1
            case e.NoteSecured(checkin, item, outcome, as_read):
                edge = self._station.edge
                self._begin(
                    self._note(checkin, lambda: edge.secured(checkin, item, outcome, as_read)), "secured"
                )
                self._counts["returned" if outcome == "verified" else "cases"] += 1

    def _begin(self, work: Coroutine[None, None, None], name: str) -> None:
        assert self._tasks is not None
        self._tasks.create_task(work, name=name)

    async def _ask_account(self, visit: str, card: str) -> None:
        said = await self._station.ask(AskAccount(ask=new_id(), card=card), ACCOUNT_S)
        account = said if isinstance(said, Account) else None
        self._events.put_nowait(e.AccountSaid(self._now(), visit, account))

    async def _ask_title(self, item: str) -> None:
        said = await self._station.ask(AskItem(ask=new_id(), item=item), ACCOUNT_S)
        title = said.title if isinstance(said, ItemSeen) else None
        self._events.put_nowait(e.TitleKnown(self._now(), item, title))

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
        self._events.put_nowait(e.Requested(self._now(), effect.visit, effect.item, request))

    async def _check_in(self, item: str) -> None:
        try:
            checkin = await self._station.commit(self._station.edge.checkin(item, "kiosk"))
        except OutboxFull as error:
            log.error("a return was not taken: %s", error.seen)
            checkin = ""
        self._events.put_nowait(e.CheckedIn(self._now(), item, checkin))

    async def _write(self, effect: e.WriteTags) -> None:
        pad = self._settings.pad
        written = await write_security(
            self._pad,
            effect.uids,
            pad.afi_secured if effect.secured else pad.afi_lent,
            present=self._present.__contains__,
            within_s=0,
            clock=self._station.stamper.clock,
        )
        if written.outcome != "verified":
            log.warning("a tag of item %s: %s: %s", mask(effect.item), written.outcome, written.reason)
        self._events.put_nowait(e.WriteEnded(self._now(), effect.key, written.outcome, written.afi))

    async def _withdraw(self, request: str, reason: s.WithdrawReason) -> None:
        await self._station.edge.withdraw(request, reason)
        self._counts["withdrawn"] += 1
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
        self._events.put_nowait(e.Noted(self._now(), key))

    async def _on_command(self, command: Command) -> Outcome:
        match command.verb:
            case "selftest":
                try:
                    info = await self._pad.info()
                    count = len(await self._pad.inventory())
                except DeviceError as error:
                    return "failed", error.seen
                cards = "works" if self._works["card-reader"] else "is lost"
                return "done", f"pad {info.model or info.make}: {count} tags; card reader {cards}"
            case "resync":
                return "refused", "a kiosk holds no copy"
            case "open" | "close":
                return "done", ""


async def run_kiosk(
    settings: KioskSettings,
    *,
    link: Link | None = None,
    pad: ports.Pad | None = None,
    cards: ports.CardReader | None = None,
    clock: Clock | None = None,
    on_ready: Callable[["KioskDaemon"], None] | None = None,
) -> None:
    """Run a kiosk until cancelled; raises ConfigError for a setting that cannot be used.

    Says `ready URL` on standard output; the same URL, which holds the key of this boot, stands in
    `page.url` in the state folder, readable by its owner alone, for the browser's launcher.
    """
    feig = open_pad(settings.pad) if pad is None else None
    chosen = pad or feig
    assert chosen is not None
    try:
        async with Station.open(settings, "kiosk", link=link, clock=clock) as station:
            reader = cards or patron_cards(settings.card)
            daemon = KioskDaemon(station, settings, chosen, reader)
            where = settings.state_dir / "page.url"
            where.touch(mode=0o600)
            where.write_text(daemon.page.url + "\n")
            emit({"ready": daemon.page.url}, as_json=settings.log.as_json, text=f"ready {daemon.page.url}")
            ready(settings.name)
            if on_ready is not None:
                on_ready(daemon)
            await daemon.run()
    finally:
        if feig is not None:
            await feig.close()
