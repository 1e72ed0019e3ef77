"""The devices of a kiosk: each watched by a loop, said as a part, told to the visit as its events.

What a device does to a visit is said here once: a tag that lies on the pad, a card that was laid down, was
scanned or could not be read, a printer that has no paper. A device that is not fitted is no part and never
works.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from firmware_bridge import ports
from firmware_bridge.tags import reading as tags
from kiosk import visit_events as e
from kiosk import visit_state as s
from kiosk.config_kiosk import KioskSettings
from kiosk.pad_loop import PadEvent, PadFound, PadLost, PadSampled, Placed, Removed, watch_pad
from kiosk.patron_cards import NumberedCards, patron_cards
from kiosk.printer_watch import watch_printer
from kiosk.receipts import KioskPrinter, Ready, kiosk_printer
from kiosk.scanner_watch import ScannerCounts, open_scanner, watch_scanner
from kiosk.station import Station
from wire.ids import mask, new_id

log = logging.getLogger("turnleaf.kiosk.devices")

PAD, CARDS, SCANNER = "pad", "card-reader", "scanner"
"""Names of the parts."""
Named = tuple[str, Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What this kiosk has."""

    pad: ports.Pad
    cards: ports.CardReader | None = None
    scanner: ports.Scanner | None = None
    printer: KioskPrinter | None = None


def fitted(
    settings: KioskSettings,
    pad: ports.Pad,
    cards: ports.CardReader | None = None,
    scanner: ports.Scanner | None = None,
) -> Fitted:
    """Return the drivers of what the settings name; those that are given take their place."""
    return Fitted(
        pad,
        cards or (patron_cards(settings.card) if settings.card.fitted else None),
        scanner or (open_scanner(settings.scanner) if settings.scanner else None),
        kiosk_printer(settings.printer, settings.receipt) if settings.printer else None,
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


class KioskDevices:
    """The devices of one kiosk. `tell` takes what happens to the visit."""

    def __init__(
        self, station: Station, settings: KioskSettings, has: Fitted, tell: Callable[[e.Event], None]
    ) -> None:
        self._station = station
        self._settings = settings
        self._has = has
        self._tell = tell
        self._scans = ScannerCounts()
        self._cards_before: dict[str, float] = {}
        self.present: set[str] = set()
        """UIDs of the tags on the pad."""
        self.also_sampled: Mapping[str, int] = {}
        """Counts of the visits, told with the pad's samples."""
        named = ((PAD, has.pad), (CARDS, has.cards), (SCANNER, has.scanner))
        self._works = {part: False for part, device in named if device is not None}
        for part in self._works:
            station.set_part(part, "lost", seen="not tried yet")

    def works(self, part: str) -> bool:
        """Say whether a device is fitted and answers."""
        return self._works.get(part, False)

    @property
    def receipt(self) -> Ready:
        """Whether a receipt can be printed."""
        return self._has.printer.ready if self._has.printer else "none"

    def said(self) -> str:
        """Return how the other devices than the pad are, in words."""
        others = {CARDS: "card reader", SCANNER: "scanner"}
        return "; ".join(
            f"{name} {'works' if self._works[part] else 'is lost'}"
            for part, name in others.items()
            if part in self._works
        )

    def loops(self) -> tuple[Named, ...]:
        """Return the loops of the devices, each with its name; they end by cancellation alone."""
        has, station, settings = self._has, self._station, self._settings
        pad = watch_pad(
            has.pad, settings.pad, station.stamper.clock, self._on_pad, sample_s=settings.sample_s
        )
        found: list[Named] = [("pad", pad), ("samples", self._sample())]
        if has.cards is not None:
            found.append(("card reader", self._watch_cards(has.cards)))
        if has.scanner is not None:
            found.append(("scanner", watch_scanner(has.scanner, self._scans, self._on_scan)))
        if has.printer is not None:
            found.append(("printer", watch_printer(station, settings.printer, has.printer)))
        return tuple(found)

    def _now(self) -> float:
        return self._station.stamper.clock.mono() / 1000

    def _on_pad(self, event: PadEvent) -> None:
        match event:
            case Placed(uid, reading):
                self.present.add(uid)
                self._tell(e.TagPlaced(self._now(), uid, tag_of(reading)))
            case Removed(uid):
                self.present.discard(uid)
                self._tell(e.TagRemoved(self._now(), uid))
            case PadLost(error):
                self._set_part(PAD, works=False, seen=error.seen)
            case PadFound(info):
                self._set_part(PAD, works=True, info=info)
            case PadSampled(values):
                self._station.sample(PAD, **values)
                self._station.sample("visits", **{name: float(n) for name, n in self.also_sampled.items()})

    def _set_part(
        self, part: str, *, works: bool, info: ports.DeviceInfo | None = None, seen: str = ""
    ) -> None:
        self._works[part] = works
        self._station.set_part(part, "ok" if works else "lost", info, seen)

    async def _watch_cards(self, cards: ports.CardReader) -> None:
        async with aclosing(cards.events()) as events:  # type: ignore[type-var] # an async generator
            async for event in events:
                match event:
                    case ports.CardPlaced(uid=uid):
                        log.info("card %s", mask(uid))
                        self._tell(e.CardPlaced(self._now(), uid, new_id()))
                    case ports.CardUnread(why=why, kind=kind):
                        log.info("a card that cannot be used (%s): %s", why, kind)
                        self._tell(e.CardUnread(self._now(), why))
                    case ports.CardRemoved():
                        self._tell(e.CardRemoved(self._now()))
                    case ports.ReaderLost(error=error):
                        self._set_part(CARDS, works=False, seen=error.seen)
                        self._tell(e.CardRemoved(self._now()))
                    case ports.ReaderFound(info=info):
                        self._set_part(CARDS, works=True, info=info)

    def _on_scan(self, event: ports.ScanEvent) -> None:
        match event:
            case ports.CodeScanned(code=code):
                log.info("scanned card %s", mask(code))
                self._tell(e.CardScanned(self._now(), code, new_id()))
            case ports.CodeRefused(rule=rule):
                why: Literal["wrong-code", "bad-scan"] = (
                    "wrong-code" if rule in ("length", "prefix") else "bad-scan"
                )
                self._tell(e.CardUnread(self._now(), why))
            case ports.ReaderLost(error=error):
                self._set_part(SCANNER, works=False, seen=error.seen)
            case ports.ReaderFound(info=info):
                self._set_part(SCANNER, works=True, info=info)

    async def _sample(self) -> None:
        """Tell how reader and scanner did since the last sample; counts are of the time in between."""
        while True:
            await asyncio.sleep(self._settings.sample_s)
            cards = self._has.cards
            if isinstance(cards, NumberedCards):
                health = cards.health
                counts = {
                    "cards": float(health.cards),
                    "unread": float(health.unread),
                    "retries": float(health.retries),
                    "connections": float(health.connections),
                }
                new = {name: n - self._cards_before.get(name, 0.0) for name, n in counts.items()}
                self._cards_before = counts
                self._station.sample(CARDS, response_ms=health.response_ms, **new)
            if self._has.scanner is not None:
                self._station.sample(SCANNER, **self._scans.taken())
